/* IO-APICs: the lines (GSIs) that devices without message interrupts pull. */
#ifndef X86_IOAPIC_H
#define X86_IOAPIC_H

#include "base/num.h"

struct machine_info;

/* Masks every line of both PICs, which nobody uses. Before the local APIC stops listening to them:
 * QEMU 7.2 else keeps an interrupt asserted that nobody has the vector of. */
void pic_mask(void);

/* All lines masked. */
void ioapic_init(const struct machine_info *m);

/* Number of GSIs: all valid ones are below. */
unsigned int ioapic_gsis(void);
bool ioapic_has(unsigned int gsi);

/* Programs a line, masked. */
void ioapic_route(unsigned int gsi, uint8_t vector, bool level, bool low, uint32_t apic_id);
/* The line's edges become NMIs of a CPU, at once. */
void ioapic_route_nmi(unsigned int gsi, uint32_t apic_id);
void ioapic_mask(unsigned int gsi, bool masked);
void ioapic_target(unsigned int gsi, uint32_t apic_id);

/* A register as PHYSDEVOP_apic_read sees it. -XEN_EINVAL: no IO-APIC there. */
int ioapic_register(uint64_t maddr, uint32_t reg, uint32_t *value);

/* Is that frame an IO-APIC's? */
bool ioapic_frame(mfn_t frame);

#endif
