/* What Unix knows and a guest does not have: other processes, users, signals from outside. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gk/kit.h>

#include "libc/fd.h"

pid_t getpid(void)
{
    return 1;
}

pid_t getppid(void)
{
    return 0;
}

uid_t getuid(void)
{
    return 0;
}

uid_t geteuid(void)
{
    return 0;
}

gid_t getgid(void)
{
    return 0;
}

gid_t getegid(void)
{
    return 0;
}

/* A signal that nobody caught. */
int kill(pid_t pid, int number)
{
    if (pid != 1 || number == 0)
        return (int)fd_result(pid == 1 ? 0 : -ESRCH);
    gk_panic("killed by signal %d", number);
}

/* Nothing outside sends signals, so remembering who wants them is all there is to it. */
int sigaction(int number, const struct sigaction *act, struct sigaction *old)
{
    if (number <= 0 || number >= NSIG)
        return (int)fd_result(-EINVAL);
    if (old)
        memset(old, 0, sizeof *old);
    if (act) {
        _sig_func_ptr before = signal(number, act->sa_handler);
        if (old && before != SIG_ERR)
            old->sa_handler = before;
    }
    return 0;
}

int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    (void)how;
    (void)set;
    if (old)
        *old = 0;
    return 0;
}

pid_t fork(void)
{
    return (pid_t)fd_result(-ENOSYS);
}

pid_t wait(int *status)
{
    (void)status;
    return (pid_t)fd_result(-ECHILD);
}

/* The file tree is read only. */
int unlink(const char *path)
{
    (void)path;
    return (int)fd_result(-EROFS);
}

int link(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return (int)fd_result(-EROFS);
}

int rename(const char *from, const char *to)
{
    (void)from;
    (void)to;
    return (int)fd_result(-EROFS);
}

int mkdir(const char *path, mode_t mode)
{
    (void)path;
    (void)mode;
    return (int)fd_result(-EROFS);
}

int chdir(const char *path)
{
    return (int)fd_result(strcmp(path, "/") ? -ENOENT : 0);
}

char *getcwd(char *to, size_t size)
{
    if (size < 2) {
        errno = ERANGE;
        return NULL;
    }
    return strcpy(to, "/");
}

long sysconf(int name)
{
    switch (name) {
    case _SC_PAGESIZE:
        return 4096;
    case _SC_OPEN_MAX:
        return FD_MAX;
    case _SC_NPROCESSORS_ONLN:
    case _SC_NPROCESSORS_CONF:
        return 1;
    default:
        return fd_result(-EINVAL);
    }
}

int getpagesize(void)
{
    return 4096;
}

int gethostname(char *name, size_t size)
{
    char value[64];
    if (gk_option("hostname", value, sizeof value) <= 0)
        strcpy(value, "argon");
    if (strlen(value) >= size)
        return (int)fd_result(-ENAMETOOLONG);
    strcpy(name, value);
    return 0;
}
