/* Why vcpus may not run: waking, waiting, pausing, going down; and their beginning and end. */
#include "core/sched/sched_private.h"

/* `reasons` is atomic: the running vcpu sets its own without the lock, all else happens under
 * it. */
static uint32_t add_reason(struct vcpu *v, uint32_t reason)
{
    return __atomic_or_fetch(&v->sched.reasons, reason, __ATOMIC_SEQ_CST);
}

static uint32_t drop_reason(struct vcpu *v, uint32_t reason)
{
    return __atomic_and_fetch(&v->sched.reasons, ~reason, __ATOMIC_SEQ_CST);
}

/* Reasons have gone; if none is left it may run. */
static void start_locked(struct vcpu *v, uint32_t gone) NEEDS(sched_st.lock)
{
    if (!(v->sched.reasons & gone))
        return;
    ns_t t = now();
    uint32_t left = drop_reason(v, gone);
    /* While it is running, its CPU looks at reasons before it lets go of it. */
    if (__atomic_load_n(&v->sched.running, __ATOMIC_SEQ_CST))
        return;
    sched_set_state(v, sched_state_of(v), t);
    if (!left && !v->sched.queued && !v->sched.parked)
        sched_place(v, t);
}

static void stop_locked(struct vcpu *v, uint32_t reason) NEEDS(sched_st.lock)
{
    add_reason(v, reason);
    sched_unplace(v);
    sched_set_state(v, sched_state_of(v), now());
    if (sched_st.cpu[v->sched.cpu].curr == v)
        cpu_resched(v->sched.cpu);
}

static void start(struct vcpu *v, uint32_t gone)
{
    lock_take(&sched_st.lock);
    start_locked(v, gone);
    lock_drop(&sched_st.lock);
}

static void halt(struct vcpu *v, uint32_t reason)
{
    lock_take(&sched_st.lock);
    stop_locked(v, reason);
    lock_drop(&sched_st.lock);
}

void sched_wake(struct vcpu *v)
{
    /* Partner: sched_block() sets it, then its caller looks for events once more. */
    if (__atomic_load_n(&v->sched.reasons, __ATOMIC_SEQ_CST) & (SCHED_BLOCKED | SCHED_POLL))
        start(v, SCHED_BLOCKED | SCHED_POLL);
}

void sched_block(struct vcpu *v)
{
    add_reason(v, SCHED_BLOCKED);
    cpu_resched(v->sched.cpu);
}

void sched_poll_wait(struct vcpu *v)
{
    add_reason(v, SCHED_POLL);
    cpu_resched(v->sched.cpu);
}

void sched_pass(struct vcpu *v)
{
    /* An old count only makes this yield come to nothing, or look in vain. */
    if (!__atomic_load_n(&sched_st.queued, __ATOMIC_RELAXED))
        return;
    v->sched.yielding = true;
    cpu_resched(v->sched.cpu);
}

void sched_down(struct vcpu *v)
{
    halt(v, SCHED_DOWN);
}

void sched_up(struct vcpu *v)
{
    start(v, SCHED_DOWN);
}

void sched_shutdown(struct domain *d, bool on)
{
    for_each_vcpu (v, d) {
        if (on)
            halt(v, SCHED_SHUTDOWN);
        else
            start(v, SCHED_SHUTDOWN);
    }
}

void sched_pause(struct vcpu *v)
{
    lock_take(&sched_st.lock);
    if (v->sched.pauses++ == 0)
        stop_locked(v, SCHED_PAUSED);
    lock_drop(&sched_st.lock);
}

static void wait_until_off(const struct vcpu *v)
{
    while (__atomic_load_n(&v->sched.running, __ATOMIC_ACQUIRE))
        tlb_serve();
}

void sched_pause_sync(struct vcpu *v)
{
    sched_pause(v);
    wait_until_off(v);
}

void sched_unpause(struct vcpu *v)
{
    lock_take(&sched_st.lock);
    if (v->sched.pauses && --v->sched.pauses == 0)
        start_locked(v, SCHED_PAUSED);
    lock_drop(&sched_st.lock);
}

void sched_pause_domain(struct domain *d)
{
    for_each_vcpu (v, d)
        sched_pause(v);
}

void sched_pause_domain_sync(struct domain *d)
{
    sched_pause_domain(d);
    for_each_vcpu (v, d)
        wait_until_off(v);
}

void sched_unpause_domain(struct domain *d)
{
    for_each_vcpu (v, d)
        sched_unpause(v);
}

static void slice_over(void *unused)
{
    (void)unused;
    cpu_resched(cpu_id());
}

void sched_cpu_init(unsigned int cpu)
{
    struct sched_cpu *s = &sched_st.cpu[cpu];

    timer_init(&s->slice, slice_over, NULL);
    s->slice_end = NS_NEVER;
    s->idle_since = now();
    lock_take(&sched_st.lock);
    if (!sched_st.online)
        timer_init(&sched_st.refill, cap_timer, NULL);
    sched_st.online |= bit64(cpu);
    sched_st.idle |= bit64(cpu);
    lock_drop(&sched_st.lock);
}

void sched_domain_init(struct domain *d)
{
    d->sched = (struct sched_dom){.weight = 256, .scale = 1 << 16};
    list_init(&d->sched.parked);
    list_init(&d->sched.capped);
}

void sched_domain_destroy(struct domain *d)
{
    lock_take(&sched_st.lock);
    list_remove(&d->sched.capped);
    lock_drop(&sched_st.lock);
}

void sched_vcpu_init(struct vcpu *v)
{
    v->sched = (struct sched_vcpu){
        .reasons = SCHED_DOWN,
        .runstate = RUNSTATE_offline,
        .state_since = now(),
        .hard = ~(cpumask_t)0,
        .soft = ~(cpumask_t)0,
    };
    list_init(&v->sched.link);
    lock_take(&sched_st.lock);
    v->sched.vtime = sched_st.cpu[0].floor;
    lock_drop(&sched_st.lock);
}

void sched_vcpu_destroy(struct vcpu *v)
{
    halt(v, SCHED_DOWN);
    wait_until_off(v);
}
