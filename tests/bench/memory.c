/* Page tables, grants, reservations, address-space switches, domains. */
#include "bench.h"

#define ENTRIES 128
static struct mmu_update updates[ENTRIES];
/* What the writes change: the dirty bit only, or the right to write, which moves the frame's type
 * count. */
static uint64_t toggled = PTE_D;
static uint8_t scratch[PAGE_SIZE] __attribute__((aligned(4096)));

static void mmu_update_1(unsigned int n)
{
    while (n--) {
        updates[0].val ^= toggled;
        raw_hypercall(__HYPERVISOR_mmu_update, U(updates), 1, 0, DOMID_SELF);
    }
}

static void mmu_update_128(unsigned int n)
{
    while (n--) {
        for (unsigned int i = 0; i < ENTRIES; i++)
            updates[i].val ^= toggled;
        raw_hypercall(__HYPERVISOR_mmu_update, U(updates), ENTRIES, 0, DOMID_SELF);
    }
}

static void update_va_mapping(unsigned int n)
{
    uint64_t pte = va_to_maddr(scratch) | PTE_RW;
    while (n--) {
        pte ^= toggled;
        raw_hypercall(__HYPERVISOR_update_va_mapping, U(scratch), pte, UVMF_INVLPG, 0);
    }
}

static void pte_write(unsigned int n)
{
    volatile uint64_t *entry = pte_of(scratch, 1);
    uint64_t pte = va_to_maddr(scratch) | PTE_RW;
    while (n--) {
        pte ^= toggled;
        *entry = pte;
    }
}

static uint64_t table_mfn;

static void pin_unpin(unsigned int n)
{
    static struct mmuext_op pin, unpin;

    pin = (struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = table_mfn};
    unpin = (struct mmuext_op){.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = table_mfn};
    while (n--) {
        raw_hypercall(__HYPERVISOR_mmuext_op, U(&pin), 1, 0, DOMID_SELF);
        raw_hypercall(__HYPERVISOR_mmuext_op, U(&unpin), 1, 0, DOMID_SELF);
    }
}

static void page_tables(void)
{
    uint64_t *table = page_get(), *filling = page_get();

    for (unsigned int i = 0; i < 512; i++)
        table[i] = va_to_maddr(filling) | PTE_RW;
    table_mfn = va_to_mfn(table);
    page_protect(table);
    bench("pin_unpin_l1", pin_unpin, 2);
    page_unprotect(table);
    memset(table, 0, PAGE_SIZE);
    page_protect(table);
    bench("pin_unpin_empty_l1", pin_unpin, 2);
    must(mmuext(MMUEXT_PIN_L1_TABLE, table_mfn, 0));
    for (unsigned int i = 0; i < ENTRIES; i++)
        updates[i] = (struct mmu_update){.ptr = table_mfn << 12 | i * 8,
                                         .val = va_to_maddr(filling) | PTE_RW};
    bench("mmu_update_1", mmu_update_1, 100);
    bench("mmu_update_128", mmu_update_128, 10);
    toggled = PTE_W;
    bench("mmu_update_1_rights", mmu_update_1, 100);
    bench("mmu_update_128_rights", mmu_update_128, 10);
    toggled = PTE_D;
    must(mmuext(MMUEXT_UNPIN_TABLE, table_mfn, 0));
    page_unprotect(table);
    page_put(table);
    page_put(filling);
    bench("update_va_mapping", update_va_mapping, 100);
    bench("pte_write_fault", pte_write, 50);
    page_unprotect(scratch);
}

static struct multicall_entry switch_calls[3];

static struct mmuext_op switch_ops[2];
static uint64_t switch_tables; /* the two kernel L4s' frame numbers, xor */

static void process_switch(unsigned int n)
{
    while (n--) {
        switch_ops[0].arg1.mfn ^= switch_tables;
        /* Xen, preempted within the call, leaves in its entry what was left of it. */
        switch_calls[0].args[0] = U(switch_ops);
        switch_calls[0].args[1] = ARRAY_SIZE(switch_ops);
        must(
            raw_hypercall(__HYPERVISOR_multicall, U(switch_calls), ARRAY_SIZE(switch_calls), 0, 0));
    }
}

