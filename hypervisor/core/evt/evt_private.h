/* What the files of event channels share: the port word, finding a port, making one pending.
 *
 *   E1  a port's word is written only under its domain's evt.lock, and in one store
 *   E2  interdomain: the peer's port is interdomain and names this one; both change together, with
 *       both locks held
 *   E3  a word that says interdomain was stored after `peer`, with release; `peer` is cleared only
 *       after the word has said something else
 *   E4  ports below `bound` have a bucket, which stays until the domain is gone
 *   E5  a domain is freed only when no CPU has it in its evt_sending slot (evt_quiesce)
 *   E6  virq_port[] and global_virq_port[] name ports whose words say so, and the reverse */
#ifndef CORE_EVT_PRIVATE_H
#define CORE_EVT_PRIVATE_H

#include "core/dom/domain.h"
#include "port/kick.h"

enum port_state {
    PORT_FREE,
    PORT_UNBOUND,     /* waits for domain `domid` */
    PORT_INTERDOMAIN, /* number: the peer's port */
    PORT_PIRQ,        /* number: the pirq */
    PORT_VIRQ,        /* number: the VIRQ */
    PORT_IPI,
};

/* word: state 0-7, vcpu to notify 8-15, domid 16-31, number 32-55, FIFO priority 56-63. All that a
 * sender needs, so that it reads one consistent state. */
struct evt_port {
    uint64_t word;
    struct domain *peer;
};

_Static_assert(sizeof(struct evt_port) * EVT_BUCKET == FRAME_SIZE, "a bucket is a frame");

#define PORT_PRIORITY_DEFAULT ((uint64_t)EVTCHN_FIFO_PRIORITY_DEFAULT << 56)

static inline uint64_t port_make(enum port_state state, uint32_t vcpu, domid_t domid,
                                 uint32_t number)
{
    return (uint64_t)state | (uint64_t)vcpu << 8 | (uint64_t)domid << 16 | (uint64_t)number << 32 |
           PORT_PRIORITY_DEFAULT;
}

static inline enum port_state port_state(uint64_t word)
{
    return (enum port_state)(word & 0xff);
}

static inline uint32_t port_vcpu(uint64_t word)
{
    return (uint32_t)(word >> 8) & 0xff;
}

static inline domid_t port_domid(uint64_t word)
{
    return (domid_t)(word >> 16);
}

static inline uint32_t port_number(uint64_t word)
{
    return (uint32_t)(word >> 32) & 0xffffff;
}

static inline uint32_t port_priority(uint64_t word)
{
    return (uint32_t)(word >> 56);
}

/* What stays when a connected port falls back to waiting, or changes its vcpu. */
static inline uint64_t port_with_vcpu(uint64_t word, uint32_t vcpu)
{
    return (word & ~(0xffUL << 8)) | (uint64_t)vcpu << 8;
}

static inline uint64_t port_with_priority(uint64_t word, uint32_t priority)
{
    return (word & ~(0xffUL << 56)) | (uint64_t)priority << 56;
}

static inline uint64_t port_word(const struct evt_port *p)
{
    return __atomic_load_n(&p->word, __ATOMIC_ACQUIRE);
}

static inline void port_store(struct evt_port *p, uint64_t word)
{
    __atomic_store_n(&p->word, word, __ATOMIC_RELEASE);
}

/* The one place where a port number becomes a port: NULL for 0 and for what has no memory. Its
 * acquire partners the release in ports.c's grow(). */
static inline struct evt_port *evt_port_of(const struct domain *d, uint32_t port)
{
    uint32_t bound = __atomic_load_n(&d->evt.bound, __ATOMIC_ACQUIRE);

    if (unlikely(port >= bound || !port))
        return NULL;
    port = (uint32_t)index_clamp(port, bound);
    struct evt_port **dir = __atomic_load_n(&d->evt.dir, __ATOMIC_RELAXED);
    return &dir[port / EVT_BUCKET][port % EVT_BUCKET];
}

/* Per CPU: the domain to which it is sending; see evt_quiesce(). */
struct evt_sending {
    uintptr_t to; /* its address, or 0 */
} __attribute__((aligned(64)));
extern struct evt_sending evt_sending[SCHED_MAX_CPUS];

/* Waits until no other CPU is sending to d. Nobody can begin to any more. */
void evt_quiesce(const struct domain *d);

/* ---- setting and clearing ------------------------------------------------------------------- */

/* One atomic word each, shared with the guest: it may have any value at any time. */
static inline bool evt_test_set(uint64_t *bits, uint32_t n)
{
    uint64_t mask = 1UL << (n % 64);

    return (__atomic_fetch_or(&bits[n / 64], mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline bool evt_test_clear(uint64_t *bits, uint32_t n)
{
    uint64_t mask = 1UL << (n % 64);

    return (__atomic_fetch_and(&bits[n / 64], ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static inline bool evt_test(const uint64_t *bits, uint32_t n)
{
    return __atomic_load_n(&bits[n / 64], __ATOMIC_RELAXED) >> (n % 64) & 1;
}

/* Wakes the vcpus of d that wait for this port in SCHEDOP_poll. */
void evt_wake_pollers(struct domain *d, uint32_t port);

/* Sets the port pending in d's form of events and notifies the vcpu. `word` is the port's. */
void evt_pend(struct domain *d, uint32_t port, uint64_t word);
/* A closed port is not pending any more. */
void evt_clear_pending(struct domain *d, uint32_t port);

/* ---- ports.c -------------------------------------------------------------------------------- */
void evt_lock_two(struct domain *a, struct domain *b) TAKES(a->evt.lock) TAKES(b->evt.lock);
void evt_unlock_two(struct domain *a, struct domain *b) DROPS(a->evt.lock) DROPS(b->evt.lock);

/* A port to use for something new, in *port. Changes nothing but the memory that ports have. */
NODISCARD int evt_find_free(struct domain *d, uint32_t *port) NEEDS(d->evt.lock);
/* Takes it into use as what `word` says. */
void evt_take(struct domain *d, uint32_t port, uint64_t word) NEEDS(d->evt.lock);

/* ---- fifo.c; harmless when d is not (or no longer) in the FIFO form ------------------------- */
void evt_pend_fifo(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word);
bool evt_fifo_port_busy(struct domain *d, uint32_t port);
bool evt_fifo_test(struct domain *d, uint32_t port, uint32_t bit);
void evt_fifo_clear_pending(struct domain *d, uint32_t port);
void evt_fifo_unmask(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word);
/* Back to 2-level; all ports are closed. */
void evt_fifo_end(struct domain *d);

static inline bool evt_virq_is_global(uint32_t virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

#endif
