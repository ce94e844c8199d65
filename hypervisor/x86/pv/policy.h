/* What a PV guest sees of the processor: CPUID leaves and MSRs, by one table each (cpuid.c,
 * msr.c). */
#ifndef X86_PV_POLICY_H
#define X86_PV_POLICY_H

#include "abi/abi.h"
#include "core/dom/domain.h"
#include "x86/asm.h"

#define POLICY_BASIC    14 /* leaves 0 - 0xd */
#define POLICY_EXTENDED 34 /* leaves 0x80000000 - 0x80000021 */

/* The static part of CPUID, as computed from the host's and the table of what is offered. */
struct cpuid_policy {
    struct cpuid_regs basic[POLICY_BASIC];
    struct cpuid_regs cache[6];  /* leaf 4; as many subleaves as libxc takes */
    struct cpuid_regs feat[3];   /* leaf 7 */
    struct cpuid_regs xstate[3]; /* leaf 0xd: 0, 1, AVX */
    struct cpuid_regs extended[POLICY_EXTENDED];
};

/* Boot CPU, after cpu_detect(). */
void policy_init(void);

/* What v gets for CPUID, dynamic bits and the hypervisor's own leaves (0x40000000) included. */
struct cpuid_regs policy_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf);

/* hw_cap of XEN_SYSCTL_physinfo: the host's feature words. */
void policy_hw_caps(uint32_t cap[8]);
long policy_featureset(struct xen_sysctl_cpu_featureset *op);
long policy_host(struct xen_sysctl_cpu_policy *op);
/* XEN_DOMCTL_{get,set}_cpu_policy: a domain's may be set to what is offered or less, before it
 * runs. */
long policy_domctl(struct domain *d, struct xen_domctl *op);
/* Gives a domain's own policy back, if it has one. */
void policy_free(struct domain *d);

/* XEN_DOMCTL_{get,set}vcpuextstate and {get,set}_vcpu_msrs: extended FPU state and MSRs of a
 * vcpu. */
struct domctl_call;
long extstate_domctl(struct domctl_call *c);
long msrs_domctl(struct domctl_call *c);

/* RDMSR, WRMSR of the running vcpu. 0, or -XEN_EFAULT: the guest gets #GP. */
int msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
int msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
