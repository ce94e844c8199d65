/*
 * Property 'alloc-fails': each allocation that hypercalls bring about is made to fail, one after
 * the other. The call in which it fails says so, everything is given back afterwards, and then as
 * much memory is free as before. Runs on the hypervisor with hook.c, and nowhere else.
 */
#include "pvk.h"

#define HOOK 0xfa11

static struct xen_domctl op;
static domid_t dom;
static xen_pfn_t extents[4];

static long domctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.domain = dom;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return HC(__HYPERVISOR_domctl, &op);
}

static long hook(uint64_t fail_in)
{
    return HC(__HYPERVISOR_update_va_mapping_otherdomain, HOOK, fail_in);
}

static uint64_t free_pages(void)
{
    static struct xen_sysctl s;

    s = (struct xen_sysctl){.cmd = XEN_SYSCTL_physinfo,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    if (HC(__HYPERVISOR_sysctl, &s))
        panic("physinfo");
    return s.u.physinfo.free_pages + s.u.physinfo.scrub_pages;
}

/* --- the calls, in the order of a guest's life; each returns 0 or an error --- */

static long create(void)
{
    op.u.createdomain = (struct xen_domctl_createdomain){.max_vcpus = 2,
                                                         .max_evtchn_port = -1,
                                                         .max_grant_frames = 8,
                                                         .max_maptrack_frames = 4,
                                                         .grant_opts = 1};
    dom = 0;
    long rc = domctl(XEN_DOMCTL_createdomain);
    dom = rc ? 0 : op.domain;
    return rc;
}

static long max_vcpus(void)
{
    op.u.max_vcpus.max = 2;
    return domctl(XEN_DOMCTL_max_vcpus);
}

static long populate(void)
{
    struct xen_memory_reservation r = {.nr_extents = 4, .domid = dom};

    op.u.max_mem.max_memkb = 64;
    long rc = domctl(XEN_DOMCTL_max_mem);
    if (rc)
        return rc;
    for (unsigned int i = 0; i < 4; i++)
        extents[i] = i;
    set_xen_guest_handle(r.extent_start, extents);
    rc = HC(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r);
    return rc == 4 ? 0 : -12;
}

static long policy(void)
{
    static xen_cpuid_leaf_t leaf = {.leaf = 1, .subleaf = XEN_CPUID_NO_SUBLEAF};

    op.u.cpu_policy = (struct xen_domctl_cpu_policy){.nr_leaves = 1};
    set_xen_guest_handle(op.u.cpu_policy.leaves, &leaf);
    return domctl(XEN_DOMCTL_set_cpu_policy);
}

static long grant_frames(void)
{
    xen_pfn_t frames[8];
    struct gnttab_setup_table t = {.dom = dom, .nr_frames = 8};

    set_xen_guest_handle(t.frame_list, frames);
    long rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &t, 1);
    return rc ? rc : t.status;
}

static long unbound_port(void)
{
    struct evtchn_alloc_unbound a = {.dom = dom, .remote_dom = 0};

    return evtchn(EVTCHNOP_alloc_unbound, &a);
}

static long set_context(void)
{
    static struct vcpu_guest_context c;

    vcpu_context(1, &c);
    memset(c.trap_ctxt, 0, sizeof(c.trap_ctxt));
    c.ctrlreg[3] = extents[0] << 12;
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &c);
    return domctl(XEN_DOMCTL_setvcpucontext);
}

static long get_context(void)
{
    static struct vcpu_guest_context c;

    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, &c);
    return domctl(XEN_DOMCTL_getvcpucontext);
}

/* --- and of this domain; what they take they give back --- */

static long own_vcpu(void)
{
    static struct vcpu_guest_context c; /* refused for its root, after what it needs is at hand */

    c.ctrlreg[3] = 0x000ffffffffff000UL;
    long rc = HC(__HYPERVISOR_vcpu_op, VCPUOP_initialise, 1, &c);
    return rc == -22 ? 0 : rc;
}

static long reservation(unsigned int cmd, xen_pfn_t *frame)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, frame);
    return HC(__HYPERVISOR_memory_op, cmd, &r) == 1 ? 0 : -12;
}

static uint64_t *spare(void) /* p2m entry of a page that nothing maps */
{
    return (uint64_t *)start_info->mfn_list + start_info->nr_pages - 1;
}

static long get_back(void)
{
    xen_pfn_t frame = start_info->nr_pages - 1;
    long rc = reservation(XENMEM_populate_physmap, &frame);

    if (!rc)
        *spare() = frame;
    return rc;
}

static long own_memory(void)
{
    xen_pfn_t frame = *spare();

    if (reservation(XENMEM_decrease_reservation, &frame))
        panic("decrease");
    return get_back();
}

