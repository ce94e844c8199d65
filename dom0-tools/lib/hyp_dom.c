/* The hypervisor as the tools see it: domains, their vcpus and memory (see hyp.h). */
#include "lib/hyp_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hyp_info(struct hyp *h, uint32_t domid, hyp_dominfo *out)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getdomaininfo, .domain = (domid_t)domid};
    if (domid >= DOMID_FIRST_RESERVED)
        return -ESRCH;
    int rc = hyp_domctl(h, &op);
    if (rc < 0)
        return rc;
    *out = op.u.getdomaininfo;
    return out->domain == domid ? 0 : -ESRCH;
}

int hyp_list(struct hyp *h, hyp_dominfo **out)
{
    enum { BATCH = 256 };
    hyp_dominfo *all = NULL, *lent = hyp_lend(h, BATCH * sizeof *lent);
    size_t n = 0;
    uint32_t first = 0;
    int rc = lent ? 0 : -ENOMEM;
    while (!rc && first < DOMID_FIRST_RESERVED) {
        struct xen_sysctl op = {.cmd = XEN_SYSCTL_getdomaininfolist};
        op.u.getdomaininfolist.first_domain = (domid_t)first;
        op.u.getdomaininfolist.max_domains = BATCH;
        set_xen_guest_handle(op.u.getdomaininfolist.buffer, lent);
        rc = hyp_sysctl(h, &op);
        if (rc < 0)
            break;
        uint32_t got = op.u.getdomaininfolist.num_domains;
        hyp_dominfo *more = realloc(all, (n + got + 1) * sizeof *all);
        if (!more) {
            rc = -ENOMEM;
            break;
        }
        all = more;
        memcpy(all + n, lent, got * sizeof *all);
        n += got;
        if (got < BATCH)
            break;
        first = all[n - 1].domain + 1u;
        rc = 0;
    }
    hyp_unlend(h, lent);
    if (rc < 0) {
        free(all);
        return rc;
    }
    *out = all;
    return (int)n;
}

static int domctl_simple(struct hyp *h, uint32_t domid, uint32_t cmd)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};
    return hyp_domctl(h, &op);
}

int hyp_create(struct hyp *h, struct xen_domctl_createdomain *c, uint32_t *domid)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_createdomain, .domain = (domid_t)*domid};
    op.u.createdomain = *c;
    int rc = hyp_domctl(h, &op);
    if (rc < 0)
        return rc;
    *domid = op.domain;
    return 0;
}

int hyp_destroy(struct hyp *h, uint32_t domid)
{
    int rc;
    do
        rc = domctl_simple(h, domid, XEN_DOMCTL_destroydomain);
    while (rc == -EAGAIN || rc == -EBUSY);
    return rc;
}

int hyp_pause(struct hyp *h, uint32_t domid)
{
    return domctl_simple(h, domid, XEN_DOMCTL_pausedomain);
}

int hyp_unpause(struct hyp *h, uint32_t domid)
{
    return domctl_simple(h, domid, XEN_DOMCTL_unpausedomain);
}

int hyp_debug_event(struct hyp *h, uint32_t domid, uint32_t *vcpu, uint32_t *event)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gdbsx_domstatus, .domain = (domid_t)domid};
    int rc = hyp_domctl(h, &op);
    if (rc < 0)
        return rc;
    *vcpu = op.u.gdbsx_domstatus.vcpu_id;
    *event = op.u.gdbsx_domstatus.vcpu_ev;
    return *vcpu == ~0u ? -ENOENT : 0;
}

int hyp_debug(struct hyp *h, uint32_t domid, bool on)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setdebugging, .domain = (domid_t)domid};
    uint32_t vcpu, event;
    /* Xen without its debugger takes setdebugging all the same. */
    int rc = hyp_debug_event(h, domid, &vcpu, &event);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    op.u.setdebugging.enable = on;
    return hyp_domctl(h, &op);
}

int hyp_resume(struct hyp *h, uint32_t domid)
{
    return domctl_simple(h, domid, XEN_DOMCTL_resumedomain);
}

int hyp_max_vcpus(struct hyp *h, uint32_t domid, uint32_t n)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_vcpus, .domain = (domid_t)domid};
    op.u.max_vcpus.max = n;
    return hyp_domctl(h, &op);
}

int hyp_max_mem(struct hyp *h, uint32_t domid, uint64_t kib)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_max_mem, .domain = (domid_t)domid};
    op.u.max_mem.max_memkb = kib;
    return hyp_domctl(h, &op);
}

