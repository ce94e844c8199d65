/* What this machine's processors can do, found once at boot; every CPU must match the first. */
#ifndef X86_CPU_H
#define X86_CPU_H

#include "base/num.h"

extern uint8_t cpu_has_smap, cpu_has_smep, cpu_has_fsgsbase, cpu_has_xsave, cpu_has_xsaveopt,
    cpu_has_1g_pages, cpu_has_x2apic, cpu_has_invariant_tsc, cpu_has_tsc_deadline, cpu_has_rdtscp,
    cpu_has_umip;
extern uint8_t cpu_is_amd;
extern uint64_t cpu_xcr0;       /* what XCR0 is set to in every CPU */
extern uint32_t cpu_xsave_size; /* bytes of an XSAVE area for it */
extern uint8_t cpu_phys_bits;
extern uint64_t cpu_cr4; /* CR4 while a guest runs, but for its own bits */

/* Finds all of the above; stop()s with a sentence where something needed is missing. Boot CPU. */
void cpu_detect(void);
/* Sets control registers and MSRs of the calling CPU (SYSCALL entry, PAT, EFER, XCR0). Each CPU. */
void cpu_setup(void);

/* Memory and stacks of CPU n: its per-CPU block with entry stub, GDT, TSS. Boot CPU, before the CPU
 * starts. 0 or -XEN_ENOMEM. */
int percpu_alloc(unsigned int cpu, uint32_t apic_id);
/* Loads GDT, TSS, IDT of the calling CPU, which runs on its own stack already. */
void percpu_load(unsigned int cpu);

/* The root of page tables that hold nothing but the hypervisor, in every CPU when idle. */
extern uint64_t hv_root; /* machine address */

/* Maps device or firmware memory at a hypervisor address for good; flags: PTE_PCD|PTE_PWT for
 * devices, 0 for tables in RAM. Any alignment. NULL: no room. */
void *io_map(uint64_t maddr, uint64_t len, uint64_t flags);

/* Never returns: run guests, idle. Interrupts off on entry. */
_Noreturn void cpu_idle_loop(void);

#endif
