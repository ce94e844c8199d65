/* What newlib's configure would have found out: a C locale, C99 formats, one set of std streams. */
#ifndef GUEST_KIT_LIBC_CONFIG_NEWLIB_H
#define GUEST_KIT_LIBC_CONFIG_NEWLIB_H

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

#endif
