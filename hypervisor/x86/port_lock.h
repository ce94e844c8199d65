/* Spin locks on x86: interrupts are off already; waiting serves TLB shoot-downs. */
#ifndef X86_PORT_LOCK_H
#define X86_PORT_LOCK_H

#include "x86/percpu.h"

void tlb_wait_turn(void);
_Noreturn void stop(const char *why);

static inline void lock_take(struct lock *l) TAKES(*l) UNCHECKED
{
    uint32_t me = this_percpu()->cpu + 1;
    uint32_t was = 0;

    while (
        !__atomic_compare_exchange_n(&l->held, &was, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (was == me)
            stop("a lock taken twice");
        tlb_wait_turn();
        was = 0;
    }
}

static inline int lock_try(struct lock *l) TRIES(1, *l) UNCHECKED
{
    uint32_t was = 0;

    return __atomic_compare_exchange_n(&l->held, &was, this_percpu()->cpu + 1, 0, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static inline void lock_drop(struct lock *l) DROPS(*l) UNCHECKED
{
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

static inline int lock_held(const struct lock *l)
{
    return l->held == this_percpu()->cpu + 1;
}

#endif
