/*
 * A daemon's log: lines to a file, to stderr or to syslog.
 */
#ifndef DKIT_LOG_H
#define DKIT_LOG_H

#include <stdint.h>

/* `file`: NULL is syslog, "-" stderr, else appended to. 0 or -errno (then stderr is used). */
int log_open(const char *program, const char *file);
/* The file's descriptor, for who closes all others; -1: none. */
int log_fd(void);
/* In a child whose other descriptors were closed: syslog's is made anew. */
void log_again(void);
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * What a guest can cause as often as it likes: a few lines a minute for each of these, then one
 * that tells how many were left out. Zeroed memory is a fresh one.
 */
struct log_limit {
    int64_t since; /* ms */
    unsigned said, dropped;
};
void log_guest(struct log_limit *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
