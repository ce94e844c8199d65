/* The kit's lock: tickets, and sleep for those that wait for long. Pure. */
#include "thread/lock.h"

#define SPINS 100

static bool due(const struct kit_lock *l, uint32_t ticket)
{
    return __atomic_load_n(&l->head, __ATOMIC_SEQ_CST) == ticket;
}

void kit_lock_take(struct kit_lock *l, unsigned int cpu)
{
    uint32_t ticket = __atomic_fetch_add(&l->tail, 1, __ATOMIC_SEQ_CST);

    for (unsigned int i = 0; i < SPINS; i++) {
        if (due(l, ticket))
            return;
        __builtin_ia32_pause();
    }
    __atomic_store_n(&l->sleeps[cpu], (uint64_t)ticket + 1, __ATOMIC_SEQ_CST);
    while (!due(l, ticket))
        kit_lock_sleep(cpu);
    __atomic_store_n(&l->sleeps[cpu], 0, __ATOMIC_SEQ_CST);
}

void kit_lock_give(struct kit_lock *l)
{
    uint32_t next = __atomic_add_fetch(&l->head, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&l->tail, __ATOMIC_SEQ_CST) == next)
        return;
    for (unsigned int cpu = 0; cpu < KIT_LOCK_CPUS; cpu++)
        if (__atomic_load_n(&l->sleeps[cpu], __ATOMIC_SEQ_CST) == (uint64_t)next + 1)
            kit_lock_rouse(cpu);
}

bool kit_lock_wanted(const struct kit_lock *l)
{
    return __atomic_load_n(&l->tail, __ATOMIC_RELAXED) !=
           __atomic_load_n(&l->head, __ATOMIC_RELAXED) + 1;
}
