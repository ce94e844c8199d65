/* What hc/vcpu.c offers to the machine. */
#ifndef HC_VCPU_H
#define HC_VCPU_H

#include "core/dom/domain.h"

/* Does v have areas in guest memory to be kept up to date? For the path that switches to it. */
static inline bool vcpu_has_areas(const struct vcpu *v)
{
    return (v->runstate_va | v->time_va) != 0;
}

/* Writes the registered run-state and time areas of v. v's page tables are loaded. Call it when v
 * starts to run (and for the one that stops, before its tables go, if it sits in guest kernel
 * mode); in guest user mode the write may fail: areas_stale is then set and the switch to guest
 * kernel mode calls again. */
void vcpu_areas_update(struct vcpu *v);

/* ---- asked of the machine (x86) ------------------------------------------------------------- */

/* VCPUOP_initialise and DOMCTL_setvcpucontext: v does not run and keeps its old state on failure.
 * -XEN_EAGAIN: call again with the same. */
int x86_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
/* The time area of v as it is now (what the machine also writes to v->info->time). */
void x86_vcpu_time(struct vcpu *v, struct vcpu_time_info *out);
void x86_vcpu_send_nmi(struct vcpu *v);
/* APIC id in the low, ACPI id in the high half. */
uint64_t x86_cpu_physid(unsigned int cpu);

/* Numbers, vendor, family and so on of an online CPU; *out is zero before. */
void x86_describe_cpu(unsigned int cpu, struct mcinfo_logical_cpu *out);

#endif
