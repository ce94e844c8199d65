/* Message interrupts of PCI functions. Everything here needs irq_lock. */
#ifndef X86_MSI_H
#define X86_MSI_H

#include "base/num.h"

struct msi_request {
    uint16_t segment, bdf;
    bool msix;
    uint32_t entry;
};

/* Programs the message, masked where the device can. Number of its record, or -XEN_ENODEV (no such
 * function or capability), -XEN_EINVAL (entry), -XEN_EEXIST, -XEN_ENOSPC, -XEN_ENOMEM. */
int msi_setup(const struct msi_request *want, uint8_t vector, uint32_t target);
void msi_remove(int msi);
void msi_mask(int msi, bool masked);
void msi_target(int msi, uint32_t target);

/* May dom0 write these config bytes? Not the message itself while Argon has set it. */
bool msi_config_write_ok(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size);
/* Does an MSI-X table that is in use lie in this frame? */
bool msi_table_frame(mfn_t frame);

/* The parts of a capability, from config space: pure. */
struct msi_cap {
    uint8_t at;
    bool wide, maskable; /* 64-bit address; mask bits */
};
/* Where the capability's parts are, from its control word. */
static inline uint8_t msi_cap_data(const struct msi_cap *c)
{
    return (uint8_t)(c->at + (c->wide ? 12 : 8));
}
static inline uint8_t msi_cap_mask(const struct msi_cap *c)
{
    return (uint8_t)(c->at + (c->wide ? 16 : 12));
}

#endif
