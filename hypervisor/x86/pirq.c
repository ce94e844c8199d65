/* Interrupts that belong to domains: numbers (pirqs), lines or messages behind them, event ports.
 *
 * A level line is masked when it fires and unmasked by the guest's EOI; the guest knows from a bit
 * map that it shares with us which pirqs need one. Needs irq_lock throughout. */
#include "port/pirq.h"
#include "core/dom/domain.h"
#include "core/evt/evt.h"
#include "core/frame/frame.h"
#include "x86/apic.h"
#include "x86/ioapic.h"
#include "x86/irq_private.h"
#include "x86/msi.h"

enum pirq_kind { PIRQ_NONE, PIRQ_GSI, PIRQ_MSI };

struct dom_pirq {
    uint8_t kind;   /* enum pirq_kind */
    uint8_t vector; /* 0: line not connected */
    uint16_t gsi;
};

struct dom_pirqs {
    struct domain *owner; /* NULL: free for a domain that maps its first */
    uint64_t *eoi_bits;   /* NULL: guest did not ask */
    struct dom_pirq p[PIRQ_MAX];
};

/* dom0 and the few domains that get devices passed through. */
static struct dom_pirqs pool[16];

static struct dom_pirqs *table_of(struct domain *d)
{
    if (d->arch.pirqs)
        return d->arch.pirqs;
    for (unsigned int i = 0; i < ARRAY_SIZE(pool); i++) {
        if (pool[i].owner)
            continue;
        pool[i] = (struct dom_pirqs){.owner = d};
        d->arch.pirqs = &pool[i];
        return &pool[i];
    }
    return NULL;
}

static struct dom_pirq *lookup(const struct domain *d, uint32_t pirq)
{
    if (!d->arch.pirqs || pirq >= PIRQ_MAX)
        return NULL;
    struct dom_pirq *p = &d->arch.pirqs->p[index_clamp(pirq, PIRQ_MAX)];
    return p->kind == PIRQ_NONE ? NULL : p;
}

static uint32_t target_of(const struct vcpu *v)
{
    uint32_t id = v ? cpu_percpu(v->sched.cpu)->apic_id : this_percpu()->apic_id;

    return apic_id_reachable(id) ? id : cpu_percpu(0)->apic_id;
}

static void set_eoi_bit(struct dom_pirqs *t, uint32_t pirq, bool needs)
{
    if (!t->eoi_bits)
        return;
    if (needs)
        __atomic_or_fetch(&t->eoi_bits[pirq / 64], 1ull << pirq % 64, __ATOMIC_RELAXED);
    else
        __atomic_and_fetch(&t->eoi_bits[pirq / 64], ~(1ull << pirq % 64), __ATOMIC_RELAXED);
}

static bool needs_eoi(const struct dom_pirq *p)
{
    return p->kind == PIRQ_GSI && gsis[p->gsi].level;
}

static void set_masked(struct irq *irq, bool masked) NEEDS(irq_lock)
{
    if (irq->gsi >= 0) {
        gsi_mask(irq, masked);
    } else {
        irq->masked = masked;
        msi_mask(irq->msi, masked);
    }
}

static int bind_locked(struct domain *d, struct dom_pirq *p, uint32_t pirq, uint32_t port)
    NEEDS(irq_lock)
{
    if (p->kind == PIRQ_GSI && !p->vector) {
        int vector = gsi_connect_locked(p->gsi, IRQ_PIRQ, target_of(dom_vcpu(d, 0)));

        if (vector < 0)
            return vector;
        p->vector = (uint8_t)vector;
    }
    struct irq *irq = irq_of(p->vector);
    if (irq->port)
        return -XEN_EEXIST;
    irq->dom = d;
    irq->pirq = (uint16_t)pirq;
    irq->port = port;
    set_eoi_bit(d->arch.pirqs, pirq, needs_eoi(p));
    set_masked(irq, false);
    return 0;
}

