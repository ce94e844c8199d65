/*
 * What servers written for Unix call at their start or at their end, where a guest has nothing
 * behind it: other users, the background, pipes, limits, the system's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "libc/fd.h"

/* ---- users: there is none but 0, and it has no name ---- */

struct passwd *getpwnam(const char *name)
{
    (void)name;
    return NULL;
}

struct passwd *getpwuid(uid_t user)
{
    (void)user;
    return NULL;
}

struct group *getgrnam(const char *name)
{
    (void)name;
    return NULL;
}

struct group *getgrgid(gid_t group)
{
    (void)group;
    return NULL;
}

/* To stay who one is is granted. */
static int become(unsigned int id)
{
    return (int)fd_result(id ? -EPERM : 0);
}

int setuid(uid_t user)
{
    return become(user);
}

int seteuid(uid_t user)
{
    return become(user);
}

int setgid(gid_t group)
{
    return become(group);
}

int setegid(gid_t group)
{
    return become(group);
}

int setgroups(int count, const gid_t *groups)
{
    for (int i = 0; i < count; i++)
        if (groups[i])
            return become(groups[i]);
    return 0;
}

int initgroups(const char *name, gid_t group)
{
    (void)name;
    return become(group);
}

/* ---- processes ---- */

/* A guest has been in the background from its first instruction. */
int daemon(int stay, int keep)
{
    (void)stay;
    (void)keep;
    return 0;
}

pid_t setsid(void)
{
    return getpid();
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    (void)pid;
    (void)status;
    (void)options;
    return (pid_t)fd_result(-ECHILD);
}

int execve(const char *path, char *const argv[], char *const environment[])
{
    (void)path;
    (void)argv;
    (void)environment;
    return (int)fd_result(-ENOSYS);
}

int pipe(int ends[2])
{
    (void)ends;
    return (int)fd_result(-ENOSYS);
}

/* All that the guest used, as times() counts it; children are none. */
int getrusage(int who, struct rusage *used)
{
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN)
        return (int)fd_result(-EINVAL);
    struct tms now = {0};
    memset(used, 0, sizeof *used);
    if (who == RUSAGE_SELF) {
        long rate = CLOCKS_PER_SEC;
        times(&now);
        used->ru_utime.tv_sec = (time_t)(now.tms_utime / rate);
        used->ru_utime.tv_usec = (suseconds_t)(now.tms_utime % rate * (1000000 / rate));
    }
    return 0;
}

int uname(struct utsname *name)
{
    memset(name, 0, sizeof *name);
    strcpy(name->sysname, "guest-kit");
    strcpy(name->machine, "x86_64");
    return gethostname(name->nodename, sizeof name->nodename);
}

/* ---- the file tree: read only, and its root is all there is ---- */

int chroot(const char *path)
{
    return chdir(path);
}

mode_t umask(mode_t mask)
{
    static mode_t last = 022;
    mode_t before = last;
    last = mask & 0777;
    return before;
}

int ftruncate(int fd, off_t size)
{
    (void)size;
    return (int)fd_result(fd_get(fd) ? -EROFS : -EBADF);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t offset)
{
    (void)from;
    (void)size;
    (void)offset;
    struct fd_file *file = fd_get(fd);
    return fd_result(file && (file->flags & O_ACCMODE) != O_RDONLY ? -ESPIPE : -EBADF);
}

int chmod(const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return (int)fd_result(-EROFS);
}

int rmdir(const char *path)
{
    (void)path;
    return (int)fd_result(-EROFS);
}

/* ---- the system's log is the console ---- */

static const char *log_name;
static int log_mask = 0xff;

void openlog(const char *name, int options, int facility)
{
    (void)options;
    (void)facility;
    log_name = name;
}

void closelog(void)
{
    log_name = NULL;
}

int setlogmask(int mask)
{
    int before = log_mask;
    if (mask)
        log_mask = mask;
    return before;
}

void vsyslog(int priority, const char *format, va_list values)
{
    int saved = errno;
    if (!(log_mask & LOG_MASK(LOG_PRI(priority))))
        return;
    if (log_name)
        fprintf(stderr, "%s: ", log_name);
    errno = saved; /* for %m */
    vfprintf(stderr, format, values);
    if (!*format || format[strlen(format) - 1] != '\n')
        fputc('\n', stderr);
}

void syslog(int priority, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsyslog(priority, format, values);
    va_end(values);
}
