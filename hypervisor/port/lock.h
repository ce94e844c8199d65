/* Spin locks with a name and a rank.
 *
 * Argon runs with interrupts off except in preempt_wanted() and idle, and takes no lock across
 * either: so every lock is safe against interrupts without saving flags, and no holder is ever
 * descheduled. While it waits, a CPU goes on serving TLB shoot-downs aimed at it (tlb_serve()), so
 * a holder may wait for a shoot-down.
 *
 * Order: a lock may be taken only while every lock held has a lower rank; two of the same rank only
 * in the order their own comment gives (for domains: lower domid first). */
#ifndef PORT_LOCK_H
#define PORT_LOCK_H

#include <stdint.h>

enum lock_rank {
    RANK_DOMCTL = 1, /* one control operation at a time */
    RANK_DOMLIST,    /* the list of domains */
    RANK_DOM,        /* one domain's life cycle and page accounting */
    RANK_PGT,        /* one domain's page-table updates that need more than one word */
    RANK_GNT,        /* one domain's grant table */
    RANK_MAPTRACK,
    RANK_EVT,     /* one domain's event ports */
    RANK_PIRQ,    /* interrupt lines */
    RANK_FIFO,    /* one vcpu's FIFO event queues; two of a domain: lower vcpu first */
    RANK_SCHED,   /* run queues */
    RANK_TIMER,   /* one CPU's timers */
    RANK_FRAME,   /* free frames */
    RANK_MACHINE, /* PCI config, IO-APIC, RTC, ... */
    RANK_LOG,     /* the console */
};

#ifdef __clang__
#define LOCKABLE   __attribute__((capability("lock")))
#define TAKES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define TRIES(...) __attribute__((try_acquire_capability(__VA_ARGS__)))
#define DROPS(...) __attribute__((release_capability(__VA_ARGS__)))
#define NEEDS(...) __attribute__((requires_capability(__VA_ARGS__)))
#define UNCHECKED  __attribute__((no_thread_safety_analysis))
#else
#define LOCKABLE
#define TAKES(...)
#define TRIES(...)
#define DROPS(...)
#define NEEDS(...)
#define UNCHECKED
#endif

struct LOCKABLE lock {
    uint32_t held; /* 0 free, else 1 + the holder's CPU number */
    uint16_t rank; /* enum lock_rank */
    uint16_t pad;
    const char *name;
};

#define LOCK_INIT(lock_rank, lock_name)                                                            \
    {                                                                                              \
        .rank = (lock_rank), .name = (lock_name)                                                   \
    }

static inline void lock_init(struct lock *l, enum lock_rank rank, const char *name)
{
    l->held = 0;
    l->rank = (uint16_t)rank;
    l->name = name;
}

#include "port_lock.h" /* lock_take, lock_try, lock_drop, lock_held: x86/ or tests/port/ */

#endif
