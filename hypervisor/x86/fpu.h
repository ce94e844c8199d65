/* FPU, SSE and AVX state of vcpus. */
#ifndef X86_FPU_H
#define X86_FPU_H

#include "core/dom/domain.h"

/* Bring a vcpu's state out of this CPU's registers, or into them. The running or next vcpu.
 * fpu_load() returns whether something else may have run here since, or v elsewhere. */
void fpu_save(struct vcpu *v);
bool fpu_load(struct vcpu *v);
/* The state of a fresh vcpu: everything that FNINIT and reset give. */
void fpu_reset(struct vcpu *v);

#endif
