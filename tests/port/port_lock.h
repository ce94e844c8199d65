/*
 * Spin locks of native tests: real ones between threads, which check rank and holder. Each thread
 * of a test is a CPU: fake_cpu.
 */
#ifndef TESTS_PORT_LOCK_H
#define TESTS_PORT_LOCK_H

#include <stdio.h>
#include <stdlib.h>

extern _Thread_local unsigned int fake_cpu;
extern _Thread_local uint32_t fake_ranks; /* bit per rank held */
extern _Thread_local unsigned int fake_locks;

static inline void fake_lock_fail(const struct lock *l, const char *what)
{
    fprintf(stderr, "lock %s: %s\n", l->name ? l->name : "?", what);
    abort();
}

static inline void lock_take(struct lock *l) TAKES(*l) UNCHECKED
{
    uint32_t me = fake_cpu + 1, was = 0;

    if (!l->rank)
        fake_lock_fail(l, "not initialised");
    if (fake_ranks >> (l->rank + 1))
        fake_lock_fail(l, "taken with a lock of higher rank held");
    while (
        !__atomic_compare_exchange_n(&l->held, &was, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (was == me)
            fake_lock_fail(l, "taken twice");
        was = 0;
    }
    fake_ranks |= 1u << l->rank;
    fake_locks++;
}

static inline int lock_try(struct lock *l) TRIES(1, *l) UNCHECKED
{
    uint32_t was = 0;

    if (!__atomic_compare_exchange_n(&l->held, &was, fake_cpu + 1, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return 0;
    fake_ranks |= 1u << l->rank;
    fake_locks++;
    return 1;
}

static inline void lock_drop(struct lock *l) DROPS(*l) UNCHECKED
{
    if (__atomic_load_n(&l->held, __ATOMIC_RELAXED) != fake_cpu + 1)
        fake_lock_fail(l, "dropped by someone else");
    /* Two locks of one rank: the bit goes with the first; enough to find wrong orders. */
    fake_ranks &= ~(1u << l->rank);
    fake_locks--;
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

static inline int lock_held(const struct lock *l)
{
    return __atomic_load_n(&l->held, __ATOMIC_RELAXED) == fake_cpu + 1;
}

#endif
