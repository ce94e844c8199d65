/*
 * Property: what a guest may not do, each thing with the answer it gets. Beside the table in
 * docs/contributor/security.md, which names the code. As dom0 there is nothing to see.
 */
#include "pvk.h"

#include <xen/arch-x86/xen-mca.h>

#define NOBODY_ELSE 0 /* the domain that all of this is tried on: dom0 */

static union {
    struct xen_domctl domctl;
    struct xen_sysctl sysctl;
    struct xen_platform_op platform;
    struct physdev_map_pirq map_pirq;
    struct physdev_unmap_pirq unmap_pirq;
    struct physdev_setup_gsi setup_gsi;
    struct xen_memory_reservation reservation;
    struct xen_memory_domain memory_domain;
    struct xen_foreign_memory_map map;
    struct xen_machphys_mfn_list mfn_list;
    struct xen_mem_acquire_resource resource;
    struct xen_memory_exchange exchange;
    struct mmu_update update;
    struct mmuext_op ext;
    struct evtchn_alloc_unbound unbound;
    struct evtchn_status status;
    struct evtchn_reset reset;
    struct evtchn_bind_pirq bind_pirq;
    struct gnttab_setup_table setup;
    struct gnttab_query_size size;
    struct gnttab_get_version version;
    struct sched_remote_shutdown shutdown;
    struct sched_pin_override pin;
    struct xen_mc mca;
    uint64_t words[32];
} a;

/* What the call answers where a guest may not make it; the request is zero but for what `set` says.
 */
static void refused(const char *what, long rc, long expected)
{
    if (!check(rc == expected))
        note("%s: %s, not %s", what, rc_name(rc), rc_name(expected));
    memset(&a, 0, sizeof(a));
}
#define EPERM_ (-1L)

static void control(void)
{
    for (uint32_t cmd = 1; cmd < 90; cmd++) {
        a.domctl.cmd = cmd;
        a.domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        a.domctl.domain = cmd & 1 ? NOBODY_ELSE : DOMID_SELF;
        refused("domctl", HC(__HYPERVISOR_domctl, &a), EPERM_);
        a.sysctl.cmd = cmd;
        a.sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        refused("sysctl", HC(__HYPERVISOR_sysctl, &a), EPERM_);
        a.platform.cmd = cmd;
        a.platform.interface_version = XENPF_INTERFACE_VERSION;
        refused("platform_op", HC(__HYPERVISOR_platform_op, &a), EPERM_);
    }
    a.mca.interface_version = XEN_MCA_INTERFACE_VERSION;
    refused("mca", HC(__HYPERVISOR_mca, &a), EPERM_);
    refused("console_io write", HC(__HYPERVISOR_console_io, CONSOLEIO_write, 8, &a), EPERM_);
    refused("console_io read", HC(__HYPERVISOR_console_io, CONSOLEIO_read, 8, &a), EPERM_);
    a.shutdown.domain_id = NOBODY_ELSE;
    refused("remote_shutdown", HC(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &a), EPERM_);
    refused("pin_override", HC(__HYPERVISOR_sched_op, SCHEDOP_pin_override, &a), EPERM_);
    refused("build_id", HC(__HYPERVISOR_xen_version, XENVER_build_id, 0), EPERM_);
}