static long own_exchange(void)
{
    xen_pfn_t in = *spare(), out = start_info->nr_pages - 1;
    struct xen_memory_exchange e = {.in = {.nr_extents = 1, .domid = DOMID_SELF},
                                    .out = {.nr_extents = 1, .domid = DOMID_SELF}};

    set_xen_guest_handle(e.in.extent_start, &in);
    set_xen_guest_handle(e.out.extent_start, &out);
    long rc = HC(__HYPERVISOR_memory_op, XENMEM_exchange, &e);
    if (e.nr_exchanged == 1)
        *spare() = out;
    return rc;
}

static long own_grant(void)
{
    static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
    static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));
    struct gnttab_map_grant_ref m = {.host_addr = U(window), .flags = GNTMAP_host_map, .ref = 8};
    struct gnttab_unmap_grant_ref u = {.host_addr = U(window)};

    grant_table[8] =
        (struct grant_entry_v1){.flags = GTF_permit_access, .frame = (uint32_t)va_to_mfn(page)};
    long rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, &m, 1);
    if (rc || m.status)
        return rc ? rc : m.status;
    u.handle = m.handle;
    rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, &u, 1);
    if (rc || u.status)
        panic("unmap %s", rc_name(u.status));
    return 0;
}

static long own_fifo(void)
{
    static uint8_t control[PAGE_SIZE] __attribute__((aligned(4096)));
    static uint8_t array[PAGE_SIZE] __attribute__((aligned(4096)));
    struct evtchn_init_control init = {.control_gfn = va_to_mfn(control)};
    struct evtchn_expand_array expand = {.array_gfn = va_to_mfn(array)};
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    long rc = evtchn(EVTCHNOP_init_control, &init);

    if (!rc)
        rc = evtchn(EVTCHNOP_expand_array, &expand);
    if (evtchn(EVTCHNOP_reset, &reset))
        panic("reset");
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    return rc;
}

static const struct step {
    const char *name;
    long (*call)(void);
    long (*mend)(void); /* after it has failed */
    unsigned int keeps; /* pages that may stay, for the next time; none in the second round */
} steps[] = {
    {"createdomain", create, NULL, 0},
    {"max_vcpus", max_vcpus, NULL, 1}, /* with XPTI: the table of a vcpu number's window */
    {"populate_physmap", populate, NULL, 0},
    {"set_cpu_policy", policy, NULL, 0},
    {"setup_table", grant_frames, NULL, 0},
    {"alloc_unbound", unbound_port, NULL, 0},
    {"setvcpucontext", set_context, NULL, 0},
    {"getvcpucontext", get_context, NULL, 0},
    {"initialise", own_vcpu, NULL, 0},
    {"populate_physmap of our own", own_memory, get_back, 0},
    {"exchange", own_exchange, NULL, 0},
    {"map_grant_ref", own_grant, NULL, 2},
    {"events as queues", own_fifo, NULL, 0},
};

static void destroy(void)
{
    if (!dom)
        return;
    while (domctl(XEN_DOMCTL_destroydomain) == -85)
        ;
    while (domctl(XEN_DOMCTL_getdomaininfo) == 0)
        HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    dom = 0;
}

/* A life up to the step s, whose n-th allocation fails, and its end. Whether there is an n-th. */
static bool life(const struct step *s, uint64_t n)
{
    for (const struct step *before = steps; before < s; before++) {
        long rc = before->call();

        if (!check(!rc))
            note("%s: %s", before->name, rc_name(rc));
    }
    hook(n);
    long rc = s->call();
    bool failed = hook(0);
    if (!check(!failed == !rc))
        note("%s: %s, though allocation %lu %s", s->name, rc_name(rc), n,
             failed ? "failed" : "did not fail");
    if (rc && s->mend)
        check(!s->mend());
    destroy();
    return failed;
}

static void run(void)
{
    upcalls_disable();
    if (grants_init())
        panic("grants");
    if (hook(0) < 0)
        panic("this hypervisor has no hook");
    for (unsigned int round = 0; round < 2; round++)
        for (const struct step *s = steps; s < steps + ARRAY_SIZE(steps); s++) {
            uint64_t before = free_pages(), n = 1;

            while (life(s, n)) {
                uint64_t lost = before - free_pages();
                if (!check(lost <= (round ? 0 : s->keeps)))
                    note("%s: allocation %lu failed, and %ld pages are lost", s->name, n,
                         (long)lost);
                n++;
            }
            say("%s: each of %lu allocations has failed", s->name, n - 1);
        }
}
PROPERTY_FLAGS(alloc_fails, "alloc-fails", run, PROPERTY_ALONE);
