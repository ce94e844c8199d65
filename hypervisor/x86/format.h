/* Formatting with the arguments as a list; log_format() of port/log.h is the usual entry. */
#ifndef X86_FORMAT_H
#define X86_FORMAT_H

#include <stdarg.h>

/* As log_format(). */
int log_vformat(char *buf, unsigned int size, const char *fmt, va_list args);

#endif
