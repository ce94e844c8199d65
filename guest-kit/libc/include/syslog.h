/* The system's log, which is the guest's console. */
#ifndef GK_LIBC_SYSLOG_H
#define GK_LIBC_SYSLOG_H

#include <stdarg.h>

#define LOG_EMERG   0
#define LOG_ALERT   1
#define LOG_CRIT    2
#define LOG_ERR     3
#define LOG_WARNING 4
#define LOG_NOTICE  5
#define LOG_INFO    6
#define LOG_DEBUG   7

/* Facilities and options are accepted and change nothing. */
#define LOG_KERN   (0 << 3)
#define LOG_USER   (1 << 3)
#define LOG_DAEMON (3 << 3)
#define LOG_AUTH   (4 << 3)
#define LOG_SYSLOG (5 << 3)
#define LOG_LOCAL0 (16 << 3)
#define LOG_PID    1
#define LOG_CONS   2
#define LOG_ODELAY 4
#define LOG_NDELAY 8
#define LOG_NOWAIT 16
#define LOG_PERROR 32

#define LOG_PRI(priority)  ((priority)&7)
#define LOG_MASK(priority) (1 << (priority))
#define LOG_UPTO(priority) ((1 << ((priority) + 1)) - 1)

/* `name` is kept, not copied; it stands before each line. */
void openlog(const char *name, int options, int facility);
void closelog(void);
/* Which priorities are printed, a bit for each; 0 changes nothing. Returns what was before. */
int setlogmask(int mask);
void syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void vsyslog(int priority, const char *format, va_list values)
    __attribute__((format(printf, 2, 0)));

#endif
