/*
 * Property: grant_table_op, a domain granting to itself. Table set-up and versions; map, also into
 * a given entry, read-only and writable; unmap; copy; every refusal by its status; that a mapped
 * frame is kept.
 */
#include "pvk.h"

static uint8_t window[2][PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t *page;

static long gnttab(unsigned int cmd, void *op)
{
    return HC(__HYPERVISOR_grant_table_op, cmd, op, 1);
}

/* Which error a refusal has is left to the hypervisor; it goes into a line that is not compared. */
static const char *refused(int16_t status);

static const char *status_name(int16_t status)
{
    static const char *const names[] = {
        "okay",          "general_error",   "bad_domain",      "bad_gntref",        "bad_handle",
        "bad_virt_addr", "bad_dev_addr",    "no_device_space", "permission_denied", "bad_page",
        "bad_copy_arg",  "address_too_big", "eagain",          "no_space"};
    return status <= 0 && -status < (int)ARRAY_SIZE(names) ? names[-status] : "positive";
}

static const char *refused(int16_t status)
{
    if (!status)
        return "okay";
    note("status %s", status_name(status));
    return "refused";
}

static void give(unsigned int ref, unsigned int flags, uint64_t mfn)
{
    grant_table[ref].frame = (uint32_t)mfn;
    grant_table[ref].domid = 0;
    __atomic_store_n(&grant_table[ref].flags, (uint16_t)flags, __ATOMIC_SEQ_CST);
}

static struct gnttab_map_grant_ref map(unsigned int ref, uint64_t at, unsigned int flags,
                                       domid_t dom)
{
    struct gnttab_map_grant_ref op = {.host_addr = at, .flags = flags, .ref = ref, .dom = dom};
    long rc = gnttab(GNTTABOP_map_grant_ref, &op);
    if (rc)
        say("map_grant_ref: %s", rc_name(rc));
    return op;
}

static struct gnttab_unmap_grant_ref unmap(uint64_t at, uint64_t bus, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = at, .dev_bus_addr = bus, .handle = handle};
    long rc = gnttab(GNTTABOP_unmap_grant_ref, &op);
    if (rc)
        say("unmap_grant_ref: %s", rc_name(rc));
    return op;
}

static void table(void)
{
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_get_version get = {.dom = DOMID_SELF};
    struct gnttab_set_version set = {.version = 1};
    xen_pfn_t frames[4] = {0};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};

    long rc = gnttab(GNTTABOP_query_size, &size);
    say("query_size: %s %s, frames %u", rc_name(rc), status_name(size.status), size.nr_frames);
    note("at most %u", size.max_nr_frames);
    size.dom = 1234;
    rc = gnttab(GNTTABOP_query_size, &size);
    say("query_size of nobody: %s %s", rc_name(rc), status_name(size.status));
    rc = gnttab(GNTTABOP_get_version, &get);
    say("get_version: %s %u", rc_name(rc), get.version);
    rc = gnttab(GNTTABOP_set_version, &set);
    say("set_version 1: %s %u", rc_name(rc), set.version);
    set.version = 3;
    rc = gnttab(GNTTABOP_set_version, &set);
    say("set_version 3: %s", rc_name(rc));
    set_xen_guest_handle(setup.frame_list, frames);
    rc = gnttab(GNTTABOP_setup_table, &setup);
    say("setup_table of 1: %s %s, a frame %d", rc_name(rc), status_name(setup.status),
        frames[0] != 0);
    setup.nr_frames = 100000;
    rc = gnttab(GNTTABOP_setup_table, &setup);
    say("setup_table of 100000: %s %s", rc_name(rc), status_name(setup.status));
    setup.nr_frames = 1;
    setup.dom = 1234;
    rc = gnttab(GNTTABOP_setup_table, &setup);
    say("setup_table of nobody: %s %s", rc_name(rc), status_name(setup.status));
    setup.dom = DOMID_SELF;
    set_xen_guest_handle(setup.frame_list, (void *)BAD_POINTER);
    rc = gnttab(GNTTABOP_setup_table, &setup);
    note("setup_table into a bad list: %s %s", rc_name(rc), status_name(setup.status));
    say("mapping it: %s", rc_name(grants_init()));
    unsigned int used = 0;
    for (unsigned int i = 0; i < 512; i++)
        used += grant_table[i].flags != 0;
    say("entries in use at the start: %u", used);
}

