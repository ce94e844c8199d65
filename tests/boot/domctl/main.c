/*
 * Property: domctl from a control domain that is no Linux: a domain is created, given vCPUs and
 * memory, asked about, and destroyed; wrong values are refused and leave nothing behind.
 */
#include "pvk.h"

static struct xen_domctl op;

static long domctl(uint32_t cmd, domid_t dom)
{
    op.cmd = cmd;
    op.domain = dom;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return HC(__HYPERVISOR_domctl, &op);
}

static long create(domid_t dom, uint32_t flags, uint32_t vcpus)
{
    memset(&op.u, 0, sizeof(op.u));
    op.u.createdomain.flags = flags;
    op.u.createdomain.max_vcpus = vcpus;
    op.u.createdomain.max_evtchn_port = -1;
    op.u.createdomain.max_grant_frames = 4;
    op.u.createdomain.max_maptrack_frames = 4;
    op.u.createdomain.grant_opts = 1;
    for (unsigned int i = 0; i < 16; i++)
        op.u.createdomain.handle[i] = (uint8_t)(i + 1);
    return domctl(XEN_DOMCTL_createdomain, dom);
}

static void info(domid_t dom)
{
    memset(&op.u, 0, sizeof(op.u));
    long rc = domctl(XEN_DOMCTL_getdomaininfo, dom);
    struct xen_domctl_getdomaininfo *i = &op.u.getdomaininfo;
    if (rc)
        say("getdomaininfo: %s", rc_name(rc));
    else
        say("getdomaininfo: flags %x, vcpus %u, top id %x, handle ends %x, shared_info frame %d",
            i->flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown | XEN_DOMINF_paused),
            i->nr_online_vcpus, i->max_vcpu_id, i->handle[15], i->shared_info_frame != 0);
    if (!rc)
        say("pages: %lu of %lu, outstanding %lu, shared %lu", i->tot_pages, i->max_pages,
            i->outstanding_pages, i->shr_pages);
}

static domid_t life(void)
{
    say("createdomain: %s", rc_name(create(0, 0, 2)));
    domid_t dom = op.domain;
    say("it has a number of its own: %d", dom > 0 && dom < DOMID_FIRST_RESERVED);
    info(dom);
    op.u.max_vcpus.max = 2;
    say("max_vcpus: %s", rc_name(domctl(XEN_DOMCTL_max_vcpus, dom)));
    say("again: %s", rc_name(domctl(XEN_DOMCTL_max_vcpus, dom)));
    op.u.max_mem.max_memkb = 1024;
    say("max_mem 1 MiB: %s", rc_name(domctl(XEN_DOMCTL_max_mem, dom)));
    static xen_pfn_t extents[16];
    for (unsigned int i = 0; i < 16; i++)
        extents[i] = i;
    struct xen_memory_reservation r = {.nr_extents = 16, .domid = dom};
    set_xen_guest_handle(r.extent_start, extents);
    long rc = HC(__HYPERVISOR_memory_op, XENMEM_populate_physmap, &r);
    say("populate 16 pages for it: %s", rc_name(rc));
    info(dom);
    static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));
    uint64_t was = va_to_maddr(window);
    struct mmu_update u = {.ptr = va_to_maddr(pte_of(window, 1)), .val = extents[3] << 12 | PTE_RW};
    rc = HC(__HYPERVISOR_mmu_update, &u, 1, 0, dom);
    say("map a page of it: %s", rc_name(rc));
    mmuext(MMUEXT_INVLPG_LOCAL, U(window), 0);
    PROBE("movq $0x4711, (%0)", : : "r"(window) : "memory");
    say("write it: %s", fault_name());
    u.ptr = extents[3] << 12 | MMU_MACHPHYS_UPDATE;
    u.val = 3;
    say("set its m2p entry: %s", rc_name(HC(__HYPERVISOR_mmu_update, &u, 1, 0, dom)));
    say("map it as our own: %s", rc_name(pte_try(window, extents[4] << 12 | PTE_RW, 0)));
    pte_set(window, was | PTE_RW);
    return dom;
}

