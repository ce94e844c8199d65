/*
 * The kit's basics: printing, ending, the command line, and what the guest runs on.
 *
 * A program is `int main(int argc, char **argv)`. The kit calls it in a thread of its own once
 * memory, traps, events, time, console and xenstore work; argv is made of the command line's words
 * but those that begin with `gk.`, which are for the kit. What main returns is the exit code, as if
 * given to gk_exit().
 *
 * Everywhere in the kit: a function that can fail returns 0 or more on success and a negative
 * number -XEN_E... (<gk/err.h>) on failure. Sizes are bytes, times nanoseconds, unless a name says
 * otherwise. "May block" means: other threads run meanwhile, so only a thread may call it, no
 * event handler and no timer. Where nothing is said, a function does not block and may be called
 * from anywhere.
 */
#ifndef GK_KIT_H
#define GK_KIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of main's stack: 64 KiB, with the C library 256 KiB. A program may define it
 * (`uint64_t gk_main_stack = ...;`); the word gk.stack=BYTES of the command line overrides both.
 */
extern uint64_t gk_main_stack;

#define GK_PRINTF(f, a) __attribute__((format(printf, f, a)))

/*
 * Print on the console. Knows %d %i %u %x %X %o %c %s %p %% with the flags - 0 + space #, width,
 * precision, and the sizes hh h l ll z t j; no floating point (the C library's printf has that).
 * Never blocks: when the console's ring is full, the oldest text that nobody read waits in a
 * buffer, and what does not fit there is dropped and counted. Returns the number of bytes of the
 * text.
 */
int gk_printf(const char *format, ...) GK_PRINTF(1, 2);
int gk_vprintf(const char *format, va_list args) GK_PRINTF(1, 0);

/* The same into `out`, at most size - 1 bytes and always a NUL (size > 0). Returns the full length.
 */
int gk_snprintf(char *out, size_t size, const char *format, ...) GK_PRINTF(3, 4);
int gk_vsnprintf(char *out, size_t size, const char *format, va_list args) GK_PRINTF(3, 0);

/*
 * Ends the guest: code 0 is success. The code is printed if not 0, and written to `data/exit-code`
 * in xenstore, where `axl run` finds it; the domain's shutdown reason is "poweroff". May block.
 */
_Noreturn void gk_exit(int code);

/* Called by gk_exit() in the reverse order of registration. -XEN_ENOSPC after 16 of them. */
int gk_at_exit(void (*call)(void));

/* Says what is wrong, with a backtrace, and ends the guest with shutdown reason "crash". */
_Noreturn void gk_panic(const char *format, ...) GK_PRINTF(1, 2);

/* Prints the caller's backtrace, one line a frame. */
void gk_backtrace(void);

/* The whole command line (the `extra` or `cmdline` of the guest's configuration). */
const char *gk_cmdline(void);

/*
 * The value of the word `name=value` of the command line, copied to `value` (cut to size - 1
 * bytes). A word `name` alone has the empty value. Returns the value's length or -XEN_ENOENT.
 */
int gk_option(const char *name, char *value, size_t size);
/* The same as a number (decimal, or hexadecimal after 0x; suffixes k, M, G), or `otherwise`. */
uint64_t gk_option_u64(const char *name, uint64_t otherwise);

/* True when this guest is the control domain: no xenstore, no PV devices, the console is the
 * hypervisor's. */
bool gk_is_dom0(void);

#endif
