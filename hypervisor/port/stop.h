/* The end: of the machine (stop) or of one domain (dom_crash). Input never reaches stop(). */
#ifndef PORT_STOP_H
#define PORT_STOP_H

struct domain;

/* Prints why, registers and a backtrace, then reboots or halts as the options say. */
_Noreturn void stop(const char *why);

/*
 * Ends a domain at fault: prints why, marks it crashed and tells dom0. Safe with any lock but the
 * scheduler's and the log's held. The caller returns at once with an error; if d is the current
 * domain, it does not run again.
 */
void dom_crash(struct domain *d, const char *why);

#ifdef NDEBUG
#define ASSERT(x) ((void)sizeof(!(x)))
#else
#define STOP_STR2(x) #x
#define STOP_STR(x)  STOP_STR2(x)
#define ASSERT(x)                                                                                  \
    (__builtin_expect(!(x), 0) ? stop(__FILE__ ":" STOP_STR(__LINE__) ": " #x) : (void)0)
#endif

#endif