static void questions(domid_t dom)
{
    memset(&op.u, 0, sizeof(op.u));
    op.u.getvcpuinfo.vcpu = 1;
    long rc = domctl(XEN_DOMCTL_getvcpuinfo, dom);
    say("getvcpuinfo: %s, online %u blocked %u running %u", rc_name(rc), op.u.getvcpuinfo.online,
        op.u.getvcpuinfo.blocked, op.u.getvcpuinfo.running);
    op.u.getvcpuinfo.vcpu = 2;
    say("getvcpuinfo past the last: %s", rc_name(domctl(XEN_DOMCTL_getvcpuinfo, dom)));
    rc = domctl(XEN_DOMCTL_get_address_size, dom);
    say("get_address_size: %s, %u", rc_name(rc), op.u.address_size.size);
    op.u.address_size.size = 64;
    say("set_address_size 64: %s", rc_name(domctl(XEN_DOMCTL_set_address_size, dom)));
    say("pausedomain: %s", rc_name(domctl(XEN_DOMCTL_pausedomain, dom)));
    note("unpausedomain: %s", rc_name(domctl(XEN_DOMCTL_unpausedomain, dom)));
    static struct vcpu_guest_context context;
    memset(&op.u, 0, sizeof(op.u));
    op.u.vcpucontext.vcpu = 0;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, (void *)&context);
    note("getvcpucontext before any: %s", rc_name(domctl(XEN_DOMCTL_getvcpucontext, dom)));
    context.ctrlreg[3] = 0x000ffffffffff000UL;
    say("setvcpucontext with a bad cr3: %s", rc_name(domctl(XEN_DOMCTL_setvcpucontext, dom)));
    set_xen_guest_handle(op.u.vcpucontext.ctxt, (void *)BAD_POINTER);
    say("setvcpucontext from a bad pointer: %s", rc_name(domctl(XEN_DOMCTL_setvcpucontext, dom)));
    memset(&op.u, 0, sizeof(op.u));
    rc = domctl(XEN_DOMCTL_gettscinfo, dom);
    note("gettscinfo: %s mode %u", rc_name(rc), op.u.tsc_info.tsc_mode);
    op.u.ioport_permission.first_port = 0x80;
    op.u.ioport_permission.nr_ports = 1;
    op.u.ioport_permission.allow_access = 1;
    note("ioport_permission: %s", rc_name(domctl(XEN_DOMCTL_ioport_permission, dom)));
    op.u.ioport_permission.nr_ports = 0xffffffff;
    note("ioport_permission of too many: %s", rc_name(domctl(XEN_DOMCTL_ioport_permission, dom)));
    memset(&op.u, 0, sizeof(op.u));
    op.u.iomem_permission.first_mfn = 0xb8;
    op.u.iomem_permission.nr_mfns = 8;
    op.u.iomem_permission.allow_access = 1;
    note("iomem_permission: %s", rc_name(domctl(XEN_DOMCTL_iomem_permission, dom)));
    op.u.setdebugging.enable = 0;
    note("setdebugging: %s", rc_name(domctl(XEN_DOMCTL_setdebugging, dom)));
    for (unsigned int i = 0; i < 16; i++)
        op.u.setdomainhandle.handle[i] = 0x77;
    say("setdomainhandle: %s", rc_name(domctl(XEN_DOMCTL_setdomainhandle, dom)));
    info(dom);
}

static void end(domid_t dom)
{
    say("destroydomain: %s", rc_name(domctl(XEN_DOMCTL_destroydomain, dom)));
    for (unsigned int i = 0; i < 100 && domctl(XEN_DOMCTL_getdomaininfo, dom) == 0; i++)
        HC(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
    say("getdomaininfo then: %s", rc_name(domctl(XEN_DOMCTL_getdomaininfo, dom)));
    say("destroydomain again: %s", rc_name(domctl(XEN_DOMCTL_destroydomain, dom)));
}

static void refusals(void)
{
    say("create with 0 vCPUs: %s", rc_name(create(0, 0, 0)));
    say("create with 9000 vCPUs: %s", rc_name(create(0, 0, 9000)));
    say("create with unknown flags: %s", rc_name(create(0, 1u << 31, 1)));
    /* A number out of range is taken as "any". */
    SAY("create number 0x7ff1: %s, got another %d", rc_name(create(DOMID_IO, 0, 1)),
        op.domain < DOMID_FIRST_RESERVED);
    domctl(XEN_DOMCTL_destroydomain, op.domain);
    say("create our own number: %s", ({
            long rc = create(0, 0, 1);
            if (!rc && op.domain) {
                domid_t d = op.domain;
                domctl(XEN_DOMCTL_destroydomain, d);
            }
            rc_name(rc);
        }));
    say("destroy ourselves: %s", rc_name(domctl(XEN_DOMCTL_destroydomain, 0)));
    say("pause ourselves: %s", rc_name(domctl(XEN_DOMCTL_pausedomain, 0)));
    say("pause DOMID_SELF: %s", rc_name(domctl(XEN_DOMCTL_pausedomain, DOMID_SELF)));
    say("max_vcpus of ourselves: %s",
        (op.u.max_vcpus.max = 3, rc_name(domctl(XEN_DOMCTL_max_vcpus, 0))));
    say("info of nobody: %s", rc_name(domctl(XEN_DOMCTL_getdomaininfo, 1234)));
    note("info of DOMID_XEN: %s", rc_name(domctl(XEN_DOMCTL_getdomaininfo, DOMID_XEN)));
    note("unknown operation: %s", rc_name(domctl(900, 0)));
    op.interface_version = 7;
    op.cmd = XEN_DOMCTL_getdomaininfo;
    say("wrong interface version: %s", rc_name(HC(__HYPERVISOR_domctl, &op)));
    say("bad pointer: %s", rc_name(HC(__HYPERVISOR_domctl, BAD_POINTER)));
    say("in the hypervisor: %s", rc_name(HC(__HYPERVISOR_domctl, HV_POINTER)));
}

static void run(void)
{
    domid_t dom = life();
    questions(dom);
    end(dom);
    refusals();
}
PROPERTY(domctl, "domctl", run);
