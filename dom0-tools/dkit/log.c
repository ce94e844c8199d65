/*
 * Log lines (see log.h).
 */
#include "dkit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dkit/loop.h"

enum { LINES_PER_MINUTE = 6, MINUTE = 60000 };

static const char *name = "daemon";
static int fd = 2;
static bool use_syslog, stamp;

int log_open(const char *program, const char *file)
{
    name = program;
    use_syslog = !file;
    if (use_syslog) {
        openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
        return 0;
    }
    if (strcmp(file, "-") == 0)
        return 0;
    int f = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (f < 0)
        return -errno;
    fd = f;
    stamp = true;
    return 0;
}

int log_fd(void)
{
    return fd > 2 ? fd : -1;
}

void log_again(void)
{
    if (!use_syslog)
        return;
    closelog();
    openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

static size_t put_time(char *line, size_t room)
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    return strftime(line, room, "%Y-%m-%d %H:%M:%S ", &tm);
}

static void say(const char *format, va_list ap)
{
    char line[600];
    size_t n = stamp ? put_time(line, sizeof line) : 0;
    if (!use_syslog)
        n += (size_t)snprintf(line + n, sizeof line - n, "%s[%d]: ", name, (int)getpid());
    int k = vsnprintf(line + n, sizeof line - n - 1, format, ap);
    n += k < 0 ? 0 : (size_t)k;
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    /* A guest's text may be in it: no line is to look like another's. */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 32 || line[i] == 127)
            line[i] = '?';
    line[n] = 0;
    if (use_syslog) {
        syslog(LOG_INFO, "%s", line);
        return;
    }
    line[n++] = '\n';
    if (write(fd, line, n) < 0) { /* a full disk must not stop the daemon */
    }
}

void log_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say(format, ap);
    va_end(ap);
}

void log_guest(struct log_limit *l, const char *format, ...)
{
    va_list ap;
    int64_t now = loop_now();
    if (!l->since || now - l->since >= MINUTE) {
        if (l->dropped)
            log_line("%u more lines like the ones before were left out", l->dropped);
        *l = (struct log_limit){.since = now ? now : 1};
    }
    if (l->said >= LINES_PER_MINUTE) {
        l->dropped++;
        return;
    }
    l->said++;
    va_start(ap, format);
    say(format, ap);
    va_end(ap);
}
