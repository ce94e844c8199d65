/* Physical interrupts of a domain, as event channels, physdev_op and domctl ask for them.
 *
 * A pirq is a domain's number for a GSI or an MSI; dom0's GSIs have the GSI's number. These may be
 * called with evt.lock held (RANK_EVT < RANK_PIRQ). */
#ifndef PORT_PIRQ_H
#define PORT_PIRQ_H

#include "base/num.h"

struct domain;
struct vcpu;

/* pirqs are below this number. */
#define PIRQ_MAX 416u

/* Interrupts of `pirq` become evt_raise_port(d, port) from now on. 0; -XEN_EINVAL: no such pirq of
 * d; -XEN_EEXIST: bound already; -XEN_EBUSY: the line is Argon's or another domain's;
 * -XEN_ENOSPC. */
int pirq_bind(struct domain *d, uint32_t pirq, uint32_t port);
/* Masks it and forgets the port. */
void pirq_unbind(struct domain *d, uint32_t pirq);
/* The port is now v's: interrupts should come to where v runs. */
void pirq_affinity(struct domain *d, uint32_t pirq, const struct vcpu *v);

/* A dying domain: unbinds and unmaps all. Idempotent. */
void pirq_domain_destroy(struct domain *d);

/* ---- physdev_op ----------------------------------------------------------------------------- */

/* d's interrupt is handled: a level line may fire again. */
int pirq_eoi(struct domain *d, uint32_t pirq);
/* Bits of pirqs that need pirq_eoi() are kept in *bits (PIRQ_MAX bits, shared with the guest). */
void pirq_eoi_bits(struct domain *d, uint64_t *bits);

/* *pirq < 0: choose. 0; -XEN_EINVAL; -XEN_EEXIST: the number is taken; -XEN_ENOSPC. */
int pirq_map_gsi(struct domain *d, uint32_t gsi, int *pirq);
/* A message interrupt of a PCI function: entry of its MSI-X table, or with msix false its (one)
 * MSI. Programs the device; it stays silent until bound. */
int pirq_map_msi(struct domain *d, uint16_t segment, uint16_t bdf, bool msix, uint32_t entry,
                 int *pirq);
int pirq_unmap(struct domain *d, uint32_t pirq);
bool pirq_is_mapped(const struct domain *d, uint32_t pirq);
/* A number that is free, from the top. -XEN_ENOSPC. */
int pirq_get_free(struct domain *d);

/* dom0 has learned from ACPI how a line is wired. -XEN_EEXIST: it has said so before, or Argon uses
 * it. */
int gsi_setup(uint32_t gsi, bool level, bool low);
/* Register of the IO-APIC at a machine address. */
int ioapic_register(uint64_t maddr, uint32_t reg, uint32_t *value);
unsigned int ioapic_gsis(void);
/* After a reset or a sleep: writes the messages of a function anew. */
int msi_restore(uint16_t segment, uint16_t bdf);

#endif
