/*
 * Properties 'walk' and 'hostile': whatever a domain asks, the hypervisor answers with an error or
 * ends that domain; it never fails itself.
 *
 * Both make hypercalls out of pools of awkward values: pointers that are bad, read-only, at a
 * page's end; frames that are ours, page tables, the hypervisor's, none; huge counts; small
 * numbers. 'hostile' goes through every hypercall and sub-operation in order; 'walk' is a random
 * walk (options: seed=N steps=N, race=1, verbose=1 to print each call). With race=1, and always in
 * 'hostile', a second vCPU changes the arguments while they are read.
 *
 * Left out are calls by which a domain rightly ends itself or stops the machine (allowed()), and
 * frames on which this kernel itself stands: what it offers is a set of victim pages and page
 * tables.
 */
#include "pvk.h"

#define VICTIMS 24
#define WINDOWS 8

static uint64_t state;
static uint64_t victims[VICTIMS];
/* The windows, two pages for the request, and one that is never mapped: a huge count ends there,
 * not in this kernel. */
static uint8_t windows[WINDOWS + 3][PAGE_SIZE] __attribute__((aligned(4096)));
#define arguments windows[WINDOWS]
static uint64_t request_pte[2];
static uint64_t hypervisor_frame;
static domid_t victim_domain;
static volatile bool racing;
static bool verbose;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n)
{
    return next() % n;
}

static uint64_t frame(void)
{
    switch (below(12)) {
    case 0:
        return hypervisor_frame;
    case 1:
        return 0xffffffffffUL;
    case 2:
        return 0;
    case 3: {
        /* Any frame of the machine but those this kernel stands on. */
        uint64_t any = next() & 0x3ffff;
        if (*m2p_entry(any) < start_info->nr_pages)
            return victims[0];
        return any;
    }
    default:
        return victims[below(VICTIMS)];
    }
}

static uint64_t pointer(void)
{
    static const uint64_t bad[] = {
        BAD_POINTER, HV_POINTER,           NONCANONICAL_POINTER, 0x00007ffffffffff8UL,
        0,           0xffff7ffffffffff8UL, 0xfffffffffffffff8UL, MACH2PHYS_VIRT_START};
    switch (below(4)) {
    case 0:
        return bad[below(ARRAY_SIZE(bad))];
    case 1:
        return U(windows[below(WINDOWS)]) + PAGE_SIZE - below(32);
    default:
        return U(windows[below(WINDOWS)]) + below(64) * 8;
    }
}

static uint64_t small(void)
{
    static const uint64_t odd[] = {0,   1,    2,    3,      7,      8,      16,
                                   31,  32,   63,   64,     127,    128,    511,
                                   512, 4095, 4096, 0x7ff0, 0x7ff1, 0x7ff2, 0x7ff4};
    return below(3) ? below(12) : odd[below(ARRAY_SIZE(odd))];
}

static uint64_t huge(void)
{
    static const uint64_t odd[] = {~0UL,       1UL << 63,  1UL << 31, 1UL << 32,
                                   0x7fffffff, 0xffffffff, 0xffff,    0x10000};
    return odd[below(ARRAY_SIZE(odd))];
}

static uint64_t some_value(void)
{
    switch (below(16)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return frame();
    case 4:
        return frame() << 12 | below(4096);
    case 5:
        return frame() << 12 | (next() & 0xfff) | (next() & PTE_NX);
    case 6:
    case 7:
        return pointer();
    case 8:
        return huge();
    case 9:
        return next();
    case 10:
        return small() | small() << 32;
    case 11:
        return small() | small() << 16 | small() << 32 | small() << 48;
    case 12:
        return victim_domain | small() << 32;
    default:
        return small();
    }
}

/* Two small numbers make the address of this kernel's list of frames, where no result shall go. */
static uint64_t elsewhere(uint64_t v)
{
    return v - start_info->mfn_list < start_info->nr_pages * 8 ? small() : v;
}

static uint64_t value(void)
{
    return elsewhere(some_value());
}

