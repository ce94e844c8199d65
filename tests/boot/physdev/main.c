/*
 * Property: physdev_op without devices: I/O privilege and bitmap, interrupt questions and mappings,
 * what is refused.
 */
#include "pvk.h"

extern const uint8_t user_in[];

static long physdev(int cmd, void *arg)
{
    return HC(__HYPERVISOR_physdev_op, cmd, arg);
}

static const char *user_in_port(unsigned int port, unsigned int iopl)
{
    struct regs r = user_frame(user_in, port, 0, 0);
    struct physdev_set_iopl op = {.iopl = iopl};
    physdev(PHYSDEVOP_set_iopl, &op);
    user_run(&r);
    op.iopl = 0;
    physdev(PHYSDEVOP_set_iopl, &op);
    return vector_name(this_cpu()->user_regs.vector);
}

static void io(void)
{
    static uint8_t bitmap[8192];
    struct physdev_set_iobitmap op = {.nr_ports = 65536};

    user_init();
    say("user port read at IOPL 0: %s, 1: %s, 3: %s", user_in_port(0x61, 0), user_in_port(0x61, 1),
        user_in_port(0x61, 3));
    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[0x61 / 8] &= (uint8_t) ~(1 << (0x61 % 8));
    set_xen_guest_handle(op.bitmap, bitmap);
    say("set_iobitmap: %s", rc_name(physdev(PHYSDEVOP_set_iobitmap, &op)));
    say("user reads the port allowed: %s, another: %s", user_in_port(0x61, 0),
        user_in_port(0x42, 0));
    op.nr_ports = 65537;
    say("set_iobitmap of 65537: %s", rc_name(physdev(PHYSDEVOP_set_iobitmap, &op)));
    op.nr_ports = 0;
    say("set_iobitmap of none: %s", rc_name(physdev(PHYSDEVOP_set_iobitmap, &op)));
    say("user reads the port then: %s", user_in_port(0x61, 0));
}

static void interrupts(void)
{
    struct physdev_irq_status_query status = {.irq = 1};
    long rc = physdev(PHYSDEVOP_irq_status_query, &status);
    say("irq_status_query 1: %s, flags %x", rc_name(rc), status.flags);
    status.irq = 0xffffffff;
    say("irq_status_query past the end: %s", rc_name(physdev(PHYSDEVOP_irq_status_query, &status)));
    struct physdev_eoi eoi = {.irq = 9};
    say("eoi of one not bound: %s", rc_name(physdev(PHYSDEVOP_eoi, &eoi)));
    eoi.irq = 0xffffffff;
    say("eoi past the end: %s", rc_name(physdev(PHYSDEVOP_eoi, &eoi)));
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    rc = physdev(PHYSDEVOP_map_pirq, &map);
    say("map_pirq of GSI 9: %s, pirq %d", rc_name(rc), map.pirq);
    map.pirq = 9;
    rc = physdev(PHYSDEVOP_map_pirq, &map);
    say("map_pirq again: %s, pirq %d", rc_name(rc), map.pirq);
    struct physdev_irq irq = {.irq = 9};
    say("alloc_irq_vector: %s", rc_name(physdev(PHYSDEVOP_alloc_irq_vector, &irq)));
    struct physdev_setup_gsi gsi = {.gsi = 9, .triggering = 1, .polarity = 0};
    say("setup_gsi 9: %s", rc_name(physdev(PHYSDEVOP_setup_gsi, &gsi)));
    note("setup_gsi 9 again: %s", rc_name(physdev(PHYSDEVOP_setup_gsi, &gsi)));
    gsi.gsi = 4000;
    say("setup_gsi past the end: %s", rc_name(physdev(PHYSDEVOP_setup_gsi, &gsi)));
    struct evtchn_bind_pirq bind = {.pirq = 9, .flags = BIND_PIRQ__WILL_SHARE};
    rc = evtchn(EVTCHNOP_bind_pirq, &bind);
    say("bind_pirq 9: %s", rc_name(rc));
    struct evtchn_bind_pirq again = {.pirq = 9};
    note("bind_pirq 9 again: %s", rc_name(evtchn(EVTCHNOP_bind_pirq, &again)));
    eoi.irq = 9;
    say("eoi: %s", rc_name(physdev(PHYSDEVOP_eoi, &eoi)));
    struct physdev_unmap_pirq unmap = {.domid = DOMID_SELF, .pirq = 9};
    note("unmap_pirq while bound: %s", rc_name(physdev(PHYSDEVOP_unmap_pirq, &unmap)));
    struct evtchn_close close = {.port = bind.port};
    say("close: %s", rc_name(evtchn(EVTCHNOP_close, &close)));
    note("unmap_pirq: %s", rc_name(physdev(PHYSDEVOP_unmap_pirq, &unmap)));
    unmap.pirq = 200;
    say("unmap_pirq of one not mapped: %s", rc_name(physdev(PHYSDEVOP_unmap_pirq, &unmap)));
    map = (struct physdev_map_pirq){
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 5000, .pirq = -1};
    say("map_pirq of a GSI past the end: %s", rc_name(physdev(PHYSDEVOP_map_pirq, &map)));
    map =
        (struct physdev_map_pirq){.domid = 1234, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    say("map_pirq for nobody: %s", rc_name(physdev(PHYSDEVOP_map_pirq, &map)));
    map = (struct physdev_map_pirq){.domid = DOMID_SELF, .type = 77, .index = 9, .pirq = 9};
    say("map_pirq of an unknown type: %s", rc_name(physdev(PHYSDEVOP_map_pirq, &map)));
}

static void apic(void)
{
    struct physdev_apic op = {.apic_physbase = 0xfec00000, .reg = 1};
    long rc = physdev(PHYSDEVOP_apic_read, &op);
    say("apic_read of the version: %s, %x", rc_name(rc), op.value);
    op.apic_physbase = 0x12340000;
    say("apic_read of none: %s", rc_name(physdev(PHYSDEVOP_apic_read, &op)));
    note("apic_write of none: %s", rc_name(physdev(PHYSDEVOP_apic_write, &op)));
    struct physdev_pci_device_add add = {.seg = 0, .bus = 0, .devfn = 0};
    say("pci_device_add 0: %s", rc_name(physdev(PHYSDEVOP_pci_device_add, &add)));
    struct physdev_pci_device device = {.seg = 77, .bus = 3, .devfn = 5};
    note("pci_device_remove of none: %s", rc_name(physdev(PHYSDEVOP_pci_device_remove, &device)));
    struct physdev_pirq_eoi_gmfn eoi = {.gmfn = 0xffffffffffUL};
    say("pirq_eoi_gmfn_v2 past the end: %s", rc_name(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi)));
    eoi.gmfn = va_to_mfn(kernel_l4);
    say("pirq_eoi_gmfn_v2 in a page table: %s", rc_name(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi)));
    eoi.gmfn = va_to_mfn(page_get());
    say("pirq_eoi_gmfn_v2: %s", rc_name(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi)));
    say("again: %s", rc_name(physdev(PHYSDEVOP_pirq_eoi_gmfn_v2, &eoi)));
    say("unknown: %s", rc_name(physdev(99, &eoi)));
    for (int cmd = 2; cmd < 32; cmd++)
        note("operation %d at a bad pointer: %s", cmd, rc_name(physdev(cmd, (void *)BAD_POINTER)));
}

static void run(void)
{
    io();
    interrupts();
    apic();
}
PROPERTY_FLAGS(physdev, "physdev", run, PROPERTY_ALONE);