int hyp_trigger(struct hyp *h, uint32_t domid, uint32_t trigger, uint32_t vcpu)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_sendtrigger, .domain = (domid_t)domid};
    op.u.sendtrigger.trigger = trigger;
    op.u.sendtrigger.vcpu = vcpu;
    return hyp_domctl(h, &op);
}

int hyp_set_tsc(struct hyp *h, uint32_t domid, const struct xen_domctl_tsc_info *t)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settscinfo, .domain = (domid_t)domid};
    op.u.tsc_info = *t;
    return hyp_domctl(h, &op);
}

int hyp_time_offset(struct hyp *h, uint32_t domid, int64_t seconds)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_settimeoffset, .domain = (domid_t)domid};
    op.u.settimeoffset.time_offset_seconds = seconds;
    return hyp_domctl(h, &op);
}

int hyp_get_tsc(struct hyp *h, uint32_t domid, struct xen_domctl_tsc_info *t)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_gettscinfo, .domain = (domid_t)domid};
    int rc = hyp_domctl(h, &op);
    *t = op.u.tsc_info;
    return rc;
}

int hyp_address_size(struct hyp *h, uint32_t domid, uint32_t bits)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_set_address_size, .domain = (domid_t)domid};
    op.u.address_size.size = bits;
    return hyp_domctl(h, &op);
}

int hyp_claim(struct hyp *h, uint32_t domid, uint64_t frames)
{
    struct xen_memory_reservation r = {.nr_extents = frames, .domid = (domid_t)domid};
    return (int)hyp_memory(h, XENMEM_claim_pages, &r, sizeof r);
}

/* --- maps of cpus --------------------------------------------------------------------------- */

/* A bitmap argument: lent memory holding `map`, described to the hypervisor by *out. */
static uint8_t *lend_map(struct hyp *h, const uint8_t *map, uint32_t bits,
                         struct xenctl_bitmap *out)
{
    size_t bytes = (bits + 7) / 8;
    uint8_t *p = hyp_lend(h, bytes);
    if (!p)
        return NULL;
    if (map)
        memcpy(p, map, bytes);
    else
        memset(p, 0, bytes);
    set_xen_guest_handle(out->bitmap, p);
    out->nr_bits = bits;
    return p;
}

int hyp_node_affinity(struct hyp *h, uint32_t domid, const uint8_t *map, uint32_t bits)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setnodeaffinity, .domain = (domid_t)domid};
    uint8_t *p = lend_map(h, map, bits, &op.u.nodeaffinity.nodemap);
    if (!p)
        return -ENOMEM;
    int rc = hyp_domctl(h, &op);
    hyp_unlend(h, p);
    return rc;
}

static int affinity(struct hyp *h, uint32_t cmd, uint32_t domid, uint32_t vcpu, uint8_t *hard,
                    uint8_t *soft, uint32_t bits)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};
    struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;
    a->vcpu = vcpu;
    uint8_t *ph = hard ? lend_map(h, hard, bits, &a->cpumap_hard) : NULL;
    uint8_t *ps = soft ? lend_map(h, soft, bits, &a->cpumap_soft) : NULL;
    int rc = -ENOMEM;
    if ((!hard || ph) && (!soft || ps)) {
        a->flags = (hard ? XEN_VCPUAFFINITY_HARD : 0) | (soft ? XEN_VCPUAFFINITY_SOFT : 0);
        rc = hyp_domctl(h, &op);
        if (ph)
            memcpy(hard, ph, (bits + 7) / 8);
        if (ps)
            memcpy(soft, ps, (bits + 7) / 8);
    }
    hyp_unlend(h, ph);
    hyp_unlend(h, ps);
    return rc;
}

int hyp_set_affinity(struct hyp *h, uint32_t domid, uint32_t vcpu, const uint8_t *hard,
                     const uint8_t *soft, uint32_t bits)
{
    uint8_t ch[128] = {0}, cs[128] = {0};
    size_t bytes = (bits + 7) / 8;
    if (bytes > sizeof ch)
        return -E2BIG;
    if (hard)
        memcpy(ch, hard, bytes);
    if (soft)
        memcpy(cs, soft, bytes);
    return affinity(h, XEN_DOMCTL_setvcpuaffinity, domid, vcpu, hard ? ch : NULL, soft ? cs : NULL,
                    bits);
}

int hyp_get_affinity(struct hyp *h, uint32_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft,
                     uint32_t bits)
{
    return affinity(h, XEN_DOMCTL_getvcpuaffinity, domid, vcpu, hard, soft, bits);
}

/* --- vcpus ---------------------------------------------------------------------------------- */