/* What a sub-operation would do to this domain or the machine is right, but ends the walk. */
static bool allowed(uint64_t nr, uint64_t sub, uint64_t second)
{
    static const uint64_t platform = 1UL << XENPF_firmware_info | 1UL << XENPF_get_cpuinfo |
                                     1UL << XENPF_get_cpu_version | 1UL << XENPF_get_symbol |
                                     1UL << 0 | 1UL << 5;
    static const uint64_t sysctls =
        1UL << XEN_SYSCTL_readconsole | 1UL << XEN_SYSCTL_physinfo | 1UL << XEN_SYSCTL_sched_id |
        1UL << XEN_SYSCTL_getdomaininfolist | 1UL << XEN_SYSCTL_getcpuinfo |
        1UL << XEN_SYSCTL_availheap | 1UL << XEN_SYSCTL_cputopoinfo | 1UL << XEN_SYSCTL_numainfo |
        1UL << 40;
    static const uint64_t physdev = 1UL << PHYSDEVOP_irq_status_query | 1UL << PHYSDEVOP_set_iopl |
                                    1UL << PHYSDEVOP_set_iobitmap | 1UL << PHYSDEVOP_apic_read |
                                    1UL << PHYSDEVOP_eoi | 1UL << PHYSDEVOP_get_free_pirq |
                                    1UL << PHYSDEVOP_pirq_eoi_gmfn_v2 | 1UL << 3 | 1UL << 40;

    sub = (uint32_t)sub;
    switch (nr) {
    case __HYPERVISOR_iret:
    case __HYPERVISOR_kexec_op:
    case __HYPERVISOR_arch_0: /* mca */
    case __HYPERVISOR_xenoprof_op:
    case __HYPERVISOR_sched_op_compat:
    case __HYPERVISOR_physdev_op_compat:
    case __HYPERVISOR_set_debugreg:
        return false;
    case __HYPERVISOR_platform_op:
        return sub < 64 && (platform >> sub & 1);
    case __HYPERVISOR_sysctl:
        return sub < 64 && (sysctls >> sub & 1);
    case __HYPERVISOR_physdev_op:
        return sub < 64 && (physdev >> sub & 1);
    case __HYPERVISOR_sched_op:
        return sub == SCHEDOP_yield || sub == SCHEDOP_pin_override || sub > 7;
    case __HYPERVISOR_vcpu_op:
        return sub != VCPUOP_down && sub != VCPUOP_send_nmi && sub != VCPUOP_register_vcpu_info &&
               !(sub == VCPUOP_up && (uint32_t)second == 1) &&
               !(sub == VCPUOP_initialise && (uint32_t)second == 1);
    case __HYPERVISOR_console_io:
        return sub != CONSOLEIO_write;
    case __HYPERVISOR_domctl:
        return sub != XEN_DOMCTL_createdomain && sub != XEN_DOMCTL_sendtrigger &&
               sub != XEN_DOMCTL_gdbsx_guestmemio;
    case __HYPERVISOR_mmuext_op:
        return true;
    }
    return nr < 64;
}

/* Writes a request where it will be read; returns its address. */
static uint64_t *request(void)
{
    /* A call may have mapped something else over the request's pages. */
    for (unsigned int i = 0; i < 2; i++) {
        PROBE("lock orq $0, (%0)", : : "r"(arguments + i * PAGE_SIZE) : "memory", "cc");
        if (this_cpu()->fault.vector >= 0 ||
            *pte_of(arguments + i * PAGE_SIZE, 1) >> 12 << 12 != request_pte[i] >> 12 << 12)
            pte_set(arguments + i * PAGE_SIZE, request_pte[i]);
    }
    uint64_t *at = (uint64_t *)(arguments + (below(8) ? below(64) * 8 : PAGE_SIZE - below(16) * 8));

    for (unsigned int i = 0; i < 40; i++)
        at[i] = value();
    return at;
}

static uint64_t flags_for_mapping(void)
{
    return below(2) ? below(8) : pointer();
}

struct call {
    uint64_t nr, a[5];
};

static void fill_multicall(uint64_t *at, unsigned int n);

