/* The timers of a vcpu. */
#include "core/time/vcpu_timer.h"

#include "port/clock.h"

static void single_due(void *arg)
{
    evt_raise_virq(arg, VIRQ_TIMER);
}

/* Who does not run gets no ticks: the next run begins with one (vcpu_period_resume). */
static void period_due(void *arg)
{
    struct vcpu *v = arg;
    ns_t period = __atomic_load_n(&v->period_ns, __ATOMIC_RELAXED), t = now();

    if (!period || !__atomic_load_n(&v->sched.running, __ATOMIC_RELAXED))
        return;
    v->period_last = t;
    evt_raise_virq(v, VIRQ_TIMER);
    timer_set(&v->period, t + period);
}

static void poll_due(void *arg)
{
    struct vcpu *v = arg;

    /* Of an earlier poll: then this one ends early, as any event may end it. */
    evt_poll_end(v);
    sched_wake(v);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->single, single_due, v);
    timer_init(&v->period, period_due, v);
    timer_init(&v->poll, poll_due, v);
    v->period_ns = VCPU_PERIOD_DEFAULT;
}

void vcpu_timers_stop(struct vcpu *v)
{
    timer_stop(&v->single);
    timer_stop(&v->period);
    timer_stop(&v->poll);
}

void vcpu_period_set(struct vcpu *v, ns_t period)
{
    __atomic_store_n(&v->period_ns, period, __ATOMIC_RELAXED);
    timer_stop(&v->period);
    v->period_last = now();
    if (period)
        timer_set(&v->period, v->period_last + period);
}

void vcpu_period_resume(struct vcpu *v)
{
    ns_t t = now(), next = v->period_last + v->period_ns;

    if (timer_is_set(&v->period))
        return;
    if (next <= t) {
        v->period_last = t;
        evt_raise_virq(v, VIRQ_TIMER);
        next = t + v->period_ns;
    }
    timer_set(&v->period, next);
}
