/* PCI configuration space: Argon's own accesses, and dom0's through ports 0xcf8-0xcff, which are
 * kept apart from each other by a latch of dom0's own and a lock around the two steps. */
#include "x86/pci.h"
#include "port/lock.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/msi.h"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT    0xcfc
#define ENABLE       0x80000000u
#define MAX_CAPS     48 /* a list in 192 bytes cannot be longer */

static struct lock lock = LOCK_INIT(RANK_MACHINE, "pci");
static uint32_t latch; /* what dom0 wrote to 0xcf8 last; lock */

static volatile uint8_t *ecam[MAX_MCFG];
static bool ecam_tried[MAX_MCFG];

/* By ports only segment 0 and the first 256 bytes are in reach; else by the ECAM window. */
static volatile uint8_t *ecam_at(uint16_t segment, uint16_t bdf, unsigned int reg)
{
    for (unsigned int i = 0; i < machine_info.mcfgs; i++) {
        const struct mcfg_entry *m = &machine_info.mcfg[i];
        uint64_t from = (uint64_t)m->first_bus << 20;
        uint64_t len = (uint64_t)(m->last_bus - m->first_bus + 1) << 20;

        if (m->segment != segment || bdf >> 8 < m->first_bus || bdf >> 8 > m->last_bus)
            continue;
        if (!ecam[i] && !ecam_tried[i])
            ecam[i] = io_map(m->maddr + from, len, PTE_PCD | PTE_PWT);
        ecam_tried[i] = true;
        return ecam[i] ? ecam[i] + ((uint64_t)bdf << 12) - from + reg : NULL;
    }
    return NULL;
}

static void select(uint16_t bdf, unsigned int reg)
{
    outl(ADDRESS_PORT, ENABLE | (uint32_t)bdf << 8 | (reg & 0xfc));
}

uint32_t pci_read(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size)
{
    volatile uint8_t *p;
    uint32_t v;

    if (segment == 0 && reg < 256) {
        lock_take(&lock);
        select(bdf, reg);
        v = port_in((uint16_t)(DATA_PORT + (reg & 3)), size);
        lock_drop(&lock);
        return v;
    }
    p = ecam_at(segment, bdf, reg);
    if (!p)
        return UINT32_MAX;
    return size == 1 ? *p : size == 2 ? *(volatile uint16_t *)p : *(volatile uint32_t *)p;
}

void pci_write(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size, uint32_t value)
{
    volatile uint8_t *p;

    if (segment == 0 && reg < 256) {
        lock_take(&lock);
        select(bdf, reg);
        port_out((uint16_t)(DATA_PORT + (reg & 3)), size, value);
        lock_drop(&lock);
        return;
    }
    p = ecam_at(segment, bdf, reg);
    if (!p)
        return;
    if (size == 1)
        *p = (uint8_t)value;
    else if (size == 2)
        *(volatile uint16_t *)p = (uint16_t)value;
    else
        *(volatile uint32_t *)p = value;
}

uint8_t pci_find_cap(uint16_t segment, uint16_t bdf, uint8_t id)
{
    if (pci_read(segment, bdf, 0, 2) == 0xffff ||
        !(pci_read(segment, bdf, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    uint32_t at = pci_read(segment, bdf, PCI_CAPS, 1) & 0xfc;
    for (unsigned int i = 0; i < MAX_CAPS && at >= 0x40; i++) {
        if (pci_read(segment, bdf, at, 1) == id)
            return (uint8_t)at;
        at = pci_read(segment, bdf, at + 1, 1) & 0xfc;
    }
    return 0;
}

uint64_t pci_bar(uint16_t segment, uint16_t bdf, unsigned int bar)
{
    unsigned int bars = pci_read(segment, bdf, PCI_HEADER_TYPE, 1) & 0x7f ? 2 : 6;

    if (bar >= bars)
        return 0;
    uint32_t low = pci_read(segment, bdf, PCI_BAR0 + 4 * bar, 4);
    if (low & 1)
        return 0;
    uint64_t address = low & ~15u;
    if ((low & 6) == 4) {
        if (bar + 1 >= bars)
            return 0;
        address |= (uint64_t)pci_read(segment, bdf, PCI_BAR0 + 4 * bar + 4, 4) << 32;
    }
    return address;
}

bool pci_ecam_register(uint64_t maddr, struct pci_register *where)
{
    for (unsigned int i = 0; i < machine_info.mcfgs; i++) {
        const struct mcfg_entry *m = &machine_info.mcfg[i];
        uint64_t offset = maddr - m->maddr;

        if (offset >> 20 < m->first_bus || offset >> 20 > m->last_bus)
            continue;
        *where = (struct pci_register){m->segment, (uint16_t)(offset >> 12), offset & 0xfff};
        return true;
    }
    return false;
}

void pci_dom0_write(const struct pci_register *where, unsigned int size, uint32_t value)
{
    if (msi_config_write_ok(where->segment, where->bdf, where->reg, size))
        pci_write(where->segment, where->bdf, where->reg, size, value);
}

uint32_t pci_port_in(uint16_t port, unsigned int size)
{
    uint32_t v;

    lock_take(&lock);
    if (port < DATA_PORT) {
        v = port == ADDRESS_PORT && size == 4 ? latch
            : size == 1                       ? inb(port) /* 0xcf9: the reset register */
                                              : UINT32_MAX;
    } else if (!(latch & ENABLE) || (port & 3) + size > 4) {
        v = UINT32_MAX;
    } else {
        outl(ADDRESS_PORT, latch);
        v = port_in(port, size);
    }
    lock_drop(&lock);
    return v;
}

void pci_port_out(uint16_t port, unsigned int size, uint32_t value)
{
    lock_take(&lock);
    if (port < DATA_PORT) {
        if (port == ADDRESS_PORT && size == 4)
            latch = value;
        else if (size == 1 && port == 0xcf9)
            outb(port, (uint8_t)value);
    } else if ((latch & ENABLE) && (port & 3) + size <= 4 &&
               msi_config_write_ok(0, (uint16_t)(latch >> 8), (latch & 0xfc) + (port & 3), size)) {
        outl(ADDRESS_PORT, latch);
        port_out(port, size, value);
    }
    lock_drop(&lock);
}