/* Puts together one call; request() supplies what its pointer shows. */
static bool make(struct call *c, uint64_t nr, uint64_t sub)
{
    uint64_t *at = request();
    uint64_t where = below(6) ? U(at) : pointer();

    *c = (struct call){.nr = nr, .a = {sub, where, small(), value(), value()}};
    switch (nr) {
    case __HYPERVISOR_mmu_update:
        for (unsigned int i = 0; i < 16; i += 2) {
            at[i] = frame() << 12 | below(4096);
            at[i + 1] = value();
        }
        c->a[0] = where;
        c->a[1] = below(10) ? below(9) : huge();
        c->a[2] = below(2) ? 0 : pointer();
        c->a[3] = below(4) ? DOMID_SELF : below(2) ? victim_domain : small();
        break;
    case __HYPERVISOR_mmuext_op:
        for (unsigned int i = 0; i < 15; i += 3) {
            at[i] = below(30);
            if (at[i] == MMUEXT_NEW_BASEPTR)
                at[i] = MMUEXT_PIN_L4_TABLE;
        }
        c->a[0] = U(at);
        c->a[1] = below(5);
        c->a[2] = below(2) ? 0 : pointer();
        c->a[3] = below(4) ? DOMID_SELF : below(2) ? victim_domain : small();
        break;
    case __HYPERVISOR_update_va_mapping:
    case __HYPERVISOR_update_va_mapping_otherdomain:
        c->a[0] = U(windows[below(WINDOWS)]);
        if (!below(5))
            c->a[0] = pointer() & ~(PAGE_SIZE - 1);
        c->a[1] = value();
        c->a[2] = flags_for_mapping();
        c->a[3] = below(2) ? victim_domain : small();
        break;
    case __HYPERVISOR_multicall:
        c->a[0] = U(at);
        c->a[1] = 1 + below(4);
        fill_multicall(at, (unsigned int)c->a[1]);
        break;
    case __HYPERVISOR_domctl:
    case __HYPERVISOR_sysctl:
    case __HYPERVISOR_platform_op: {
        uint32_t *w = (uint32_t *)at;
        w[0] = (uint32_t)sub;
        w[1] = nr == __HYPERVISOR_domctl   ? XEN_DOMCTL_INTERFACE_VERSION
               : nr == __HYPERVISOR_sysctl ? XEN_SYSCTL_INTERFACE_VERSION
                                           : XENPF_INTERFACE_VERSION;
        if (nr == __HYPERVISOR_domctl)
            w[2] = below(8) ? victim_domain : 1234;
        c->a[0] = U(at);
        break;
    }
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_gdt:
        c->a[0] = where;
        c->a[1] = small();
        break;
    case __HYPERVISOR_update_descriptor:
        c->a[0] = frame() << 12 | below(4096);
        c->a[1] = value();
        break;
    case __HYPERVISOR_stack_switch:
    case __HYPERVISOR_set_segment_base:
    case __HYPERVISOR_fpu_taskswitch:
    case __HYPERVISOR_set_timer_op:
    case __HYPERVISOR_get_debugreg:
    case __HYPERVISOR_vm_assist:
        c->a[1] = value();
        break;
    case __HYPERVISOR_memory_op:
        if (sub == XENMEM_increase_reservation || sub == XENMEM_populate_physmap ||
            sub == XENMEM_decrease_reservation) {
            at[0] = below(3) ? U(windows[below(WINDOWS)]) : pointer();
            at[1] = below(20) ? below(16) : huge();
            /* Giving back goes on past a victim: to the pages kept there for it, or to where none
             * can. */
            ((uint32_t *)at)[4] = (uint32_t)(below(10)                            ? below(4)
                                             : sub == XENMEM_decrease_reservation ? huge()
                                                                                  : small());
            ((uint32_t *)at)[5] = (uint32_t)value();
            at[3] = below(4) ? DOMID_SELF : below(2) ? victim_domain : small();
        }
        break;
    case __HYPERVISOR_vcpu_op:
        c->a[1] = below(3);
        c->a[2] = where;
        break;
    case __HYPERVISOR_grant_table_op:
        for (unsigned int i = 0; i < 40; i++)
            if (below(3) == 0)
                at[i] = elsewhere(small() | small() << 32);
        c->a[2] = below(10) ? below(4) : huge();
        break;
    case __HYPERVISOR_console_io:
        c->a[1] = small();
        c->a[2] = where;
        break;
    }
    return allowed(nr, sub, c->a[1]);
}

