/* What the machine keeps per vcpu and domain, in native tests: next to nothing. */
#ifndef TESTS_PORT_VCPU_H
#define TESTS_PORT_VCPU_H

#include "base/num.h"

struct vcpu;

struct vcpu_arch {
    mfn_t kernel_l4, user_l4;
    bool in_kernel;
};

struct dom_arch {
    uint64_t dirty_cpus;
};

extern _Thread_local struct vcpu *fake_current;

static inline struct vcpu *current_vcpu(void)
{
    return fake_current;
}

#endif
