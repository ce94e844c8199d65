/*
 * Property (QEMU's q35): dom0 reads and writes PCI configuration space through ECAM as through
 * ports; the message of an interrupt that the hypervisor has set stays, whatever is written to it.
 */
#include "pvk.h"

#define ECAM   0xb0000000UL /* where QEMU's firmware puts it */
#define DEVFN  0xfa         /* 00:1f.2, the AHCI controller; its MSI capability lies at 0x80 */
#define LINE   0x3c         /* interrupt line: a byte that only software reads */
#define CLS    0x0c         /* cache line size */
#define MSI    0x80
#define WINDOW (ECAM + ((uint64_t)DEVFN << 12))

static volatile uint8_t *config;

static uint32_t read32(unsigned int reg)
{
    return *(volatile uint32_t *)(config + reg);
}

static void writes(void)
{
    PROBE("movb %b1, %0", : "=m"(config[LINE]) : "q"(0x5a));
    say("byte: %s, then %x", fault_name(), read32(LINE) & 0xff);
    PROBE("movw %w1, %0", : "=m"(*(volatile uint16_t *)(config + LINE)) : "r"(0xa5));
    say("word: %s, then %x", fault_name(), read32(LINE) & 0xff);
    PROBE("movl %1, %0", : "=m"(*(volatile uint32_t *)(config + LINE)) : "r"(0x0b));
    say("long: %s, then %x", fault_name(), read32(LINE) & 0xff);
    PROBE("movl $0x0c, %0", : "=m"(*(volatile uint32_t *)(config + LINE)));
    say("immediate: %s, then %x", fault_name(), read32(LINE) & 0xff);
    note("a byte by XCHG: %s", ({
             uint8_t with = 0x77;
             PROBE("xchgb %0, %1", : "+q"(with), "+m"(config[LINE]));
             fault_name();
         }));
}

static void messages(void)
{
    struct physdev_pci_device_add add = {.seg = 0, .bus = 0, .devfn = DEVFN};
    struct physdev_map_pirq map = {.domid = DOMID_SELF,
                                   .type = MAP_PIRQ_TYPE_MSI_SEG,
                                   .index = -1,
                                   .pirq = -1,
                                   .bus = 0,
                                   .devfn = DEVFN};
    uint32_t address, data;

    (void)HC(__HYPERVISOR_physdev_op, PHYSDEVOP_pci_device_add, &add);
    map.entry_nr = 1;
    say("MSI: %s", rc_name(HC(__HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &map)));
    say("capability: %x", read32(MSI) & 0xff);
    /* Stock Xen programs the message when the pirq is bound. */
    struct evtchn_bind_pirq bind = {.pirq = (uint32_t)map.pirq};
    say("bound: %s", rc_name(HC(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_pirq, &bind)));
    address = read32(MSI + 4);
    data = read32(MSI + 12);
    say("a message is set: %d", address >> 20 == 0xfee);
    PROBE("movl %1, %0", : "=m"(*(volatile uint32_t *)(config + MSI + 4)) : "r"(0xfee01000));
    say("address: %s", fault_name());
    PROBE("movw %w1, %0", : "=m"(*(volatile uint16_t *)(config + MSI + 12)) : "r"(0x0020));
    say("data: %s", fault_name());
    note("both stay: %d", read32(MSI + 4) == address && read32(MSI + 12) == data);
}

static void run(void)
{
    config = page_get();
    say("mapped: %s", rc_name(pte_try((void *)config, WINDOW | PTE_RW | PTE_PCD | PTE_PWT | PTE_NX,
                                      UVMF_INVLPG | UVMF_LOCAL)));
    say("AHCI: %x", read32(0));
    writes();
    messages();
}
PROPERTY_FLAGS(ecam, "ecam", run, PROPERTY_ALONE);
