/* Extended FPU state and MSRs of vcpus, as the tools save and restore them. */
#ifndef X86_PV_EXTSTATE_H
#define X86_PV_EXTSTATE_H

struct domctl_call;

/* XEN_DOMCTL_{get,set}vcpuextstate and {get,set}_vcpu_msrs. */
long extstate_domctl(struct domctl_call *c);
long msrs_domctl(struct domctl_call *c);

#endif