/* What Linux queues for a switch: kernel and user tables, kernel stack, user GS. */
static void process_switches(void)
{
    uint64_t *second = page_get();

    user_init();
    for (unsigned int i = 0; i < 512; i++)
        if (i < 256 || i > 271)
            second[i] = kernel_l4[i];
    page_protect(second);
    must(mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(second), 0));
    switch_tables = va_to_mfn(kernel_l4) ^ va_to_mfn(second);
    switch_ops[0] = (struct mmuext_op){.cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = va_to_mfn(kernel_l4)};
    switch_ops[1] =
        (struct mmuext_op){.cmd = MMUEXT_NEW_USER_BASEPTR, .arg1.mfn = va_to_mfn(user_l4)};
    switch_calls[0] =
        (struct multicall_entry){.op = __HYPERVISOR_mmuext_op, .args = {0, 0, 0, DOMID_SELF}};
    switch_calls[1] =
        (struct multicall_entry){.op = __HYPERVISOR_stack_switch,
                                 .args = {FLAT_KERNEL_SS, U(this_cpu()) + USER_ENTRY_STACK_TOP}};
    switch_calls[2] = (struct multicall_entry){.op = __HYPERVISOR_set_segment_base,
                                               .args = {SEGBASE_GS_USER, 0x1000}};
    bench("process_switch", process_switch, 50);
    for (unsigned int i = 0; i < ARRAY_SIZE(switch_calls); i++)
        must((long)switch_calls[i].result);
    must(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(kernel_l4), 0));
}

#define GRANTS 32
static uint8_t grant_window[GRANTS][PAGE_SIZE] __attribute__((aligned(4096)));
static struct gnttab_map_grant_ref maps[GRANTS];
static struct gnttab_unmap_grant_ref unmaps[GRANTS];
static unsigned int grants_at_once;
static struct gnttab_copy copy;

static void grant_map_unmap(unsigned int n)
{
    while (n--) {
        raw_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, U(maps), grants_at_once,
                      0);
        for (unsigned int i = 0; i < grants_at_once; i++)
            unmaps[i].handle = maps[i].handle;
        raw_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, U(unmaps),
                      grants_at_once, 0);
    }
}

static void grant_copy(unsigned int n)
{
    while (n--)
        raw_hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_copy, U(&copy), 1, 0);
}

static void grants(void)
{
    uint8_t *page = page_get(), *to = page_get();

    must(grants_init());
    for (unsigned int i = 0; i < GRANTS; i++) {
        grant_table[8 + i] = (struct grant_entry_v1){
            .flags = GTF_permit_access, .domid = 0, .frame = (uint32_t)va_to_mfn(page)};
        maps[i] = (struct gnttab_map_grant_ref){
            .host_addr = U(grant_window[i]), .flags = GNTMAP_host_map, .ref = 8 + i, .dom = 0};
        unmaps[i] = (struct gnttab_unmap_grant_ref){.host_addr = U(grant_window[i])};
    }
    grants_at_once = 1;
    bench("grant_map_unmap", grant_map_unmap, 20);
    must(maps[0].status | unmaps[0].status);
    grants_at_once = GRANTS;
    bench("grant_map_unmap_32", grant_map_unmap, 2);
    must(maps[31].status | unmaps[31].status);
    copy = (struct gnttab_copy){
        .source = {.u.ref = 8, .domid = 0},
        .dest = {.u.gmfn = va_to_mfn(to), .domid = DOMID_SELF},
        .len = PAGE_SIZE,
        .flags = GNTCOPY_source_gref,
    };
    bench("grant_copy_4k", grant_copy, 20);
    must(copy.status);
    page_put(page);
    page_put(to);
}

static xen_pfn_t free_mfn;
static uint64_t free_pfn;

static void decrease_populate(unsigned int n)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    while (n--) {
        set_xen_guest_handle(r.extent_start, &free_mfn);
        long rc = raw_hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, U(&r), 0, 0);
        free_mfn = free_pfn;
        long rc2 = raw_hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, U(&r), 0, 0);
        if (rc != 1 || rc2 != 1)
            panic("decrease %s, populate %s", rc_name(rc), rc_name(rc2));
    }
}

static struct xen_domctl domctl;

static void domain_create_destroy(unsigned int n)
{
    while (n--) {
        domctl = (struct xen_domctl){
            .cmd = XEN_DOMCTL_createdomain,
            .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
            .u.createdomain = {.max_vcpus = 1,
                               .max_evtchn_port = -1,
                               .max_grant_frames = 4,
                               .max_maptrack_frames = 0,
                               .grant_opts = 1},
        };
        must(raw_hypercall(__HYPERVISOR_domctl, U(&domctl), 0, 0, 0));
        domctl.cmd = XEN_DOMCTL_max_vcpus;
        domctl.u.max_vcpus.max = 1;
        must(raw_hypercall(__HYPERVISOR_domctl, U(&domctl), 0, 0, 0));
        domctl.cmd = XEN_DOMCTL_destroydomain;
        must(raw_hypercall(__HYPERVISOR_domctl, U(&domctl), 0, 0, 0));
    }
}

static void run(void)
{
    page_tables();
    process_switches();
    grants();
    free_pfn = start_info->nr_pages - 1;
    free_mfn = ((uint64_t *)start_info->mfn_list)[free_pfn];
    bench("decrease_populate", decrease_populate, 128);        /* Argon flushes once for 64 */
    bench("domain_create_destroy", domain_create_destroy, 64); /* likewise */
}
PROPERTY(bench_memory, "bench-memory", run);
