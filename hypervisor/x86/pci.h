/* PCI configuration space, by ports 0xcf8/0xcfc or ECAM. */
#ifndef X86_PCI_H
#define X86_PCI_H

#include "base/num.h"

#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 0x0002
#define PCI_STATUS         0x06
#define PCI_STATUS_CAPS    0x0010
#define PCI_HEADER_TYPE    0x0e
#define PCI_BAR0           0x10
#define PCI_CAPS           0x34
#define PCI_CAP_MSI        0x05
#define PCI_CAP_MSIX       0x11

/* bdf: bus << 8 | device << 3 | function. size 1, 2, 4; reg aligned to it. Ones if nothing
 * there. */
uint32_t pci_read(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size);
void pci_write(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size, uint32_t value);

/* Register of a capability, 0: not there. */
uint8_t pci_find_cap(uint16_t segment, uint16_t bdf, uint8_t id);
/* Machine address that a memory BAR decodes; 0: I/O, unset, or no such BAR. */
uint64_t pci_bar(uint16_t segment, uint16_t bdf, unsigned int bar);

struct pci_register {
    uint16_t segment, bdf;
    unsigned int reg;
};

/* Which register an address in an ECAM window is; false: it is in none. */
bool pci_ecam_register(uint64_t maddr, struct pci_register *where);
/* dom0's write, dropped if it is to a message that Argon has set. */
void pci_dom0_write(const struct pci_register *where, unsigned int size, uint32_t value);

/* dom0's accesses to ports 0xcf8-0xcff. */
uint32_t pci_port_in(uint16_t port, unsigned int size);
void pci_port_out(uint16_t port, unsigned int size, uint32_t value);

#endif
