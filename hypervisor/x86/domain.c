/* The machine's part of a domain. */
#include "base/string.h"
#include "core/dom/create.h"
#include "core/frame/frame.h"
#include "hc/vcpu.h"
#include "port/frame.h"
#include "port/kick.h"
#include "x86/pv/policy.h"

void x86_domain_init(struct domain *d)
{
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        d->shared->vcpu_info[i].evtchn_upcall_mask = 1;
}

void x86_vcpu_send_nmi(struct vcpu *v)
{
    __atomic_store_n(&v->arch.nmi_pending, true, __ATOMIC_SEQ_CST);
    /* Where it runs the way out looks; a CPU that loads it from now on sees that it is pending. */
    __atomic_or_fetch(&cpu_percpu(__atomic_load_n(&v->sched.cpu, __ATOMIC_SEQ_CST))->work,
                      WORK_LEAVE, __ATOMIC_SEQ_CST);
    sched_wake(v);
    cpu_kick_vcpu(v);
}

void dom_reap_wanted(void)
{
    __atomic_or_fetch(&this_percpu()->work, WORK_REAP, __ATOMIC_RELEASE);
}

void x86_domain_free(struct domain *d)
{
    policy_free(d);
}