static void mapping(void)
{
    uint64_t at = U(window[0]), mfn = va_to_mfn(page);

    give(8, GTF_permit_access, mfn);
    page[0] = 0x1234;
    struct gnttab_map_grant_ref m = map(8, at, GNTMAP_host_map, 0);
    say("map: %s, reads %lx, entry flags %x", status_name(m.status), *(volatile uint64_t *)at,
        grant_table[8].flags);
    say("the entry in the table: %lx, bus address right %d",
        pte_flags(*pte_of(window[0], 1)) & ~(1UL << 55 | PTE_NX), m.dev_bus_addr == mfn << 12);
    *(volatile uint64_t *)at = 0x5678;
    say("a write reaches the page: %d", page[0] == 0x5678);
    struct gnttab_map_grant_ref m2 = map(8, U(window[1]), GNTMAP_host_map | GNTMAP_readonly, 0);
    say("map again, read-only: %s, another handle %d", status_name(m2.status),
        m2.handle != m.handle);
    PROBE("movq $0, (%0)", : : "r"(window[1]) : "memory");
    say("writing there: %s", fault_name());
    say("unmap it at the wrong place: %s",
        status_name(unmap(at + PAGE_SIZE * 4, 0, m2.handle).status));
    say("unmap it: %s", status_name(unmap(U(window[1]), 0, m2.handle).status));
    say("unmap it again: %s", status_name(unmap(U(window[1]), 0, m2.handle).status));
    say("entry flags %x", grant_table[8].flags);
    SAY("unmap the first: %s, entry flags %x", status_name(unmap(at, 0, m.handle).status),
        grant_table[8].flags);
    PROBE("mov (%0), %%rax", : : "r"(at) : "rax");
    say("reading there: %s", fault_name());

    give(9, GTF_permit_access | GTF_readonly, mfn);
    m = map(9, at, GNTMAP_host_map, 0);
    say("map a read-only grant writable: %s", refused(m.status));
    m = map(9, at, GNTMAP_host_map | GNTMAP_readonly, 0);
    say("map it read-only: %s, entry flags %x", status_name(m.status), grant_table[9].flags);
    unmap(at, 0, m.handle);

    give(10, GTF_permit_access, mfn);
    uint64_t pte = va_to_maddr(pte_of(window[0], 1));
    m = map(10, pte, GNTMAP_host_map | GNTMAP_contains_pte, 0);
    SAY("map into a given entry: %s, reads %lx", status_name(m.status),
        m.status ? 0 : *(volatile uint64_t *)at);
    say("unmap it: %s", status_name(unmap(pte, 0, m.handle).status));
    m = map(10, va_to_maddr(page), GNTMAP_host_map | GNTMAP_contains_pte, 0);
    SAY("map into an entry that is in no table: %s", status_name(m.status));
    m = map(10, U(at) + 8, GNTMAP_host_map, 0);
    note("map at an odd address: %s", status_name(m.status));
    if (!m.status)
        unmap(U(at) + 8, 0, m.handle);
    m = map(10, at, GNTMAP_host_map | GNTMAP_application_map, 0);
    note("application map: %s", status_name(m.status));
    if (!m.status)
        unmap(at, 0, m.handle);
    m = map(10, 0, GNTMAP_device_map, 0);
    say("device map: %s, bus address right %d", status_name(m.status), m.dev_bus_addr == mfn << 12);
    if (!m.status)
        say("unmap it: %s", status_name(unmap(0, m.dev_bus_addr, m.handle).status));
}

static void refusals(void)
{
    uint64_t at = U(window[0]), mfn = va_to_mfn(page);
    static const struct {
        const char *what;
        unsigned int ref, flags, domid;
        uint64_t frame;
    } cases[] = {
        {"entry not in use", 11, 0, 0, 0},
        {"entry for another domain", 11, GTF_permit_access, 77, 0},
        {"entry for transfer", 11, GTF_accept_transfer, 0, 0},
        {"frame past the end", 11, GTF_permit_access, 0, 0xfffffff0},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        give(cases[i].ref, cases[i].flags, cases[i].frame ? cases[i].frame : mfn);
        grant_table[cases[i].ref].domid = (domid_t)cases[i].domid;
        struct gnttab_map_grant_ref m = map(cases[i].ref, at, GNTMAP_host_map, 0);
        say("%s: %s, entry flags %x", cases[i].what, refused(m.status),
            grant_table[cases[i].ref].flags);
        if (!m.status)
            unmap(at, 0, m.handle);
    }
    give(12, GTF_permit_access, va_to_mfn(kernel_l4));
    struct gnttab_map_grant_ref m = map(12, at, GNTMAP_host_map, 0);
    say("a page table, writable: %s, entry flags %x", status_name(m.status), grant_table[12].flags);
    give(12, GTF_permit_access, mfn);
    say("nobody's: %s", status_name(map(12, at, GNTMAP_host_map, 1234).status));
    say("ref past the table: %s", status_name(map(0x7fffffff, at, GNTMAP_host_map, 0).status));
    say("no kind of map: %s", status_name(map(12, at, 0, 0).status));
    say("at the hypervisor: %s", status_name(map(12, HV_POINTER, GNTMAP_host_map, 0).status));
    say("where no L1 is: %s", status_name(map(12, 90UL << 39, GNTMAP_host_map, 0).status));
    say("entry flags after these: %x", grant_table[12].flags);
    say("unmap a handle that is none: %s", status_name(unmap(at, 0, 12345).status));
    say("unmap handle -1: %s", status_name(unmap(at, 0, 0xffffffff).status));
    for (unsigned int cmd = 0; cmd < 13; cmd++)
        if (cmd == 3 || cmd == 12) /* dump_table and cache_flush, offered or not */
            note("operation %u at a bad pointer: %s", cmd,
                 rc_name(HC(__HYPERVISOR_grant_table_op, cmd, BAD_POINTER, 1)));
        else
            say("operation %u at a bad pointer: %s", cmd,
                rc_name(HC(__HYPERVISOR_grant_table_op, cmd, BAD_POINTER, 1)));
    say("unknown operation: %s", rc_name(HC(__HYPERVISOR_grant_table_op, 99, page, 1)));
    say("none of it: %s",
        rc_name(HC(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, BAD_POINTER, 0)));
    say("a huge count: %s",
        rc_name(HC(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, page, 0x80000000)));
}

