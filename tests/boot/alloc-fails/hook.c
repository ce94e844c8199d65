/*
 * Linked into the hypervisor of the test 'alloc-fails' only: stands before the frame allocator,
 * whose own names the linker has changed (room.ninja), and makes the n-th allocation from now fail.
 * The test kernel says which, by a hypercall that it has no other use for.
 */
#include "core/frame/frame.h"
#include "core/frame/page.h"
#include "hc/hc.h"

#define HOOK 0xfa11

mfn_t real_frame_alloc(struct domain *d, unsigned int order, unsigned int bits, unsigned int flags);
void *real_hv_page_alloc(void);
long real_hc_update_va_mapping_otherdomain(struct vcpu *v, uint64_t *arg);

static uint64_t fail_in; /* 0: not at all. Atomic */
static bool failed;

static bool fails_now(void)
{
    if (!__atomic_load_n(&fail_in, __ATOMIC_RELAXED) ||
        __atomic_sub_fetch(&fail_in, 1, __ATOMIC_RELAXED))
        return false;
    failed = true;
    return true;
}

mfn_t frame_alloc(struct domain *d, unsigned int order, unsigned int bits, unsigned int flags)
{
    return fails_now() ? MFN_NONE : real_frame_alloc(d, order, bits, flags);
}

void *hv_page_alloc(void)
{
    return fails_now() ? NULL : real_hv_page_alloc();
}

/* (HOOK, n): the n-th allocation from now fails, 0: none does. Returns whether one has since the
 * last call. */
long hc_update_va_mapping_otherdomain(struct vcpu *v, uint64_t *arg)
{
    if (arg[0] != HOOK)
        return real_hc_update_va_mapping_otherdomain(v, arg);
    long was = failed;
    failed = false;
    __atomic_store_n(&fail_in, arg[1], __ATOMIC_RELAXED);
    return was;
}