static const uint8_t numbers[] = {0,  1,  1,  1,  1,  2,  3,  4,  5,  7,  9,  10, 12, 12, 12,
                                  12, 13, 13, 14, 14, 14, 15, 17, 18, 20, 20, 20, 20, 21, 22,
                                  24, 25, 26, 26, 26, 26, 27, 28, 29, 30, 32, 32, 32, 32, 33,
                                  34, 35, 36, 36, 36, 36, 38, 39, 40, 41, 42, 48, 60};

static uint64_t sub_operation(uint64_t nr)
{
    return nr == __HYPERVISOR_domctl        ? below(90)
           : nr == __HYPERVISOR_platform_op ? below(70)
           : below(20)                      ? below(30)
                                            : huge();
}

static void fill_multicall(uint64_t *at, unsigned int n)
{
    struct multicall_entry *e = (struct multicall_entry *)at;

    for (unsigned int i = 0; i < n; i++) {
        uint64_t op = below(2) ? __HYPERVISOR_mmu_update : __HYPERVISOR_update_va_mapping;
        e[i].op = op;
        e[i].args[0] = op == __HYPERVISOR_mmu_update ? pointer() : U(windows[below(WINDOWS)]);
        e[i].args[1] = op == __HYPERVISOR_mmu_update ? below(4) : value();
        e[i].args[2] = below(8);
        e[i].args[3] = DOMID_SELF;
    }
}

/* Puts back what this kernel needs to go on. */
static void repair(uint64_t nr)
{
    switch (nr) {
    case __HYPERVISOR_set_trap_table:
    case __HYPERVISOR_set_callbacks:
    case __HYPERVISOR_callback_op:
    case __HYPERVISOR_nmi_op:
        traps_init();
        break;
    case __HYPERVISOR_fpu_taskswitch:
        HC(__HYPERVISOR_fpu_taskswitch, 0);
        break;
    }
    upcalls_disable();
}

/* A domain of that number, of any for 0: empty, in op.domain. */
static long domain_make(struct xen_domctl *op, domid_t id)
{
    *op = (struct xen_domctl){
        .cmd = XEN_DOMCTL_createdomain,
        .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
        .domain = id,
        .u.createdomain = {.max_vcpus = 2,
                           .max_evtchn_port = -1,
                           .max_grant_frames = 4,
                           .max_maptrack_frames = 4,
                           .grant_opts = 1},
    };
    return HC(__HYPERVISOR_domctl, op);
}

static void new_victim(void)
{
    static struct xen_domctl op;

    if (domain_make(&op, 0))
        return;
    victim_domain = op.domain;
    op.cmd = XEN_DOMCTL_max_vcpus;
    op.u.max_vcpus.max = 2;
    HC(__HYPERVISOR_domctl, &op);
    op.cmd = XEN_DOMCTL_max_mem;
    op.u.max_mem.max_memkb = 256;
    HC(__HYPERVISOR_domctl, &op);
}

static bool victim_lives(void)
{
    static struct xen_domctl op;

    op = (struct xen_domctl){.cmd = XEN_DOMCTL_getdomaininfo,
                             .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                             .domain = victim_domain};
    return HC(__HYPERVISOR_domctl, &op) == 0 && !(op.u.getdomaininfo.flags & XEN_DOMINF_dying);
}

/* Changes words of the request until told to stop, with a generator of its own. */
static void race(void *unused)
{
    uint64_t s = 88172645463325252UL;
    (void)unused;
    while (racing) {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        uint64_t at = U(arguments) + s % (2 * PAGE_SIZE) / 8 * 8, was = 0;
        PROBE("mov (%1), %0", : "=r"(was) : "r"(at) : "memory");
        PROBE("mov %0, (%1)",
              :
              : "r"(s >> 60 < 8 ? was ^ 1UL << (s >> 54 & 63) : victims[s >> 32 & 15]), "r"(at)
              : "memory");
        cpu_relax();
        PROBE("mov %0, (%1)", : : "r"(was), "r"(at) : "memory");
    }
}

