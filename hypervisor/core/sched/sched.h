/* The scheduler: fair shares by weight, caps, pinning; one run queue, ordered by virtual time.
 *
 * A vcpu's virtual time advances while it runs, the slower the greater its domain's weight; who is
 * furthest behind runs next. All state is under one lock (RANK_SCHED). The functions that change a
 * vcpu's state only do that and ask CPUs to look (WORK_SCHED by cpu_resched()); the switch happens
 * where the machine calls sched_next(), on its way out of the hypervisor or in idle.
 * docs/contributor/sched.md explains the arithmetic. */
#ifndef CORE_SCHED_SCHED_H
#define CORE_SCHED_SCHED_H

#include "abi/abi.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/num.h"
#include "port/tlb.h"

struct vcpu;
struct domain;

#define SCHED_MAX_CPUS 64

/* Why a vcpu may not run; it is runnable when none is set. */
enum {
    SCHED_BLOCKED = 1,  /* SCHEDOP_block; an event wakes it */
    SCHED_DOWN = 2,     /* VCPUOP_down, or not brought up yet */
    SCHED_PAUSED = 4,   /* pauses > 0 */
    SCHED_SHUTDOWN = 8, /* its domain has shut down */
    SCHED_POLL = 16,    /* SCHEDOP_poll */
};

struct sched_vcpu {
    uint32_t reasons;  /* RANK_SCHED to change; may be read at any time */
    uint32_t pauses;   /* nested sched_pause() */
    uint32_t runstate; /* RUNSTATE_* of the ABI */
    ns_t state_since;
    uint64_t state_time[4]; /* ns in each, up to state_since */
    uint32_t cpu;           /* where it runs or last ran */
    bool running;           /* on cpu now, or registers not yet saved; cleared with release */
    bool queued;
    bool parked; /* its domain has used up its cap */
    bool yielding;
    bool moved;       /* its affinity is new: it forgets its lead when next queued */
    bool pinned_over; /* SCHEDOP_pin_override in force: `hard` is saved in `hard_before` */
    uint64_t vtime;
    ns_t charged;     /* while running: vtime is right up to here */
    struct list link; /* run queue, or the domain's parked list */
    cpumask_t hard, soft, hard_before;
};

struct sched_dom {
    uint32_t weight; /* 1..65535, default 256 */
    uint32_t cap;    /* percent of one CPU, 0: none */
    uint64_t scale;  /* virtual ns per ns, 16.16 fixed point */
    ns_t budget;     /* with a cap: what is left of this period; negative: owed */
    ns_t refilled;   /* when */
    struct list parked;
    struct list capped; /* on the list of domains with a cap */
};

/* Once per CPU, before sched_next() is called on it; needs timer_cpu_init(). */
void sched_cpu_init(unsigned int cpu);

void sched_domain_init(struct domain *d);
/* The last vcpu must be gone. */
void sched_domain_destroy(struct domain *d);
/* Starts with SCHED_DOWN set, affinity to every CPU. */
void sched_vcpu_init(struct vcpu *v);
/* Not running and never again; takes it off every list. */
void sched_vcpu_destroy(struct vcpu *v);

/* ---- for the machine ------------------------------------------------------------------------ */

/* Chooses who runs on this CPU from `t` = now() on: NULL for idle. When the answer differs from who
 * ran before, the caller saves that one's registers and then calls sched_switched(). */
struct vcpu *sched_next(unsigned int cpu, ns_t t);
/* prev's registers are saved: it may run elsewhere. prev or next may be NULL (idle), not both. */
void sched_switched(struct vcpu *prev, struct vcpu *next);

/* ---- changes of state; any context, any lock below RANK_SCHED held -------------------------- */

/* An event came: ends SCHED_BLOCKED and SCHED_POLL. Cheap when neither is set. */
void sched_wake(struct vcpu *v);
/* The calling vcpu waits. It goes on running until the machine calls sched_next(). */
void sched_block(struct vcpu *v);
void sched_poll_wait(struct vcpu *v);
/* The calling vcpu lets one other go first, if there is one. */
void sched_pass(struct vcpu *v);
void sched_down(struct vcpu *v);
void sched_up(struct vcpu *v);
/* Of the whole domain: SCHED_SHUTDOWN on every vcpu, or off (DOMCTL_resumedomain). */
void sched_shutdown(struct domain *d, bool on);

/* Nesting. The sync form waits until v does not run; not for the calling vcpu, no lock held. */
void sched_pause(struct vcpu *v);
void sched_pause_sync(struct vcpu *v);
void sched_unpause(struct vcpu *v);
void sched_pause_domain(struct domain *d);
void sched_pause_domain_sync(struct domain *d);
void sched_unpause_domain(struct domain *d);

/* ---- control -------------------------------------------------------------------------------- */

/* hard must hold a CPU that is online, else -XEN_EINVAL. */
NODISCARD int sched_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft);
/* SCHEDOP_pin_override: cpu < 0 ends it. */
NODISCARD int sched_pin_override(struct vcpu *v, int cpu);
/* weight 1..65535; cap in percent of a CPU, 0: none; -XEN_EINVAL otherwise. */
NODISCARD int sched_set_params(struct domain *d, uint32_t weight, uint32_t cap);
/* DOMCTL_scheduler_op / SYSCTL_scheduler_op: Argon answers as credit2 does. */
NODISCARD int sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op);
NODISCARD int sched_sysctl(struct xen_sysctl_scheduler_op *op);

/* Run states up to the last change, as the ABI has them in a vcpu's run-state area. */
void sched_runstate_area(struct vcpu *v, struct vcpu_runstate_info *info);
/* Run states up to now, as the ABI has them (state, entry time, times). */
void sched_runstate(struct vcpu *v, struct vcpu_runstate_info *info);
/* ns in which cpu was idle since it came up. */
uint64_t sched_idle_time(unsigned int cpu);
/* ns that d's vcpus have run. */
uint64_t sched_cpu_time(struct domain *d);

/* Checks the invariants; returns the number of violations, each logged. */
unsigned int sched_audit(void);
void sched_dump(void);

#endif
