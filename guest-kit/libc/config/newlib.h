/* What newlib's configure would have found out: a C locale, C99 formats, one set of std streams. */
#ifndef GUEST_KIT_LIBC_CONFIG_NEWLIB_H
#define GUEST_KIT_LIBC_CONFIG_NEWLIB_H

#ifndef __DYNAMIC_REENT__
#define __DYNAMIC_REENT__ 1 /* its state is a thread's: __getreent() */
#endif
#define _WANT_IO_C99_FORMATS             1
#define _WANT_IO_LONG_LONG               1
#define _WANT_REENT_SMALL                1
#define _WANT_REENT_GLOBAL_STDIO_STREAMS 1
#define _REENT_GLOBAL_ATEXIT             1
#define _MB_LEN_MAX                      1
#define HAVE_INITFINI_ARRAY              1
#define _FVWRITE_IN_STREAMIO             1
#define _FSEEK_OPTIMIZATION              1
#define _UNBUF_STREAM_OPT                1
#define _HAVE_LONG_DOUBLE                1
#define _HAVE_CC_INHIBIT_LOOP_TO_LIBCALL 1

/* What <time.h>, <unistd.h> and <sys/select.h> are to declare. */
#define _POSIX_TIMERS            1
#define _POSIX_MONOTONIC_CLOCK   200112L
#define _READ_WRITE_RETURN_TYPE  _ssize_t
#define _READ_WRITE_BUFSIZE_TYPE size_t
#define FD_SETSIZE               256

#endif