static void prepare(bool with_race)
{
    static struct vcpu_register_vcpu_info info;
    uint8_t *own = page_get();

    verbose = option_number("verbose", 0);
    upcalls_disable();
    info = (struct vcpu_register_vcpu_info){.mfn = va_to_mfn(own)};
    if (!HC(__HYPERVISOR_vcpu_op, VCPUOP_register_vcpu_info, 0, &info))
        vcpu_infos[0] = (struct vcpu_info *)own;
    HC(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
    for (unsigned int i = 0; i < VICTIMS; i++) {
        uint8_t *page = page_get();
        victims[i] = va_to_mfn(page);
        /* A third of them are page tables: one of each level, pinned. */
        if (i % 3 == 0) {
            static const unsigned int pins[] = {MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                                MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE};
            pte_set(page, 0);
            mmuext(pins[i / 3 % 4], victims[i], 0);
        } else if (i % 3 == 1) {
            pte_set(page, 0);
        }
    }
    for (unsigned int i = 0; i < 8; i++)
        page_get(); /* the victims' neighbours, which larger extents reach */
    for (unsigned int i = 0; i < WINDOWS; i++)
        if (i & 1)
            pte_set(windows[i],
                    victims[i * 2 % VICTIMS] << 12 | (i * 2 % 3 == 2 ? PTE_RW : PTE_RO));
    pte_set(windows[WINDOWS + 2], 0);
    for (unsigned int i = 0; i < 2; i++)
        request_pte[i] = va_to_maddr(arguments + i * PAGE_SIZE) | PTE_RW | PTE_GUEST_KERNEL;
    hypervisor_frame = (kernel_l4[260] & PTE_FRAME) >> 12;
    new_victim();
    if (with_race && vcpus_allowed() > 1 && !vcpu_start(1)) {
        racing = true;
        vcpu_give(1, race, NULL);
    }
}

static void finish(void)
{
    if (racing) {
        racing = false;
        vcpu_wait(1);
    }
    /* The tables still work: a table is built, pinned, refused as writable, and taken down. */
    uint8_t *page = page_get();
    page_protect(page);
    long rc = mmuext(MMUEXT_PIN_L1_TABLE, va_to_mfn(page), 0);
    long rw = pte_try(page, va_to_maddr(page) | PTE_RW, UVMF_INVLPG);
    say("alive; a pin: %s, its page writable: %s, unpin: %s", rc_name(rc), rc_name(rw),
        rc_name(mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(page), 0)));
}

static long perform(const struct call *c)
{
    if (verbose)
        note("call %lu(%lx, %lx, %lx, %lx) %lx %lx %lx", c->nr, c->a[0], c->a[1], c->a[2], c->a[3],
             ((uint64_t *)arguments)[0], ((uint64_t *)arguments)[1], ((uint64_t *)arguments)[2]);
    long rc = hypercall(c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4]);
    repair(c->nr);
    if (verbose)
        note("gave %s", rc_name(rc));
    return rc;
}

static void walk(void)
{
    uint64_t seed = option_number("seed", 1), steps = option_number("steps", 20000), good = 0,
             made = 0;

    state = seed * 0x9e3779b97f4a7c15UL + 1;
    prepare(option_number("race", 0));
    note("seed %lu, %lu steps", seed, steps);
    for (uint64_t i = 0; i < steps; i++) {
        struct call c;
        uint64_t nr = below(50) ? numbers[below(sizeof(numbers))] : below(64);
        if (!make(&c, nr, sub_operation(nr)))
            continue;
        made++;
        good += perform(&c) >= 0;
        if (i % 512 == 511 && !victim_lives())
            new_victim();
        if (i % 10000 == 9999)
            note("step %lu: %lu calls, %lu of them granted", i + 1, made, good);
    }
    note("seed %lu: %lu calls, %lu of them granted", seed, made, good);
    finish();
}
PROPERTY_FLAGS(walk, "walk", walk, PROPERTY_ALONE);

/* An event for a domain that has no vcpu yet. Stock Xen 4.17 ends by it, so no property compares
 * it. */
