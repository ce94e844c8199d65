/* Talking to argon-consoled, and reading what it has written (see cons.h). */
#include "lib/cons.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "consoled/text.h"

enum { ANSWER_S = 10, LOGS_MAX = 99 };

static int call(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = CONS_SOCKET};
    const struct timeval patience = {.tv_sec = ANSWER_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
        int rc = errno == ECONNREFUSED ? -ENOENT : -errno;
        close(fd);
        return rc;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* One line to it and one back, byte by byte: what follows is the guest's. */
static int ask(int fd, const char *line, char *answer, size_t room)
{
    size_t n = 0;
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
        return -errno;
    while (n + 1 < room) {
        ssize_t k = recv(fd, answer + n, 1, 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k ? -errno : -ECONNRESET;
        if (answer[n] == '\n')
            break;
        n++;
    }
    answer[n] = 0;
    return strncmp(answer, "ok", 2) == 0 ? 0 : -ESRCH;
}

int cons_attach(uint32_t domid, bool resume, uint32_t *pos, struct why *w)
{
    char line[64], answer[160];
    int fd = call();
    if (fd < 0)
        return why(w, fd, "argon-consoled at " CONS_SOCKET ": %s", strerror(-fd));
    if (resume)
        snprintf(line, sizeof line, "attach %u %u\n", domid, *pos);
    else
        snprintf(line, sizeof line, "attach %u\n", domid);
    int rc = ask(fd, line, answer, sizeof answer);
    if (rc) {
        close(fd);
        if (rc == -ESRCH && strncmp(answer, "error ", 6) == 0)
            return why(w, rc, "%s", answer + 6);
        return why(w, rc == -ENOENT ? -EIO : rc, "argon-consoled does not answer: %s",
                   strerror(-rc));
    }
    *pos = (uint32_t)strtoul(answer + 2, NULL, 10);
    return fd;
}

void cons_ready(uint32_t domid)
{
    char line[32], answer[160];
    int fd = call();
    if (fd < 0)
        return;
    snprintf(line, sizeof line, "ready %u\n", domid);
    /* Whatever the answer is, the guest runs: a console is not worth refusing it. */
    (void)ask(fd, line, answer, sizeof answer);
    close(fd);
}

static int print_file(const char *path, FILE *to)
{
    char buf[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n;
    while ((n = read(fd, buf, sizeof buf)) > 0)
        if (fwrite(buf, 1, (size_t)n, to) != (size_t)n)
            break;
    close(fd);
    return n < 0 ? -errno : 0;
}

int cons_print_log(const char *name, FILE *to, struct why *w)
{
    char file[256], path[320];
    unsigned k = 0;
    text_file_name(file, sizeof file, name);
    do
        snprintf(path, sizeof path, CONS_LOG_DIR "/%s.%u", file, ++k);
    while (k < LOGS_MAX && access(path, R_OK) == 0);
    int rc, old = 0;
    while (--k > 0) {
        snprintf(path, sizeof path, CONS_LOG_DIR "/%s.%u", file, k);
        rc = print_file(path, to);
        old += rc == 0;
        if (rc && rc != -ENOENT) /* turned over meanwhile */
            return why(w, rc, "%s: %s", path, strerror(-rc));
    }
    snprintf(path, sizeof path, CONS_LOG_DIR "/%s", file);
    rc = print_file(path, to);
    if (rc == -ENOENT && old)
        return 0;
    return rc ? why(w, rc, "no log of a guest '%s': %s: %s", name, path, strerror(-rc)) : 0;
}
