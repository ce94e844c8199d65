/* The watchdog: CPUs look after each other, so that none hangs in silence. */
#ifndef DBG_WATCHDOG_H
#define DBG_WATCHDOG_H

#include "base/num.h"

struct guest_regs;

/* Boot CPU, when all CPUs are up. With more than one CPU it always runs; a lone CPU can only be
 * watched by an NMI from the PIT, which `asked` switches on. timeout in seconds, 0: the default. */
void watchdog_start(bool asked, uint32_t timeout);
/* Every other CPU. */
void watchdog_cpu_start(void);

/* By a CPU that waits for another one, with its timers held up: is the next CPU alive? */
void watchdog_look(void);

/* An NMI has come to this CPU; true: it was the watchdog's. Stops the machine if the CPU hangs. */
bool watchdog_nmi(const struct guest_regs *r);

/* ---- asked of the machine (x86) ------------------------------------------------------------- */

/* The CPU will take an NMI and report itself (dbg_nmi()). */
void x86_nmi_report(unsigned int cpu);
/* NMIs at some 18 a second on this CPU. 0, -XEN_E...: no way to have them. */
int x86_nmi_ticks(void);

#endif