static void early_event(void)
{
    static struct xen_domctl op;

    if (domain_make(&op, 0))
        return;
    struct evtchn_alloc_unbound theirs = {.dom = op.domain, .remote_dom = 0};
    struct evtchn_bind_interdomain ours = {.remote_dom = op.domain};
    long rc = evtchn(EVTCHNOP_alloc_unbound, &theirs);
    ours.remote_port = theirs.port;
    if (!rc)
        rc = evtchn(EVTCHNOP_bind_interdomain, &ours);
    struct evtchn_send send = {.port = ours.local_port};
    if (!rc)
        rc = evtchn(EVTCHNOP_send, &send);
    note("an event for a domain without vcpus: %s", rc_name(rc));
    op.cmd = XEN_DOMCTL_destroydomain;
    HC(__HYPERVISOR_domctl, &op);
}

#define CRADLE 0x1234

/* On vcpu 1: maps a frame of the hypervisor's, in the name of a domain that comes and goes. */
static void map_as_newborn(void *unused)
{
    uint64_t pte = va_to_maddr(pte_of(windows[0], 1));
    (void)unused;
    while (racing) {
        struct mmu_update u = {.ptr = pte, .val = hypervisor_frame << 12 | PTE_RW};
        if (!HC(__HYPERVISOR_mmu_update, &u, 1, 0, CRADLE)) {
            check(!"a frame of the hypervisor's was mapped");
            racing = false;
        }
        struct xen_memory_domain who = {.domid = CRADLE};
        HC(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn, &who);
    }
}

static void births(void)
{
    static struct xen_domctl op;

    pte_set(windows[0], 0);
    racing = true;
    vcpu_give(1, map_as_newborn, NULL);
    for (unsigned int i = 0; i < 2000 && racing; i++) {
        check(!domain_make(&op, CRADLE));
        op.cmd = XEN_DOMCTL_destroydomain;
        while (HC(__HYPERVISOR_domctl, &op) != -3)
            ;
    }
    racing = false;
    vcpu_wait(1);
    pte_set(windows[0], 0);
}

/* What is left of the machine's RAM beside this domain and what is free. */
static void own_memory(void)
{
    static struct xen_domctl d;
    static struct xen_sysctl s;

    s = (struct xen_sysctl){.cmd = XEN_SYSCTL_physinfo,
                            .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    d = (struct xen_domctl){.cmd = XEN_DOMCTL_getdomaininfo,
                            .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    if (HC(__HYPERVISOR_sysctl, &s) || HC(__HYPERVISOR_domctl, &d))
        panic("no numbers");
    uint64_t all = s.u.physinfo.total_pages;
    uint64_t own = all - s.u.physinfo.free_pages - d.u.getdomaininfo.tot_pages;
    note("the hypervisor has %lu of %lu pages, %lu bytes for each", own, all,
         own * PAGE_SIZE / all);
    /* 20 bytes for each frame below the end of RAM; the M2P is rounded up to 2 MiB, as tools map
     * it; the image, processors and page tables. */
    check(own * PAGE_SIZE < 20 * (s.u.physinfo.max_mfn + 1) + (2 << 20) + (3 << 19));
}

static void hostile(void)
{
    uint64_t made = 0;

    state = 0x5eed;
    if (is_dom0())
        own_memory();
    prepare(true);
    early_event();
    for (uint64_t nr = 0; nr < 64; nr++)
        for (uint64_t sub = 0; sub < (nr == __HYPERVISOR_domctl ? 90 : 42); sub++)
            for (unsigned int i = 0; i < 8; i++) {
                struct call c;
                if (!make(&c, nr, sub == 41 ? huge() : sub))
                    continue;
                made++;
                perform(&c);
                if (nr == __HYPERVISOR_domctl && i == 0 && !victim_lives())
                    new_victim();
            }
    note("calls made: %lu", made);
    if (racing) {
        racing = false;
        vcpu_wait(1);
        if (is_dom0())
            births();
    }
    finish();
}
PROPERTY_FLAGS(hostile, "hostile", hostile, PROPERTY_ALONE);
