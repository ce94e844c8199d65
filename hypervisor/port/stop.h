/* The end: of the machine (stop) or of one domain (dom_crash). Input never reaches stop(). */
#ifndef PORT_STOP_H
#define PORT_STOP_H

#include <stdint.h>

struct domain;

/* Prints why, registers and a backtrace, then reboots or halts as the options say. */
_Noreturn void stop(const char *why);
/* The same, with the registers at the fault. */
struct guest_regs;
_Noreturn void stop_with(const char *why, const struct guest_regs *regs);

/* Ends a domain at fault: prints why, marks it crashed and tells dom0. Safe with any lock but the
 * scheduler's and the log's held. The caller returns at once with an error; if d is the current
 * domain, it does not run again. */
void dom_crash(struct domain *d, const char *why);

/* The off switch and the reset button. */
_Noreturn void machine_reboot(void);
/* ACPI state S5; a, b: what to put into the sleep type fields of PM1a and PM1b control. */
_Noreturn void machine_power_off(uint16_t a, uint16_t b);

#ifdef NDEBUG
#define ASSERT(x) ((void)sizeof(!(x)))
#else
#define STOP_STR2(x) #x
#define STOP_STR(x)  STOP_STR2(x)
#define ASSERT(x)                                                                                  \
    (__builtin_expect(!(x), 0) ? stop(__FILE__ ":" STOP_STR(__LINE__) ": " #x) : (void)0)
#endif

#endif
