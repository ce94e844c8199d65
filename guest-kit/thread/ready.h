/*
 * Threads that can run, first come, first served; and which vCPU takes which. Pure. Sets of vCPUs
 * are masks.
 *
 * A thread in turn (not apart) holds the kit's lock while it runs, so more than one vCPU for such
 * threads is of no use. vCPU 0 hears of the devices: it leaves threads that are apart to others as
 * long as enough of those are idle.
 */
#ifndef THREAD_READY_H
#define THREAD_READY_H

#include "thread/sched.h"

struct ready {
    struct gk_thread *first, *last;
};

extern struct ready kit_ready; /* the kit's */

static inline void ready_put(struct ready *q, struct gk_thread *t)
{
    t->state = THREAD_READY;
    t->next = NULL;
    if (q->first)
        q->last->next = t;
    else
        q->first = t;
    q->last = t;
}

/* With one vCPU: the first, out of the queue, or NULL. */
static inline struct gk_thread *ready_first(struct ready *q)
{
    struct gk_thread *t = q->first;

    if (t)
        q->first = t->next;
    return t;
}

/* The first thread that `cpu` is to run, out of the queue; NULL: none. `idle`: vCPUs that sleep. */
struct gk_thread *ready_take(struct ready *queue, unsigned int cpu, uint32_t idle);
/* Those of `idle` that are to be woken for what is in the queue; not `all`: only for threads that
 * do not need the lock or the vCPU of who asks. */
uint32_t ready_calls(const struct ready *queue, uint32_t idle, bool all);

#endif
