/*
 * XPTI: the page tables that a guest runs on hold nothing of the hypervisor that Meltdown could
 * read.
 */
#ifndef X86_XPTI_H
#define X86_XPTI_H

#include "base/num.h"

/* Tables of CPU `cpu`, whose block is mapped. 0 or -XEN_ENOMEM. */
int xpti_cpu_alloc(unsigned int cpu);

/* percpu.root becomes what the running vcpu is to run on, and follows its L4 from now on. */
void xpti_refresh(void);

struct vcpu;
/* v is going away: no CPU shall take another at its address for it. */
void xpti_forget(const struct vcpu *v);

#endif