int hyp_vcpu_info(struct hyp *h, uint32_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *o)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuinfo, .domain = (domid_t)domid};
    op.u.getvcpuinfo.vcpu = vcpu;
    int rc = hyp_domctl(h, &op);
    *o = op.u.getvcpuinfo;
    return rc;
}

static int context(struct hyp *h, uint32_t cmd, uint32_t domid, uint32_t vcpu,
                   vcpu_guest_context_t *c)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};
    vcpu_guest_context_t *p = hyp_lend(h, sizeof *p);
    if (!p)
        return -ENOMEM;
    *p = *c;
    op.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, p);
    int rc = hyp_domctl(h, &op);
    if (rc >= 0)
        *c = *p;
    hyp_unlend(h, p);
    return rc;
}

int hyp_set_context(struct hyp *h, uint32_t domid, uint32_t vcpu, const vcpu_guest_context_t *c)
{
    vcpu_guest_context_t copy = *c;
    return context(h, XEN_DOMCTL_setvcpucontext, domid, vcpu, &copy);
}

int hyp_get_context(struct hyp *h, uint32_t domid, uint32_t vcpu, vcpu_guest_context_t *c)
{
    return context(h, XEN_DOMCTL_getvcpucontext, domid, vcpu, c);
}

/* --- memory --------------------------------------------------------------------------------- */

long hyp_populate(struct hyp *h, uint32_t domid, unsigned order, xen_pfn_t *extents, size_t n)
{
    xen_pfn_t *lent = hyp_lend(h, n * sizeof *lent);
    if (!lent)
        return -ENOMEM;
    memcpy(lent, extents, n * sizeof *lent);
    struct xen_memory_reservation r = {
        .nr_extents = n, .extent_order = order, .domid = (domid_t)domid};
    set_xen_guest_handle(r.extent_start, lent);
    long rc = hyp_memory(h, XENMEM_populate_physmap, &r, sizeof r);
    if (rc > 0)
        memcpy(extents, lent, (size_t)rc * sizeof *lent);
    hyp_unlend(h, lent);
    return rc;
}

/* --- CPU policies --------------------------------------------------------------------------- */

enum { LEAVES = 1024, MSRS = 64 };

struct policy {
    xen_cpuid_leaf_t *leaves;
    xen_msr_entry_t *msrs;
    uint32_t nr_leaves, nr_msrs;
};

static int policy_alloc(struct hyp *h, struct policy *p)
{
    p->leaves = hyp_lend(h, LEAVES * sizeof *p->leaves);
    p->msrs = hyp_lend(h, MSRS * sizeof *p->msrs);
    p->nr_leaves = LEAVES;
    p->nr_msrs = MSRS;
    return p->leaves && p->msrs ? 0 : -ENOMEM;
}

static void policy_free(struct hyp *h, struct policy *p)
{
    hyp_unlend(h, p->leaves);
    hyp_unlend(h, p->msrs);
}

static int policy_of_system(struct hyp *h, uint32_t index, struct policy *p)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_get_cpu_policy};
    op.u.cpu_policy.index = index;
    op.u.cpu_policy.nr_leaves = LEAVES;
    op.u.cpu_policy.nr_msrs = MSRS;
    set_xen_guest_handle(op.u.cpu_policy.leaves, p->leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, p->msrs);
    int rc = hyp_sysctl(h, &op);
    p->nr_leaves = op.u.cpu_policy.nr_leaves;
    p->nr_msrs = op.u.cpu_policy.nr_msrs;
    return rc;
}

static int policy_domctl(struct hyp *h, uint32_t cmd, uint32_t domid, struct policy *p)
{
    struct xen_domctl op = {.cmd = cmd, .domain = (domid_t)domid};
    op.u.cpu_policy.nr_leaves = p->nr_leaves;
    op.u.cpu_policy.nr_msrs = p->nr_msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, p->leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, p->msrs);
    int rc = hyp_domctl(h, &op);
    p->nr_leaves = op.u.cpu_policy.nr_leaves;
    p->nr_msrs = op.u.cpu_policy.nr_msrs;
    return rc;
}

static xen_cpuid_leaf_t *policy_leaf(const struct policy *p, uint32_t leaf)
{
    for (uint32_t i = 0; i < p->nr_leaves && i < LEAVES; i++)
        if (p->leaves[i].leaf == leaf)
            return &p->leaves[i];
    return NULL;
}

