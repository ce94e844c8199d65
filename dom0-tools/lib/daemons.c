/* Argon's daemons as axl needs them (see daemons.h): each holds a lock on /run/NAME.lock. */
#include "lib/daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool daemon_running(const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/run/%s.lock", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

static const char *program(const char *name, char *path, size_t room)
{
    static const char *const dirs[] = {"/usr/local/sbin", "/usr/sbin", "/usr/local/bin",
                                       "/usr/bin"};
    for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        snprintf(path, room, "%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

bool daemon_available(const char *name)
{
    char path[64];
    return daemon_running(name) || program(name, path, sizeof path);
}

int daemon_need(const char *name, struct why *w)
{
    char path[64], log[64];
    if (daemon_running(name))
        return 0;
    if (!program(name, path, sizeof path))
        return why(w, -ENOENT, "%s is not running, and there is no such program to start", name);
    snprintf(log, sizeof log, "--log=/var/log/xen/%s.log", name);
    char *argv[] = {path, log, NULL};
    pid_t pid;
    int status, err = posix_spawn(&pid, path, NULL, NULL, argv, environ);
    if (err)
        return why(w, -err, "%s cannot be started: %s", path, strerror(err));
    /* It goes to the background by itself, and this process ends when it serves. */
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return why(w, -errno, "%s: %s", path, strerror(errno));
    if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || daemon_running(name))
        return 0;
    return why(w, -EIO, "%s could not start; /var/log/xen/%s.log says why", path, name);
}
