/*
 * Property: memory_op as dom0 and a balloon use it. Questions about the machine and the
 * reservation; giving pages back and getting them again, with p2m and m2p following; exchange; and
 * what each refuses.
 */
#include "pvk.h"

static long memory(unsigned int cmd, void *arg)
{
    return HC(__HYPERVISOR_memory_op, cmd, arg);
}

static uint64_t *p2m(void)
{
    return (uint64_t *)start_info->mfn_list;
}

static void questions(void)
{
    domid_t self = DOMID_SELF, nobody = 1234, io = DOMID_IO;
    struct xen_machphys_mapping map = {0};

    long ram = memory(XENMEM_maximum_ram_page, NULL);
    say("maximum_ram_page reaches our frames: %d", ram >= (long)va_to_mfn(kernel_l4));
    note("maximum_ram_page %lx", ram);
    long now = memory(XENMEM_current_reservation, &self);
    say("current_reservation is nr_pages: %d", now == (long)start_info->nr_pages);
    note("current_reservation %lx nr_pages %lx", now, start_info->nr_pages);
    long most = memory(XENMEM_maximum_reservation, &self);
    say("maximum_reservation is not less: %d", most >= now);
    note("maximum_reservation %lx", most);
    note("maximum_gpfn %ld", memory(XENMEM_maximum_gpfn, &self));
    say("current_reservation of nobody: %s", rc_name(memory(XENMEM_current_reservation, &nobody)));
    say("maximum_reservation of nobody: %s", rc_name(memory(XENMEM_maximum_reservation, &nobody)));
    say("current_reservation of DOMID_IO: %s", rc_name(memory(XENMEM_current_reservation, &io)));
    say("current_reservation at a bad pointer: %s",
        rc_name(memory(XENMEM_current_reservation, (void *)BAD_POINTER)));
    long rc = memory(XENMEM_machphys_mapping, &map);
    say("machphys_mapping: %s from %lx to %lx", rc_name(rc), map.v_start, map.v_end);
    say("machphys_mapping reaches our frames: %d", map.max_mfn >= va_to_mfn(kernel_l4));
    say("machphys_mapping at a bad pointer: %s",
        rc_name(memory(XENMEM_machphys_mapping, (void *)BAD_POINTER)));
}

static void mfn_list(void)
{
    struct xen_machphys_mfn_list list = {.max_extents = 4};
    xen_pfn_t frames[4] = {0};

    set_xen_guest_handle(list.extent_start, frames);
    long rc = memory(XENMEM_machphys_mfn_list, &list);
    say("machphys_mfn_list: %s, one for 1 GiB: %d, a frame: %d", rc_name(rc), list.nr_extents == 1,
        frames[0] != 0);
    list.max_extents = 0;
    rc = memory(XENMEM_machphys_mfn_list, &list);
    say("machphys_mfn_list without room: %s, %u", rc_name(rc), list.nr_extents);
    list.max_extents = 1;
    set_xen_guest_handle(list.extent_start, (void *)BAD_POINTER);
    rc = memory(XENMEM_machphys_mfn_list, &list);
    say("machphys_mfn_list into a bad array: %s", rc_name(rc));
}

struct e820 {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static void memory_maps(void)
{
    static struct e820 entries[128];
    struct xen_memory_map map = {.nr_entries = ARRAY_SIZE(entries)};