static struct gnttab_copy copy(unsigned int flags, unsigned int so, unsigned int d_o,
                               unsigned int len, unsigned int sref, uint64_t smfn,
                               unsigned int dref, uint64_t dmfn)
{
    struct gnttab_copy op = {.source = {.domid = 0, .offset = (uint16_t)so},
                             .dest = {.domid = 0, .offset = (uint16_t)d_o},
                             .len = (uint16_t)len,
                             .flags = (uint16_t)flags};
    if (flags & GNTCOPY_source_gref)
        op.source.u.ref = sref;
    else {
        op.source.u.gmfn = smfn;
        op.source.domid = DOMID_SELF;
    }
    if (flags & GNTCOPY_dest_gref)
        op.dest.u.ref = dref;
    else {
        op.dest.u.gmfn = dmfn;
        op.dest.domid = DOMID_SELF;
    }
    long rc = gnttab(GNTTABOP_copy, &op);
    if (rc)
        say("copy: %s", rc_name(rc));
    return op;
}

static void copies(void)
{
    uint64_t *to = page_get();
    uint64_t from = va_to_mfn(page), there = va_to_mfn(to);

    for (unsigned int i = 0; i < 512; i++)
        page[i] = i * 0x0101010101010101UL;
    give(16, GTF_permit_access, from);
    give(17, GTF_permit_access, there);
    give(18, GTF_permit_access | GTF_readonly, there);
    SAY("grant to frame, all: %s, right %d",
        status_name(copy(GNTCOPY_source_gref, 0, 0, 4096, 16, 0, 0, there).status),
        !memcmp(page, to, 4096));
    memset(to, 0, 4096);
    say("frame to grant, a part: %s",
        status_name(copy(GNTCOPY_dest_gref, 100, 200, 50, 0, from, 17, 0).status));
    say("right %d",
        !memcmp((uint8_t *)page + 100, (uint8_t *)to + 200, 50) && !((uint8_t *)to)[250]);
    say("grant to grant: %s",
        status_name(copy(GNTCOPY_source_gref | GNTCOPY_dest_gref, 0, 0, 8, 16, 0, 17, 0).status));
    say("entry flags %x %x", grant_table[16].flags, grant_table[17].flags);
    say("to a read-only grant: %s",
        refused(copy(GNTCOPY_dest_gref, 0, 0, 8, 0, from, 18, 0).status));
    say("of nothing: %s", status_name(copy(GNTCOPY_source_gref, 0, 0, 0, 16, 0, 0, there).status));
    say("past the source's end: %s",
        status_name(copy(GNTCOPY_source_gref, 4090, 0, 8, 16, 0, 0, there).status));
    say("past the destination's end: %s",
        status_name(copy(GNTCOPY_source_gref, 0, 4090, 8, 16, 0, 0, there).status));
    say("offset past the page: %s",
        status_name(copy(GNTCOPY_source_gref, 5000, 0, 8, 16, 0, 0, there).status));
    say("an entry not in use: %s",
        refused(copy(GNTCOPY_source_gref, 0, 0, 8, 30, 0, 0, there).status));
    say("a frame past the end: %s",
        status_name(copy(0, 0, 0, 8, 0, 0xffffffffffUL, 0, there).status));
    say("into a page table: %s",
        refused(copy(0, 0, 0, 8, 0, from, 0, va_to_mfn(kernel_l4)).status));
    say("from a page table: %s",
        status_name(copy(0, 0, 0, 8, 0, va_to_mfn(kernel_l4), 0, there).status));
    page_put(to);
}

static void run(void)
{
    page = page_get();
    table();
    pte_set(window[0], 0);
    pte_set(window[1], 0);
    mapping();
    refusals();
    copies();
    page_unprotect(window[0]);
    page_unprotect(window[1]);
    memset(&grant_table[8], 0, sizeof(*grant_table) * 32);
    page_put(page);
}
PROPERTY(grants, "grants", run);