/* A copy of the host's leaves, malloced. */
static int host_leaves(struct hyp *h, struct policy *p, xen_cpuid_leaf_t **out, uint32_t *nr)
{
    int rc = policy_of_system(h, XEN_SYSCTL_cpu_policy_host, p);
    if (rc < 0)
        return rc;
    *nr = p->nr_leaves < LEAVES ? p->nr_leaves : LEAVES;
    *out = malloc((*nr + 1) * sizeof **out);
    if (!*out)
        return -ENOMEM;
    memcpy(*out, p->leaves, *nr * sizeof **out);
    return 0;
}

/*
 * Without CPUID faulting a PV guest sees the host's topology with its own eyes, so the policy
 * repeats the host's two topology flags (HTT, CMP_LEGACY) as the stock tools' does.
 */
static int pv_leaves(struct hyp *h, struct policy *p, const xen_cpuid_leaf_t *host, uint32_t nr)
{
    const struct policy of_host = {.leaves = (xen_cpuid_leaf_t *)(uintptr_t)host, .nr_leaves = nr};
    const xen_cpuid_leaf_t *h1 = policy_leaf(&of_host, 1),
                           *he1 = policy_leaf(&of_host, 0x80000001u);
    const uint32_t htt = 1u << 28, cmp = 1u << 1;
    int rc = policy_of_system(h, XEN_SYSCTL_cpu_policy_pv_default, p);
    if (rc < 0)
        return rc;
    xen_cpuid_leaf_t *l1 = policy_leaf(p, 1), *e1 = policy_leaf(p, 0x80000001u);
    if (l1)
        l1->d = (l1->d & ~htt) | (h1 ? h1->d & htt : 0);
    if (e1)
        e1->c = (e1->c & ~cmp) | (he1 ? he1->c & cmp : 0);
    p->nr_msrs = 0;
    return 0;
}

int hyp_start_policy(struct hyp *h, uint32_t domid, const struct cpuid_rules *r, struct why *w)
{
    struct policy p = {0};
    xen_cpuid_leaf_t *host = NULL;
    uint32_t nr_host = 0;
    struct why refusal = {""};
    int rc = policy_alloc(h, &p);
    if (rc >= 0)
        rc = host_leaves(h, &p, &host, &nr_host);
    if (rc >= 0)
        rc = pv_leaves(h, &p, host, nr_host);
    if (rc >= 0)
        rc = cpuid_apply(r, p.leaves, p.nr_leaves, host, nr_host, &refusal);
    if (rc >= 0)
        rc = policy_domctl(h, XEN_DOMCTL_set_cpu_policy, domid, &p);
    policy_free(h, &p);
    free(host);
    /* A hypervisor without policies has given the domain what it offers. */
    if (rc >= 0 || (!r->nr && (rc == -ENOSYS || rc == -EOPNOTSUPP)))
        return 0;
    return refusal.text[0] ? why(w, rc, "%s", refusal.text)
                           : why(w, rc, "cannot set its CPU policy: %s", strerror(-rc));
}

int hyp_get_policy(struct hyp *h, uint32_t domid, xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                   xen_msr_entry_t *msrs, uint32_t *nr_msrs)
{
    struct policy p = {0};
    int rc = policy_alloc(h, &p);
    if (rc >= 0)
        rc = policy_domctl(h, XEN_DOMCTL_get_cpu_policy, domid, &p);
    if (rc >= 0 && (p.nr_leaves > *nr_leaves || p.nr_msrs > *nr_msrs))
        rc = -ENOBUFS;
    if (rc >= 0) {
        memcpy(leaves, p.leaves, p.nr_leaves * sizeof *leaves);
        memcpy(msrs, p.msrs, p.nr_msrs * sizeof *msrs);
        *nr_leaves = p.nr_leaves;
        *nr_msrs = p.nr_msrs;
    }
    policy_free(h, &p);
    return rc;
}

int hyp_set_policy(struct hyp *h, uint32_t domid, const xen_cpuid_leaf_t *leaves,
                   uint32_t nr_leaves, const xen_msr_entry_t *msrs, uint32_t nr_msrs)
{
    struct policy p = {0};
    int rc = nr_leaves > LEAVES || nr_msrs > MSRS ? -E2BIG : policy_alloc(h, &p);
    if (rc >= 0) {
        memcpy(p.leaves, leaves, nr_leaves * sizeof *leaves);
        if (nr_msrs)
            memcpy(p.msrs, msrs, nr_msrs * sizeof *msrs);
        p.nr_leaves = nr_leaves;
        p.nr_msrs = nr_msrs;
        rc = policy_domctl(h, XEN_DOMCTL_set_cpu_policy, domid, &p);
    }
    policy_free(h, &p);
    return rc;
}
