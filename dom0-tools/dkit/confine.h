/*
 * Giving up privileges before a guest's bytes are looked at.
 */
#ifndef DKIT_CONFINE_H
#define DKIT_CONFINE_H

#include <stddef.h>

#include "base/bits.h"

/*
 * From here on no capability, no new privileges, and only the system calls of the loop and of what
 * dkit does (no opening of files, no sockets but local ones, no programs), plus `more` (SCMP_SYS
 * numbers). What is not allowed fails with EPERM. Threads must exist before. 0 or -errno.
 */
int confine(const int *more, size_t nr_more) NODISCARD;
/* The same for a process without the store, which confine() lets connect again: no socket at all.
 */
int confine_alone(const int *more, size_t nr_more) NODISCARD;

#endif