int pirq_bind(struct domain *d, uint32_t pirq, uint32_t port)
{
    int result = -XEN_EINVAL;

    lock_take(&irq_lock);
    struct dom_pirq *p = lookup(d, pirq);
    if (p && port)
        result = bind_locked(d, p, pirq, port);
    lock_drop(&irq_lock);
    return result;
}

static void unbind_locked(struct domain *d, struct dom_pirq *p, uint32_t pirq) NEEDS(irq_lock)
{
    if (!p->vector)
        return;
    struct irq *irq = irq_of(p->vector);
    set_masked(irq, true);
    irq->port = 0;
    set_eoi_bit(d->arch.pirqs, pirq, false);
    if (p->kind == PIRQ_GSI) {
        irq_free_locked(p->vector);
        p->vector = 0;
    }
}

void pirq_unbind(struct domain *d, uint32_t pirq)
{
    lock_take(&irq_lock);
    struct dom_pirq *p = lookup(d, pirq);
    if (p)
        unbind_locked(d, p, pirq);
    lock_drop(&irq_lock);
}

void pirq_affinity(struct domain *d, uint32_t pirq, const struct vcpu *v)
{
    lock_take(&irq_lock);
    struct dom_pirq *p = lookup(d, pirq);
    if (p && p->vector) {
        if (p->kind == PIRQ_GSI)
            ioapic_target(p->gsi, target_of(v));
        else
            msi_target(irq_of(p->vector)->msi, target_of(v));
    }
    lock_drop(&irq_lock);
}

int pirq_eoi(struct domain *d, uint32_t pirq)
{
    int result = -XEN_EINVAL;

    lock_take(&irq_lock);
    struct dom_pirq *p = lookup(d, pirq);
    if (p) {
        result = 0;
        if (p->vector && needs_eoi(p) && irq_of(p->vector)->port && irq_of(p->vector)->masked)
            gsi_mask(irq_of(p->vector), false);
    }
    lock_drop(&irq_lock);
    return result;
}

void pirq_eoi_bits(struct domain *d, uint64_t *bits)
{
    lock_take(&irq_lock);
    struct dom_pirqs *t = table_of(d);
    if (t) {
        t->eoi_bits = bits;
        for (uint32_t i = 0; i < PIRQ_MAX && bits; i++)
            set_eoi_bit(t, i, t->p[i].vector && needs_eoi(&t->p[i]));
    }
    lock_drop(&irq_lock);
}

static int free_from_top(const struct dom_pirqs *t)
{
    for (unsigned int i = PIRQ_MAX; i-- > ioapic_gsis();)
        if (t->p[i].kind == PIRQ_NONE)
            return (int)i;
    return -XEN_ENOSPC;
}

int pirq_get_free(struct domain *d)
{
    lock_take(&irq_lock);
    struct dom_pirqs *t = table_of(d);
    int result = t ? free_from_top(t) : -XEN_ENOSPC;
    lock_drop(&irq_lock);
    return result;
}

int pirq_map_gsi(struct domain *d, uint32_t gsi, int *pirq)
{
    int result = 0;

    if (gsi >= MAX_GSI || gsi >= PIRQ_MAX || !ioapic_has(gsi) || *pirq >= (int)PIRQ_MAX)
        return -XEN_EINVAL;
    if (*pirq < 0)
        *pirq = (int)gsi;
    lock_take(&irq_lock);
    struct dom_pirqs *t = table_of(d);
    if (!t)
        result = -XEN_ENOSPC;
    else if (t->p[*pirq].kind == PIRQ_NONE)
        t->p[*pirq] = (struct dom_pirq){.kind = PIRQ_GSI, .gsi = (uint16_t)gsi};
    else if (t->p[*pirq].kind != PIRQ_GSI || t->p[*pirq].gsi != gsi)
        result = -XEN_EEXIST;
    lock_drop(&irq_lock);
    return result;
}

