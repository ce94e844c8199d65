/*
 * Linked into the hypervisor of the test 'forced-guards' only: stands before the choice of the
 * defences against speculation, whose own name the linker has changed, and claims for the processor
 * what QEMU's never has: the controls of branch prediction. QEMU ignores writes of their registers,
 * so the code that uses them runs, at the place and in the order that a real processor would see.
 */
#include "core/guard/guard.h"

#define VENDOR_AMD 0x68747541

void real_guard_choose(struct guard *g, const struct guard_cpu *c, const struct guard_say *s);

void guard_choose(struct guard *g, const struct guard_cpu *c, const struct guard_say *s)
{
    /* The caller's own, which it looks at again for IBPB. */
    struct guard_cpu *claim = (struct guard_cpu *)(uintptr_t)c;

    if (c->vendor == VENDOR_AMD) { /* Zen 2, and automatic IBRS */
        claim->family = 0x17;
        claim->be8 |= 1u << 12 | 1u << 15 | 1u << 24;
        claim->a21 |= 1u << 8;
    } else { /* Skylake with all microcode */
        claim->vendor = 0x756e6547;
        claim->family = 6;
        claim->model = 0x5e;
        claim->d7 |= 1u << 10 | 1u << 26 | 1u << 27 | 1u << 31;
    }
    real_guard_choose(g, c, s);
}
