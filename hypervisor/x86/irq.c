/* Vectors and lines: who owns each, and what happens when one fires.
 *
 * One lock covers vectors, lines and pirqs (x86/pirq.c). A handler of ours and evt_raise_port() run
 * under it, so a vector cannot be taken away from beneath them. */
#include "x86/irq.h"
#include "abi/abi.h"
#include "core/dom/domain.h"
#include "core/trace/ring.h"
#include "dbg/counters.h"
#include "dbg/dbg.h"
#include "port/kick.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/ioapic.h"
#include "x86/irq_private.h"
#include "x86/machine.h"
#include "x86/percpu.h"

struct lock irq_lock = LOCK_INIT(RANK_PIRQ, "irq");
struct irq irqs[DEVICE_VECTORS];
struct gsi gsis[MAX_GSI];

static uint64_t spurious, errors;

static void set_work(struct percpu *pc, uint32_t bit)
{
    __atomic_or_fetch(&pc->work, bit, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) UNGUIDED_CALLS void device(unsigned int vector)
{
    struct irq *irq = &irqs[vector - VECTOR_DEVICE];

    lock_take(&irq_lock);
    irq->count++;
    count(this_percpu()->cpu, COUNT_DEVICE);
    trace(TRACE_IRQ, vector, irq->port);
    if (irq->kind == IRQ_FREE) {
        spurious++;
    } else {
        /* A level line stays masked until its handler has made the device let go of it. */
        if (irq->gsi >= 0 && gsis[irq->gsi].level)
            gsi_mask(irq, true);
        if (irq->kind == IRQ_PIRQ && irq->port)
            evt_raise_port(irq->dom, irq->port);
    }
    apic_eoi();
    if (irq->kind == IRQ_HANDLER) {
        irq_handler *fn = irq->fn;
        void *arg = irq->arg;

        /* Ours never go away; they may take locks of any rank. */
        lock_drop(&irq_lock);
        fn(arg);
        lock_take(&irq_lock);
        if (irq->gsi >= 0 && gsis[irq->gsi].level)
            gsi_mask(irq, false);
    }
    lock_drop(&irq_lock);
}

void irq_dispatch(unsigned int vector)
{
    struct percpu *pc = this_percpu();

    switch (vector) {
    case VECTOR_TIMER:
        apic_eoi();
        set_work(pc, WORK_TIMER);
        count(pc->cpu, COUNT_TIMER);
        break;
    case VECTOR_KICK:
        apic_eoi();
        tlb_serve();
        count(pc->cpu, COUNT_KICK);
        break;
    case VECTOR_STOP:
        apic_eoi();
        cpu_halt();
    case VECTOR_ERROR:
        apic_write(APIC_ESR, 0);
        if (errors++ < 10)
            log_warn("apic: cpu%u reports error %x\n", pc->cpu, apic_read(APIC_ESR));
        apic_eoi();
        break;
    case VECTOR_SPURIOUS:
        /* Not in service: no EOI. */
        spurious++;
        break;
    default:
        if (vector < VECTOR_FIXED)
            device(vector);
        else
            apic_eoi();
        break;
    }
}

void ipi_send_mask(cpumask_t mask, uint8_t vector)
{
    for (; mask; mask &= mask - 1)
        apic_send(cpu_percpu((unsigned int)__builtin_ctzl(mask))->apic_id, ICR_FIXED | vector);
}

void ipi_send_nmi(unsigned int cpu)
{
    apic_send(cpu_percpu(cpu)->apic_id, ICR_NMI);
}

int irq_alloc_locked(enum irq_kind kind)
{
    /* Round and round: a freed vector may still have an interrupt under way. */
    static unsigned int next;

    for (unsigned int i = 0; i < DEVICE_VECTORS; i++) {
        unsigned int n = (next + i) % DEVICE_VECTORS;

        if (irqs[n].kind != IRQ_FREE)
            continue;
        irqs[n] = (struct irq){
            .kind = kind, .vector = (uint8_t)(VECTOR_DEVICE + n), .gsi = -1, .msi = -1};
        next = n + 1;
        return VECTOR_DEVICE + (int)n;
    }
    return -XEN_ENOSPC;
}

void irq_free_locked(uint8_t vector)
{
    struct irq *irq = irq_of(vector);

    if (irq->gsi >= 0) {
        gsi_mask(irq, true);
        gsis[irq->gsi].vector = 0;
    }
    irq->kind = IRQ_FREE;
}

void gsi_mask(struct irq *irq, bool masked)
{
    irq->masked = masked;
    ioapic_mask((unsigned int)irq->gsi, masked);
}

void gsi_init(void)
{
    for (unsigned int i = 0; i < MAX_GSI; i++)
        gsis[i] = (struct gsi){.level = i >= ISA_IRQS, .low = i >= ISA_IRQS};
    for (unsigned int i = 0; i < ISA_IRQS; i++) {
        const struct isa_irq *isa = &machine_info.isa[i];

        if (isa->gsi < MAX_GSI) {
            gsis[isa->gsi].level = isa->level;
            gsis[isa->gsi].low = isa->low;
        }
    }
}

int gsi_connect_locked(unsigned int gsi, enum irq_kind kind, uint32_t target)
{
    int vector;

    if (gsi >= MAX_GSI || !ioapic_has(gsi))
        return -XEN_EINVAL;
    if (gsis[gsi].vector)
        return -XEN_EBUSY;
    vector = irq_alloc_locked(kind);
    if (vector < 0)
        return vector;
    gsis[gsi].vector = (uint8_t)vector;
    irq_of((uint8_t)vector)->gsi = (int)gsi;
    irq_of((uint8_t)vector)->masked = true;
    ioapic_route(gsi, (uint8_t)vector, gsis[gsi].level, gsis[gsi].low, target);
    return vector;
}

int irq_gsi_handler(unsigned int gsi, irq_handler *fn, void *arg)
{
    lock_take(&irq_lock);
    int vector = gsi_connect_locked(gsi, IRQ_HANDLER, this_percpu()->apic_id);
    if (vector >= 0) {
        struct irq *irq = irq_of((uint8_t)vector);

        irq->fn = fn;
        irq->arg = arg;
        gsi_mask(irq, false);
    }
    lock_drop(&irq_lock);
    return vector < 0 ? vector : 0;
}

void dbg_irqs(void)
{
    log_err("interrupts: %lu spurious, %lu APIC errors\n", spurious, errors);
    lock_take(&irq_lock);
    for (unsigned int i = 0; i < DEVICE_VECTORS; i++) {
        const struct irq *irq = &irqs[i];

        if (irq->kind == IRQ_FREE)
            continue;
        log_err("  vector %02x %s %d %s%s count %lu", irq->vector, irq->gsi >= 0 ? "gsi" : "msi",
                irq->gsi >= 0 ? irq->gsi : irq->msi,
                irq->gsi < 0           ? "message"
                : gsis[irq->gsi].level ? "level"
                                       : "edge",
                irq->masked ? " masked" : "", irq->count);
        if (irq->kind == IRQ_PIRQ)
            log_err(" -> d%u pirq %u port %u\n", irq->dom->id, irq->pirq, irq->port);
        else
            log_err(" -> Argon\n");
    }
    lock_drop(&irq_lock);
}
