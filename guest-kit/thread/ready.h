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

void ready_put(struct ready *queue, struct gk_thread *thread);
/* The first thread that `cpu` is to run, out of the queue; NULL: none. `idle`: vCPUs that sleep. */
struct gk_thread *ready_take(struct ready *queue, unsigned int cpu, uint32_t idle);
/* Those of `idle` that are to be woken for what is in the queue; not `all`: only for threads that
 * do not need the lock or the vCPU of who asks. */
uint32_t ready_calls(const struct ready *queue, uint32_t idle, bool all);

#endif
