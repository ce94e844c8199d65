/* Interrupts: vectors, who gets them, and how CPUs interrupt each other.
 *
 * A vector means the same on every CPU. 0x20-0xef are given to devices as they appear, the rest is
 * fixed. Edge and message interrupts are acknowledged at once; level lines are masked at their
 * IO-APIC until whoever handles them is done. */
#ifndef X86_IRQ_H
#define X86_IRQ_H

#include "base/num.h"
#include "port/tlb.h"

struct guest_regs;

#define VECTOR_DEVICE   0x20 /* first for devices */
#define VECTOR_FIXED    0xf0 /* from here on fixed */
#define VECTOR_STOP     0xfa /* the CPU halts for good */
#define VECTOR_KICK     0xfc /* look at percpu.work */
#define VECTOR_TIMER    0xfd
#define VECTOR_ERROR    0xfe
#define VECTOR_SPURIOUS 0xff

/* Called by the entry code, interrupts off, for vectors 0x20-0xff. */
void irq_dispatch(unsigned int vector);

/* One vector to the CPUs of mask, which must be online; this one too if its bit is set. */
void ipi_send_mask(cpumask_t mask, uint8_t vector);
void ipi_send_nmi(unsigned int cpu);

/* ---- device interrupts: RANK_PIRQ's lock inside --------------------------------------------- */

typedef void irq_handler(void *arg);

enum irq_kind { IRQ_FREE, IRQ_HANDLER, IRQ_PIRQ };

/* Routes a GSI to a function of Argon's own. Level or edge, polarity as ACPI says. 0, -XEN_E... */
int irq_gsi_handler(unsigned int gsi, irq_handler *fn, void *arg);

#endif