    set_xen_guest_handle(map.buffer, entries);
    say("memory_map without one set: %s", rc_name(memory(XENMEM_memory_map, &map)));
    map.nr_entries = ARRAY_SIZE(entries);
    long rc = memory(XENMEM_machine_memory_map, &map);
    bool sorted = true;
    uint64_t ram = 0;
    for (unsigned int i = 0; i < map.nr_entries; i++) {
        if (i && entries[i].addr < entries[i - 1].addr + entries[i - 1].size)
            sorted = false;
        if (entries[i].type == 1)
            ram += entries[i].size;
        note("%lx + %lx type %u", entries[i].addr, entries[i].size, entries[i].type);
    }
    say("machine_memory_map: %s, several entries: %d, sorted: %d", rc_name(rc), map.nr_entries > 3,
        sorted);
    say("RAM found, MiB: %lu", (ram + 0xfffff) >> 20);
    map.nr_entries = 1;
    rc = memory(XENMEM_machine_memory_map, &map);
    say("machine_memory_map with room for one: %s, %u", rc_name(rc), map.nr_entries);
    map.nr_entries = 0;
    rc = memory(XENMEM_machine_memory_map, &map);
    say("machine_memory_map without room: %s, %u", rc_name(rc), map.nr_entries);
    map.nr_entries = 128;
    set_xen_guest_handle(map.buffer, (void *)BAD_POINTER);
    say("machine_memory_map into a bad buffer: %s",
        rc_name(memory(XENMEM_machine_memory_map, &map)));
    say("machine_memory_map at a bad pointer: %s",
        rc_name(memory(XENMEM_machine_memory_map, (void *)BAD_POINTER)));
}

static xen_pfn_t extents[16];

static long reserve(unsigned int cmd, unsigned int count, unsigned int order, unsigned int flags,
                    domid_t dom)
{
    struct xen_memory_reservation r = {
        .nr_extents = count, .extent_order = order, .mem_flags = flags, .domid = dom};
    set_xen_guest_handle(r.extent_start, extents);
    return memory(cmd, &r);
}

/* pfns at the end of memory, outside the initial block and so without any mapping */
static uint64_t spare_pfn(unsigned int i)
{
    return start_info->nr_pages - 1 - i;
}

static void balloon(void)
{
    domid_t self = DOMID_SELF;
    uint64_t gone[8];
    long before = memory(XENMEM_current_reservation, &self);

    for (unsigned int i = 0; i < 8; i++)
        extents[i] = gone[i] = p2m()[spare_pfn(i)];
    say("decrease by 8: %s", rc_name(reserve(XENMEM_decrease_reservation, 8, 0, 0, DOMID_SELF)));
    say("reservation fell by %ld", before - memory(XENMEM_current_reservation, &self));
    say("decrease by the same again: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 8, 0, 0, DOMID_SELF)));
    PROBE("mov %0, %%rax", ::"m"(*m2p_entry(gone[0])) : "rax");
    say("m2p is still readable there: %s", fault_name());
    say("mapping a frame given back: %s", rc_name(pte_try(page_get(), gone[0] << 12 | PTE_RW, 0)));
    for (unsigned int i = 0; i < 8; i++)
        extents[i] = spare_pfn(i);
    say("populate 8: %s", rc_name(reserve(XENMEM_populate_physmap, 8, 0, 0, DOMID_SELF)));
    unsigned int right = 0;
    for (unsigned int i = 0; i < 8; i++) {
        right += *m2p_entry(extents[i]) == spare_pfn(i);
        p2m()[spare_pfn(i)] = extents[i];
    }
    say("frames whose m2p entry is the pfn asked for: %u", right);
    say("reservation is back: %d", memory(XENMEM_current_reservation, &self) == before);
    uint64_t *page = page_get();
    uint64_t was = va_to_maddr(page);
    say("a populated frame can be mapped: %s",
        rc_name(pte_try(page, extents[0] << 12 | PTE_RW, UVMF_INVLPG)));
    uint64_t any = 0;
    for (unsigned int i = 0; i < 512; i++)
        any |= page[i];
    note("and is zero: %d", !any);
    pte_set(page, was | PTE_RW);
    page_put(page);
    extents[0] = p2m()[spare_pfn(0)];
    say("decrease by 1: %s", rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, DOMID_SELF)));
    extents[0] = 0;
    say("increase by 1: %s", rc_name(reserve(XENMEM_increase_reservation, 1, 0, 0, DOMID_SELF)));
    say("increase names the frame: %d", extents[0] != 0);
    p2m()[spare_pfn(0)] = extents[0];
    mmu_set(extents[0] << 12 | MMU_MACHPHYS_UPDATE, spare_pfn(0));
}

