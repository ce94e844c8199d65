/*
 * The machine as a whole: start-up in steps, its end, and the small things between that have no
 * file of their own.
 */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include "base/num.h"

struct guest_regs;

/* `noreboot`: halt instead where the machine would reboot after a fault. */
void stop_no_reboot(void);

/* As stop(), with the registers at the fault. */
_Noreturn void stop_with(const char *why, const struct guest_regs *regs);

/* Reboots, or with `halt` stays off; never returns. */
_Noreturn void machine_end(bool halt);
_Noreturn void cpu_halt(void);

/* Every other CPU halts, soon; does not wait for those that do not listen. */
void machine_stop_others(void);

#endif
