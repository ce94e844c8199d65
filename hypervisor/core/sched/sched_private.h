/* What the scheduler's files share. */
#ifndef CORE_SCHED_PRIVATE_H
#define CORE_SCHED_PRIVATE_H

#include "core/dom/domain.h"
#include "port/clock.h"
#include "port/kick.h"

#define SLICE      (5 * NS_PER_MS)  /* how long one runs while others wait */
#define LAG        (10 * NS_PER_MS) /* virtual time that someone may be behind the floor */
#define CAP_PERIOD (10 * NS_PER_MS)

struct sched_cpu {
    struct vcpu *curr;  /* NULL: idle */
    uint64_t floor;     /* see runq.c */
    bool tickled;       /* asked to look at the queue and has not yet */
    ns_t slice_end;     /* of curr; NS_NEVER: nobody waits */
    struct timer slice; /* fires then, or earlier */
    ns_t idle_since;
    uint64_t idle_time;
};

/*   S1  v is in the queue  <=>  reasons == 0, not running, not parked
 *   S2  the queue is in order of vtime
 *   S3  cpu[c].curr == v  =>  v->sched.running, v->sched.cpu == c; at most one c for each v
 *   S4  bit c of idle  <=>  c is online and cpu[c].curr == NULL
 *   S5  a vcpu waits in the queue  =>  each CPU it may run on has been asked to look, or runs one
 *       that is not behind it by more than `grain` and whose slice ends */
struct sched_state {
    struct lock lock; /* RANK_SCHED: all that the scheduler has, but for `reasons` (atomic) */
    struct list queue;
    uint32_t queued;
    ns_t grain; /* who runs is not preempted for less; credit2's rate limit */
    cpumask_t online, idle;
    struct list capped; /* domains with a cap, by sched.capped */
    struct timer refill;
    struct sched_cpu cpu[SCHED_MAX_CPUS];
};

extern struct sched_state sched_st;

static inline bool vtime_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

/* Brings v's virtual time, and its domain's budget, up to t. v is someone's curr. */
static inline void sched_charge(struct vcpu *v, ns_t t)
{
    ns_t ran = t - v->sched.charged;

    if (ran <= 0)
        return;
    v->sched.vtime += (uint64_t)((unsigned __int128)(uint64_t)ran * v->dom->sched.scale >> 16);
    v->sched.charged = t;
    if (unlikely(v->dom->sched.cap))
        v->dom->sched.budget -= ran;
}

/* All need the lock. */

/* v, not running, has become runnable: into the queue (or parked), and a CPU is asked to look. */
void sched_place(struct vcpu *v, ns_t t) NEEDS(sched_st.lock);
/* Off the queue or the parked list, if on one. */
void sched_unplace(struct vcpu *v) NEEDS(sched_st.lock);
/* The ABI's run state that v should have now. */
uint32_t sched_state_of(const struct vcpu *v);
void sched_set_state(struct vcpu *v, uint32_t state, ns_t t);

/* ---- cap.c ---------------------------------------------------------------------------------- */

/* Refills d's budget for the periods that have passed; true when something is left. d has a cap. */
bool cap_refill(struct domain *d, ns_t t) NEEDS(sched_st.lock);
void cap_park(struct vcpu *v, ns_t t) NEEDS(sched_st.lock);
void cap_set(struct domain *d, uint32_t cap, ns_t t) NEEDS(sched_st.lock);
void cap_timer(void *unused);

#endif