static void balloon_refusals(void)
{
    uint8_t *page = page_get();

    extents[0] = 0x7fffffffffffUL;
    say("decrease by a frame that is none: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, DOMID_SELF)));
    extents[0] = (kernel_l4[260] & PTE_FRAME) >> 12;
    say("decrease by a frame of the hypervisor: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, DOMID_SELF)));
    say("decrease by none: %s", rc_name(reserve(XENMEM_decrease_reservation, 0, 0, 0, DOMID_SELF)));
    extents[0] = p2m()[spare_pfn(0)];
    say("decrease by a huge order: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 1, 40, 0, DOMID_SELF)));
    say("decrease for nobody: %s", rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, 1234)));
    say("decrease for DOMID_XEN: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, DOMID_XEN)));
    say("increase by a huge order: %s",
        rc_name(reserve(XENMEM_increase_reservation, 1, 40, 0, DOMID_SELF)));
    note("populate past the reservation: %s",
         rc_name(reserve(XENMEM_populate_physmap, 1, 0, 0, DOMID_SELF)));
    say("populate of a huge order: %s",
        rc_name(reserve(XENMEM_populate_physmap, 1, 40, 0, DOMID_SELF)));
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    set_xen_guest_handle(r.extent_start, (void *)BAD_POINTER);
    say("decrease with a bad array: %s", rc_name(memory(XENMEM_decrease_reservation, &r)));
    say("populate with a bad array: %s", rc_name(memory(XENMEM_populate_physmap, &r)));
    set_xen_guest_handle(r.extent_start, (void *)HV_POINTER);
    say("populate with an array in the hypervisor: %s",
        rc_name(memory(XENMEM_populate_physmap, &r)));
    say("populate at a bad pointer: %s",
        rc_name(memory(XENMEM_populate_physmap, (void *)BAD_POINTER)));
    /* A frame that is still mapped: gone from the reservation, but ours until the mapping goes. */
    extents[0] = va_to_mfn(page);
    say("decrease by a mapped page: %s",
        rc_name(reserve(XENMEM_decrease_reservation, 1, 0, 0, DOMID_SELF)));
    PROBE("movq $1, (%0)", ::"r"(page) : "memory");
    say("writing to it: %s", fault_name());
    uint64_t pfn = (U(page) - VIRT_BASE) / PAGE_SIZE;
    pte_set(page, 0);
    extents[0] = pfn;
    say("populating its pfn: %s", rc_name(reserve(XENMEM_populate_physmap, 1, 0, 0, DOMID_SELF)));
    p2m()[pfn] = extents[0];
    page_unprotect(page);
    page_put(page);
}

/* Mappings that end without a flush, and writes through what the TLB still has, after the frames
 * were given back: they must reach neither what the hypervisor keeps about free frames nor what is
 * handed out next. */
static void stale_writes(void)
{
    enum { N = 16 };
    uint64_t *page[N], was[N], clean = 0;
    unsigned int written = 0;

    for (unsigned int i = 0; i < N; i++) {
        page[i] = page_get();
        was[i] = va_to_maddr(page[i]);
        extents[i] = p2m()[spare_pfn(i)];
        pte_set(page[i], extents[i] << 12 | PTE_RW);
        page[i][0] = 1;
        pte_try(page[i], 0, UVMF_NONE);
    }
    say("decrease by 16: %s", rc_name(reserve(XENMEM_decrease_reservation, N, 0, 0, DOMID_SELF)));
    for (unsigned int i = 0; i < N; i++) {
        PROBE("movq $-1, (%0); movq $-1, 8(%0)", ::"r"(page[i]) : "memory");
        written += this_cpu()->fault.vector < 0;
    }
    note("%u of them were still written to", written);
    for (unsigned int i = 0; i < N; i++)
        extents[i] = spare_pfn(i);
    say("populate 16: %s", rc_name(reserve(XENMEM_populate_physmap, N, 0, 0, DOMID_SELF)));
    for (unsigned int i = 0; i < N; i++) {
        p2m()[spare_pfn(i)] = extents[i];
        pte_set(page[i], extents[i] << 12 | PTE_RW);
        clean += page[i][0] != ~0UL && page[i][1] != ~0UL;
        pte_set(page[i], was[i] | PTE_RW);
        page_put(page[i]);
    }
    note("%lu of the new ones have nothing of it", clean); /* Xen hands dom0 its own as they were */
}

static void exchange(void)
{
    xen_pfn_t in[4], out[4];
    struct xen_memory_exchange e = {.in = {.nr_extents = 2, .domid = DOMID_SELF},
                                    .out = {.nr_extents = 2, .domid = DOMID_SELF}};

    set_xen_guest_handle(e.in.extent_start, in);
    set_xen_guest_handle(e.out.extent_start, out);
    for (unsigned int i = 0; i < 2; i++) {
        in[i] = p2m()[spare_pfn(i)];
        out[i] = spare_pfn(i);
    }
    long rc = memory(XENMEM_exchange, &e);
    say("exchange 2 for 2: %s, %lu done", rc_name(rc), e.nr_exchanged);
    unsigned int right = 0;
    for (unsigned int i = 0; i < 2; i++) {
        right += out[i] != in[i] && *m2p_entry(out[i]) == spare_pfn(i);
        p2m()[spare_pfn(i)] = out[i];
    }
    say("new frames with the pfns asked for: %u", right);
    e.nr_exchanged = 0;
    for (unsigned int i = 0; i < 2; i++) {
        in[i] = p2m()[spare_pfn(i)];
        out[i] = spare_pfn(i) & ~1UL;
    }
    e.out.nr_extents = 1;
    e.out.extent_order = 1;
    rc = memory(XENMEM_exchange, &e);
    say("exchange 2 for a pair: %s, %lu done, contiguous and aligned: %d", rc_name(rc),
        e.nr_exchanged, !(out[0] & 1));
    if (!rc)
        for (unsigned int i = 0; i < 2; i++)
            p2m()[*m2p_entry(out[0] + i)] = out[0] + i;
    e.nr_exchanged = 0;
    e.out.nr_extents = 2;
    rc = memory(XENMEM_exchange, &e);
    say("exchange of unequal amounts: %s", rc_name(rc));
    e.out.extent_order = 0;
    e.out.domid = 1234;
    say("exchange with nobody: %s", rc_name(memory(XENMEM_exchange, &e)));
    e.out.domid = DOMID_SELF;
    in[0] = 0x7fffffffffffUL;
    in[1] = 0x7fffffffffffUL;
    rc = memory(XENMEM_exchange, &e);
    say("exchange of a frame that is none: %s, %lu done", rc_name(rc), e.nr_exchanged);
    set_xen_guest_handle(e.in.extent_start, (void *)BAD_POINTER);
    say("exchange with a bad array: %s", rc_name(memory(XENMEM_exchange, &e)));
    e.nr_exchanged = 5;
    say("exchange that claims to be done: %s", rc_name(memory(XENMEM_exchange, &e)));
    say("exchange at a bad pointer: %s", rc_name(memory(XENMEM_exchange, (void *)BAD_POINTER)));
}

static void others(void)
{
    say("get_sharing_freed_pages: %s", rc_name(memory(XENMEM_get_sharing_freed_pages, NULL)));
    say("get_sharing_shared_pages: %s", rc_name(memory(XENMEM_get_sharing_shared_pages, NULL)));
    struct xen_memory_reservation claim = {.nr_extents = 0, .domid = DOMID_SELF};
    say("claim nothing: %s", rc_name(memory(XENMEM_claim_pages, &claim)));
    claim.extent_order = 1;
    say("claim with an order: %s", rc_name(memory(XENMEM_claim_pages, &claim)));
    claim.extent_order = 0;
    claim.nr_extents = 1;
    claim.domid = 1234;
    say("claim for nobody: %s", rc_name(memory(XENMEM_claim_pages, &claim)));
    struct xen_foreign_memory_map set = {.domid = 1234};
    say("set_memory_map for nobody: %s", rc_name(memory(XENMEM_set_memory_map, &set)));
    struct xen_mem_acquire_resource acquire = {.domid = 1234, .nr_frames = 1};
    say("acquire_resource of nobody: %s", rc_name(memory(XENMEM_acquire_resource, &acquire)));
    struct xen_vnuma_topology_info vnuma = {.domid = DOMID_SELF};
    say("get_vnumainfo: %s", rc_name(memory(XENMEM_get_vnumainfo, &vnuma)));
    say("unknown: %s", rc_name(memory(60, &set)));
}

static void run(void)
{
    questions();
    mfn_list();
    memory_maps();
    balloon();
    balloon_refusals();
    stale_writes();
    exchange();
    others();
}
PROPERTY(memory_op, "memory-op", run);