static void memory(void)
{
    static const unsigned int lists[] = {XENMEM_populate_physmap, XENMEM_increase_reservation,
                                         XENMEM_decrease_reservation};
    static const unsigned int numbers[] = {XENMEM_current_reservation, XENMEM_maximum_reservation,
                                           XENMEM_maximum_gpfn};

    for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++) {
        a.reservation.nr_extents = 1;
        set_xen_guest_handle(a.reservation.extent_start, (xen_pfn_t *)&a.words[16]);
        refused("a list of extents", HC(__HYPERVISOR_memory_op, lists[i], &a), EPERM_);
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
        refused("a number", HC(__HYPERVISOR_memory_op, numbers[i], &a), EPERM_);
    refused("set_memory_map", HC(__HYPERVISOR_memory_op, XENMEM_set_memory_map, &a), EPERM_);
    refused("claim_pages", HC(__HYPERVISOR_memory_op, XENMEM_claim_pages, &a), EPERM_);
    refused("machine_memory_map", HC(__HYPERVISOR_memory_op, XENMEM_machine_memory_map, &a),
            EPERM_);
    refused("acquire_resource", HC(__HYPERVISOR_memory_op, XENMEM_acquire_resource, &a), EPERM_);
    a.exchange.in.nr_extents = a.exchange.out.nr_extents = 1;
    refused("exchange", HC(__HYPERVISOR_memory_op, XENMEM_exchange, &a), EPERM_);
    uint64_t pte = va_to_maddr(pte_of(shared_info, 1));
    a.update = (struct mmu_update){.ptr = pte, .val = 0};
    refused("mmu_update", HC(__HYPERVISOR_mmu_update, &a, 1, 0, NOBODY_ELSE), EPERM_);
    a.update.ptr = pte;
    refused("mmu_update of DOMID_IO", HC(__HYPERVISOR_mmu_update, &a, 1, 0, DOMID_IO), EPERM_);
    a.update.ptr = pte;
    refused("mmu_update of DOMID_XEN", HC(__HYPERVISOR_mmu_update, &a, 1, 0, DOMID_XEN), EPERM_);
    a.ext.cmd = MMUEXT_UNPIN_TABLE;
    refused("mmuext_op", HC(__HYPERVISOR_mmuext_op, &a, 1, 0, NOBODY_ELSE), EPERM_);
    refused("update_va_mapping_otherdomain",
            HC(__HYPERVISOR_update_va_mapping_otherdomain, U(shared_info), 0, 0, NOBODY_ELSE),
            EPERM_);
}

static void events_and_grants(void)
{
    a.unbound.remote_dom = DOMID_SELF;
    refused("alloc_unbound", evtchn(EVTCHNOP_alloc_unbound, &a), EPERM_);
    a.status.port = 1;
    refused("status", evtchn(EVTCHNOP_status, &a), EPERM_);
    refused("reset", evtchn(EVTCHNOP_reset, &a), EPERM_);
    refused("bind_pirq", evtchn(EVTCHNOP_bind_pirq, &a), EPERM_);
    a.map_pirq.type = MAP_PIRQ_TYPE_GSI;
    a.map_pirq.domid = DOMID_SELF;
    refused("map_pirq", HC(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &a), EPERM_);
    a.unmap_pirq.domid = DOMID_SELF;
    refused("unmap_pirq", HC(__HYPERVISOR_physdev_op, PHYSDEVOP_unmap_pirq, &a), EPERM_);
    refused("setup_gsi", HC(__HYPERVISOR_physdev_op, PHYSDEVOP_setup_gsi, &a), EPERM_);
    refused("apic_read", HC(__HYPERVISOR_physdev_op, PHYSDEVOP_apic_read, &a), EPERM_);
    refused("pci_device_add", HC(__HYPERVISOR_physdev_op, PHYSDEVOP_pci_device_add, &a), EPERM_);
    a.setup.nr_frames = 1;
    set_xen_guest_handle(a.setup.frame_list, (xen_pfn_t *)&a.words[16]);
    long rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, &a, 1);
    refused("setup_table", rc ? rc : a.setup.status, GNTST_permission_denied);
    rc = HC(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, &a, 1);
    refused("query_size", rc ? rc : a.size.status, GNTST_permission_denied);
    refused("get_version", HC(__HYPERVISOR_grant_table_op, GNTTABOP_get_version, &a, 1), EPERM_);
}

/* Ports and registers of the machine: nobody answers, or a general protection fault. */
static void machine(void)
{
    uint32_t value = 0;

    PROBE("inl %%dx, %%eax", : "=a"(value) : "d"(0xcf8));
    check(this_cpu()->fault.vector == 13 || value == ~0u);
    struct physdev_set_iopl iopl = {.iopl = 1};
    check(!HC(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl));
    static const uint16_t ports[] = {0x20, 0x40, 0x60, 0x70, 0x3f8, 0xcf8, 0xcfc, 0xb004};
    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
        PROBE("inl %%dx, %%eax", : "=a"(value) : "d"(ports[i]));
        if (!check(this_cpu()->fault.vector == 13 || value == ~0u))
            note("port %x: %x", ports[i], value);
    }
    iopl.iopl = 0;
    HC(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, &iopl);
}

static void run(void)
{
    if (is_dom0())
        return;
    control();
    memory();
    events_and_grants();
    machine();
}
PROPERTY_FLAGS(rights, "rights", run, PROPERTY_ALONE);
