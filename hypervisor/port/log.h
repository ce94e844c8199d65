/* The log: lines to the console and the console ring (`xl dmesg`).
 *
 * Formats as printf's %d %u %x %s %c, with l, ll and z, width, '0', '-' and precision (also '*').
 * May be called from anywhere but NMI and machine check, with any lock but the log's own held. */
#ifndef PORT_LOG_H
#define PORT_LOG_H

#include <stdint.h>

struct domain;

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line that a guest's doing causes: marked d<domid>, filtered by guest_loglvl, rate-limited. */
void log_guest(const struct domain *d, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_err(...)   log_at(LOG_ERR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* Formats into buf (always ended by NUL); returns the length it has, at most size - 1. */
int log_format(char *buf, unsigned int size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
