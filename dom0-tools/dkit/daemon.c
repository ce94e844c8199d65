/*
 * Becoming a daemon (see daemon.h).
 */
#include "dkit/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "dkit/log.h"
#include "dkit/loop.h"

static int ready_pipe = -1; /* the waiting parent reads one byte when we serve */
static int null = -1;       /* opened while files can be */

void daemon_background(void)
{
    int p[2];
    char byte;
    if (pipe2(p, O_CLOEXEC)) {
        log_line("pipe: %s", strerror(errno));
        exit(1);
    }
    pid_t pid = fork();
    if (pid < 0) {
        log_line("fork: %s", strerror(errno));
        exit(1);
    }
    if (pid) {
        close(p[1]);
        _exit(read(p[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(p[0]);
    ready_pipe = p[1];
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    if (chdir("/"))
        log_line("chdir: %s", strerror(errno));
}

void daemon_ready(void)
{
    if (ready_pipe < 0)
        return;
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (null > 2)
        close(null);
    if (write(ready_pipe, "", 1) != 1)
        log_line("whoever started us is gone");
    close(ready_pipe);
    ready_pipe = -1;
}

void daemon_must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    log_line("%s: %s", what, strerror(-rc));
    exit(1);
}

void daemon_pid_file(const char *path)
{
    if (!path)
        return;
    FILE *f = fopen(path, "we");
    bool ok = f && fprintf(f, "%d\n", (int)getpid()) > 0;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        log_line("pid file %s: %s", path, strerror(errno));
}

int daemon_only_one(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    for (int tries = 0; tries < 100; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        usleep(50000);
    }
    close(fd);
    return -EBUSY;
}

static void signal_ready(struct source *s, uint32_t events)
{
    struct signalfd_siginfo info;
    (void)events;
    if (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        log_line("signal %u: end", info.ssi_signo);
        loop_stop();
    }
}

int daemon_signals(void)
{
    static struct source signals;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signals = (struct source){.ready = signal_ready,
                              .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    return signals.fd < 0 ? -errno : loop_add(&signals, EPOLLIN);
}

void daemon_many_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return;
    r.rlim_cur = r.rlim_max = r.rlim_max < 65536 ? 65536 : r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) && !getrlimit(RLIMIT_NOFILE, &r)) {
        r.rlim_cur = r.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &r))
            log_line("cannot raise the number of files: %s", strerror(errno));
    }
}

void daemon_close_others(int keep)
{
    int log = log_fd();
    unsigned low = (unsigned)(keep < log || log < 0 ? keep : log), high = (unsigned)keep;
    if (log > keep)
        high = (unsigned)log;
    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0u, 0);
    log_again();
}
