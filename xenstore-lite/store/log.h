/*
 * Log lines. The seam is the linker: io/log.c writes them to syslog, a file or stderr; tests
 * keep the last one.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
