/* What helps to find faults: reports, backtraces with names, debug keys, counters, the watchdog. */
#ifndef DBG_DBG_H
#define DBG_DBG_H

#include "base/num.h"

struct guest_regs;
struct domain;
struct vcpu;

/* Everything known about a fault: why, build, registers (may be NULL), backtrace, domain, trace. */
void dbg_report(const char *why, const struct guest_regs *regs);

/* Registers and the names on the stack, to the log. */
void dbg_registers(const struct guest_regs *r);
void dbg_backtrace(const struct guest_regs *r); /* NULL: of the caller */

/* Where this CPU is: the guest's registers or the stack. */
void dbg_this_cpu(void);
/* Device interrupts and their owners (x86/irq.c). */
void dbg_irqs(void);

/* Traps that are the debugger's business (from guest or hypervisor). The first two may return. */
void dbg_nmi(struct guest_regs *r);
void dbg_machine_check(struct guest_regs *r);
_Noreturn void dbg_hypervisor_fault(struct guest_regs *r);

/* Runs the report of a key (unknown ones are named in the log). No lock held; interrupts off; on
 * the way out of the hypervisor or in idle. */
void key_pressed(char key);

/* Runs the debug keys that wait (WORK_KEY). */
void dbg_keys_pending(void);

/* The newest trace records of each CPU. */
void dbg_trace_dump(void);

/* Version and build id, for reports and the boot banner. */
extern const char build_name[];

/* Name of the function at an address and the offset in it; "?" where none is known. */
const char *sym_name(uint64_t address, uint64_t *offset);
/* The symbols in order: gives number *index and moves on; false at the end. */
bool sym_next(uint32_t *index, uint64_t *address, const char **name);

#endif
