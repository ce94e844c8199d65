/* What irq.c, pirq.c and msi.c share. Everything here needs irq_lock. */
#ifndef X86_IRQ_PRIVATE_H
#define X86_IRQ_PRIVATE_H

#include "port/lock.h"
#include "x86/irq.h"

#define DEVICE_VECTORS (VECTOR_FIXED - VECTOR_DEVICE)
#define MAX_GSI        256u

struct domain;

struct irq {
    uint8_t kind; /* enum irq_kind */
    uint8_t vector;
    bool masked;
    int16_t gsi;     /* -1: a message interrupt */
    int16_t msi;     /* index of the message's record in msi.c, -1: none */
    irq_handler *fn; /* IRQ_HANDLER */
    void *arg;
    struct domain *dom; /* IRQ_PIRQ */
    uint16_t pirq;
    uint32_t port; /* 0: not bound */
    uint64_t count;
};

struct gsi {
    uint8_t vector; /* 0: nobody uses the line */
    bool level, low;
    bool told; /* dom0 has said by setup_gsi how it is wired */
};

extern struct lock irq_lock;
extern struct irq irqs[DEVICE_VECTORS];
extern struct gsi gsis[MAX_GSI];

static inline struct irq *irq_of(uint8_t vector)
{
    return &irqs[vector - VECTOR_DEVICE];
}

int irq_alloc_locked(enum irq_kind kind) NEEDS(irq_lock);
void irq_free_locked(uint8_t vector) NEEDS(irq_lock);
void gsi_mask(struct irq *irq, bool masked) NEEDS(irq_lock);

/* Gives the line a vector and programs it, masked. The vector, or -XEN_E... */
int gsi_connect_locked(unsigned int gsi, enum irq_kind kind, uint32_t target) NEEDS(irq_lock);

/* Boot: lines as the MADT describes them. */
void gsi_init(void);

#endif
