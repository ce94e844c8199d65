/* Saving and restoring a vcpu's XSAVE area and MSRs (domctl).
 *
 * The blob of XEN_DOMCTL_getvcpuextstate is two words, XCR0 and the union of all XCR0 values so
 * far, then the plain (not compacted) XSAVE area. What comes in is checked as XRSTOR would check
 * it, since a fault there would be ours. */
#include "base/string.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "x86/cpu.h"
#include "x86/pv/policy.h"

struct blob_head {
    uint64_t xcr0, xcr0_accum;
};

#define XSAVE_HEADER 512
#define XSAVE_MXCSR  24

static long get_state(struct domctl_call *c, struct vcpu *v)
{
    struct xen_domctl_vcpuextstate *op = &c->op->u.vcpuextstate;
    struct blob_head head = {v->arch.xcr0, v->arch.xcr0 | 3};
    uint64_t size = sizeof(head) + cpu_xsave_size;

    c->copy_back = true;
    if (!op->size) { /* a mask of 0: this processor has no XSAVE, and tools save without */
        op->xfeature_mask = cpu_xcr0;
        op->size = cpu_has_xsave ? size : 0;
        return 0;
    }
    if (op->size != size || op->xfeature_mask != cpu_xcr0)
        return -XEN_EINVAL;
    if (guest_write(HANDLE(op->buffer), &head, sizeof(head)) ||
        guest_write(HANDLE(op->buffer) + sizeof(head), v->arch.xsave, cpu_xsave_size))
        return -XEN_EFAULT;
    return 0;
}

/* The area as XRSTOR demands it: known components only, plain format, reserved bytes zero. */
static bool area_ok(const uint8_t *area)
{
    const uint64_t *header = (const uint64_t *)(area + XSAVE_HEADER);

    if (header[0] & ~cpu_xcr0)
        return false;
    for (unsigned int i = 1; i < 8; i++)
        if (header[i])
            return false;
    return !(*(const uint32_t *)(area + XSAVE_MXCSR) & 0xffff0000);
}

static long set_state(struct domctl_call *c, struct vcpu *v)
{
    const struct xen_domctl_vcpuextstate *op = &c->op->u.vcpuextstate;
    struct blob_head head;
    uint8_t area[1024];

    if (!op->size)
        return 0;
    if (op->size < sizeof(head) + XSAVE_HEADER + 64 || op->size > sizeof(head) + cpu_xsave_size ||
        cpu_xsave_size > sizeof(area))
        return -XEN_EINVAL;
    memset(area, 0, sizeof(area));
    if (guest_read(&head, HANDLE(op->buffer), sizeof(head)) ||
        guest_read(area, HANDLE(op->buffer) + sizeof(head), op->size - sizeof(head)))
        return -XEN_EFAULT;
    if (head.xcr0 & ~cpu_xcr0 || (head.xcr0 && !(head.xcr0 & 1)) || !area_ok(area))
        return -XEN_EINVAL;
    memcpy(v->arch.xsave, area, cpu_xsave_size);
    v->arch.xcr0 = head.xcr0;
    v->arch.fpu_cpu = ~0u;
    return 0;
}

long extstate_domctl(struct domctl_call *c)
{
    struct vcpu *v = dom_vcpu(c->d, c->op->u.vcpuextstate.vcpu);

    if (!v || c->d == c->caller->dom)
        return -XEN_EINVAL;
    bool get = c->op->cmd == XEN_DOMCTL_getvcpuextstate;
    if (!cpu_has_xsave && !(get && !c->op->u.vcpuextstate.size))
        return -XEN_EOPNOTSUPP;
    sched_pause_sync(v);
    long result = get ? get_state(c, v) : set_state(c, v);
    sched_unpause(v);
    return result;
}

/* No MSR that a PV guest can set carries over but TSC_AUX. */
static long set_msrs(const struct xen_domctl_vcpu_msrs *op, struct vcpu *v)
{
    for (uint32_t i = 0; i < op->msr_count && i < 64; i++) {
        xen_domctl_vcpu_msr_t msr;

        if (guest_read(&msr, HANDLE(op->msrs) + i * sizeof(msr), sizeof(msr)))
            return -XEN_EFAULT;
        if (msr.index != 0xc0000103 || msr.reserved || msr.value >> 32)
            return -XEN_EINVAL;
        v->arch.tsc_aux = (uint32_t)msr.value;
    }
    return 0;
}

static long get_msrs(struct domctl_call *c, const struct vcpu *v)
{
    struct xen_domctl_vcpu_msrs *op = &c->op->u.vcpu_msrs;
    xen_domctl_vcpu_msr_t msr = {.index = 0xc0000103, .value = v->arch.tsc_aux};
    uint32_t n = v->arch.tsc_aux ? 1 : 0;

    c->copy_back = true;
    if (!HANDLE(op->msrs)) {
        op->msr_count = 1;
        return 0;
    }
    if (op->msr_count < n)
        return -XEN_ENOBUFS;
    op->msr_count = n;
    if (n && guest_write(HANDLE(op->msrs), &msr, sizeof(msr)))
        return -XEN_EFAULT;
    return 0;
}

long msrs_domctl(struct domctl_call *c)
{
    struct vcpu *v = dom_vcpu(c->d, c->op->u.vcpu_msrs.vcpu);
    long result;

    if (!v || c->d == c->caller->dom)
        return -XEN_EINVAL;
    sched_pause_sync(v);
    result =
        c->op->cmd == XEN_DOMCTL_get_vcpu_msrs ? get_msrs(c, v) : set_msrs(&c->op->u.vcpu_msrs, v);
    sched_unpause(v);
    return result;
}