static int map_msi_locked(struct domain *d, struct dom_pirqs *t, const struct msi_request *want,
                          int *pirq) NEEDS(irq_lock)
{
    if (*pirq < 0)
        *pirq = free_from_top(t);
    if (*pirq < 0)
        return *pirq;
    if (t->p[*pirq].kind != PIRQ_NONE)
        return -XEN_EEXIST;
    int vector = irq_alloc_locked(IRQ_PIRQ);
    if (vector < 0)
        return vector;
    int msi = msi_setup(want, (uint8_t)vector, target_of(dom_vcpu(d, 0)));
    if (msi < 0) {
        irq_free_locked((uint8_t)vector);
        return msi;
    }
    struct irq *irq = irq_of((uint8_t)vector);
    irq->msi = (int16_t)msi;
    irq->dom = d;
    irq->pirq = (uint16_t)*pirq;
    irq->masked = true;
    t->p[*pirq] = (struct dom_pirq){.kind = PIRQ_MSI, .vector = (uint8_t)vector};
    return 0;
}

int pirq_map_msi(struct domain *d, uint16_t segment, uint16_t bdf, bool msix, uint32_t entry,
                 int *pirq)
{
    struct msi_request want = {segment, bdf, msix, entry};
    int result = -XEN_ENOSPC;

    if (*pirq >= (int)PIRQ_MAX)
        return -XEN_EINVAL;
    lock_take(&irq_lock);
    struct dom_pirqs *t = table_of(d);
    if (t)
        result = map_msi_locked(d, t, &want, pirq);
    lock_drop(&irq_lock);
    return result;
}

static void unmap_locked(struct domain *d, struct dom_pirq *p, uint32_t pirq) NEEDS(irq_lock)
{
    unbind_locked(d, p, pirq);
    if (p->kind == PIRQ_MSI) {
        msi_remove(irq_of(p->vector)->msi);
        irq_free_locked(p->vector);
    }
    *p = (struct dom_pirq){0};
}

int pirq_unmap(struct domain *d, uint32_t pirq)
{
    lock_take(&irq_lock);
    struct dom_pirq *p = lookup(d, pirq);
    if (p)
        unmap_locked(d, p, pirq);
    lock_drop(&irq_lock);
    return p ? 0 : -XEN_EINVAL;
}

bool pirq_is_mapped(const struct domain *d, uint32_t pirq)
{
    return lookup(d, pirq) != NULL;
}

void pirq_domain_destroy(struct domain *d)
{
    struct dom_pirqs *t = d->arch.pirqs;

    if (!t)
        return;
    lock_take(&irq_lock);
    for (uint32_t i = 0; i < PIRQ_MAX; i++)
        if (t->p[i].kind != PIRQ_NONE)
            unmap_locked(d, &t->p[i], i);
    t->eoi_bits = NULL;
    t->owner = NULL;
    d->arch.pirqs = NULL;
    lock_drop(&irq_lock);
    if (d->arch.pirq_eoi_frame.n)
        page_put_use(d->arch.pirq_eoi_frame);
    d->arch.pirq_eoi_frame = mfn(0);
}

int gsi_setup(uint32_t gsi, bool level, bool low)
{
    int result = 0;

    if (gsi >= MAX_GSI || !ioapic_has(gsi))
        return -XEN_EINVAL;
    lock_take(&irq_lock);
    struct gsi *g = &gsis[gsi];
    if (g->told || (g->vector && irq_of(g->vector)->kind == IRQ_HANDLER)) {
        result = -XEN_EEXIST;
    } else {
        g->told = true;
        g->level = level;
        g->low = low;
        if (g->vector) {
            struct irq *irq = irq_of(g->vector);

            ioapic_route(gsi, g->vector, level, low,
                         target_of(irq->dom ? dom_vcpu(irq->dom, 0) : NULL));
            gsi_mask(irq, irq->masked);
            if (irq->dom && irq->dom->arch.pirqs)
                set_eoi_bit(irq->dom->arch.pirqs, irq->pirq, level && irq->port);
        }
    }
    lock_drop(&irq_lock);
    return result;
}
