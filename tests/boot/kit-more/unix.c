/*
 * unix: what servers written for Unix call, as a guest answers it: users, the background, the log,
 * limits, local time, scanning. Each check says what it saw when that is wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#error a guest is not Linux: programs would ask for what only Linux has
#endif

static int wrong;

static void check(const char *what, int good)
{
    if (good)
        return;
    printf("unix: %s: errno %d\n", what, errno);
    wrong++;
}

/* `result` is -1 and errno `error`. */
static void refused(const char *what, long result, int error)
{
    check(what, result == -1 && errno == error);
    errno = 0;
}

static void users(void)
{
    gid_t groups[] = {0, 65534};
    check("no user has a name", !getpwnam("nobody") && !getpwuid(0) && !getgrnam("wheel"));
    check("to stay who one is", !setuid(0) && !setgid(0) && !setgroups(1, groups));
    refused("another user", setuid(65534), EPERM);
    refused("another group", setgid(65534), EPERM);
    refused("more groups", setgroups(2, groups), EPERM);
}

/* Darkhttpd has a buffer of 64 KiB there. */
static void stack(void)
{
    volatile char buffer[128 << 10];
    for (size_t i = 0; i < sizeof buffer; i += 512)
        buffer[i] = 1;
    check("the stack", buffer[512] == 1);
}

static void processes(void)
{
    int ends[2], status;
    struct rusage used;
    struct utsname name;
    check("the background", daemon(0, 0) == 0 && setsid() == getpid());
    refused("a child", fork(), ENOSYS);
    refused("a child's end", waitpid(-1, &status, 0), ECHILD);
    refused("a pipe", pipe(ends), ENOSYS);
    check("what was used", !getrusage(RUSAGE_SELF, &used) && used.ru_utime.tv_usec < 1000000);
    refused("what nobody used", getrusage(77, &used), EINVAL);
    check("a name", !uname(&name) && !strcmp(name.machine, "x86_64") && *name.nodename);
}

static void files(void)
{
    check("a root", !chroot("/"));
    refused("another root", chroot("/srv"), ENOENT);
    check("a mask", umask(077) == 022 && umask(022) == 077);
    refused("a shorter file", ftruncate(0, 0), EROFS);
    refused("a write at its place", pwrite(1, "x", 1, 0), ESPIPE);
    refused("a write to no file", pwrite(31, "x", 1, 0), EBADF);
    refused("a mode", chmod("/", 0), EROFS);
    refused("another name", rename("/a", "/b"), EROFS);
    refused("a Unix socket", socket(AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
}

/* What the library's own files want of each other: none of these could be linked once. */
static void library(void)
{
    int number = 0;
    char word[8], text[40];
    time_t then = 1000000000;
    struct tm tm;
    check("sscanf", sscanf(" 42 word", "%d %7s", &number, word) == 2 && number == 42);
    check("its word", !strcmp(word, "word"));
    check("strftime", strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime(&then)) == 19 &&
                          !strcmp(text, "2001-09-09 01:46:40"));
    check("mktime", mktime(localtime(&then)) == then);
    check("strptime", strptime("Sun, 09 Sep 2001", "%a, %d %b %Y", &tm) && tm.tm_mon == 8);
    check("fnmatch", !fnmatch("[a-f]*.html", "cat.html", 0) && fnmatch("[a-f]*", "zoo", 0));
    setenv("TZ", "XYZ-2", 1);
    tzset();
    check("a zone", localtime(&then)->tm_hour == 3);
}

int main(void)
{
    stack();
    users();
    processes();
    files();
    library();
    openlog("unixd", LOG_PID, LOG_DAEMON);
    syslog(LOG_INFO, "logged %d", 1);
    setlogmask(LOG_UPTO(LOG_ERR));
    syslog(LOG_INFO, "not logged");
    syslog(LOG_ERR, "logged %d\n", 2);
    printf("unix: %s\n", wrong ? "wrong" : "right");
    return 0;
}
