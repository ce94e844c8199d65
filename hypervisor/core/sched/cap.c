/* Caps: a domain may use up to so many percent of one CPU, over all its vcpus.
 *
 * Each CAP_PERIOD brings its budget; running takes from it, also below zero when someone runs a
 * little longer than meant, so that the average holds. Whose domain has nothing left is parked
 * until a period brings something. */
#include "core/sched/sched_private.h"

static ns_t per_period(const struct domain *d)
{
    return CAP_PERIOD / 100 * (ns_t)d->sched.cap;
}

bool cap_refill(struct domain *d, ns_t t)
{
    ns_t periods = (t - d->sched.refilled) / CAP_PERIOD;

    if (periods > 0) {
        ns_t due = per_period(d);
        /* What is not used is kept for one period only. Beware of overflow after a long sleep. */
        ns_t enough = (due - d->sched.budget) / due + 1;
        d->sched.budget += due * (periods < enough ? periods : enough);
        if (d->sched.budget > due)
            d->sched.budget = due;
        d->sched.refilled += periods * CAP_PERIOD;
    }
    return d->sched.budget > 0;
}

void cap_park(struct vcpu *v, ns_t t)
{
    list_push_back(&v->dom->sched.parked, &v->sched.link);
    v->sched.parked = true;
    if (!timer_is_set(&sched_st.refill))
        timer_set(&sched_st.refill, t + CAP_PERIOD - (t - v->dom->sched.refilled));
}

static void unpark(struct domain *d, ns_t t) NEEDS(sched_st.lock)
{
    struct list *l;

    while ((l = list_pop_front(&d->sched.parked))) {
        struct sched_vcpu *s = CONTAINER_OF(l, struct sched_vcpu, link);

        s->parked = false;
        sched_place(CONTAINER_OF(s, struct vcpu, sched), t);
    }
}

void cap_set(struct domain *d, uint32_t cap, ns_t t)
{
    list_remove(&d->sched.capped);
    d->sched.cap = cap;
    d->sched.refilled = t;
    d->sched.budget = cap ? per_period(d) : 0;
    if (cap)
        list_push_back(&sched_st.capped, &d->sched.capped);
    unpark(d, t);
}

void cap_timer(void *unused)
{
    ns_t t = now(), next = NS_NEVER;

    (void)unused;
    lock_take(&sched_st.lock);
    list_for_each (l, &sched_st.capped) {
        struct domain *d =
            CONTAINER_OF(CONTAINER_OF(l, struct sched_dom, capped), struct domain, sched);

        if (list_empty(&d->sched.parked))
            continue;
        if (cap_refill(d, t)) {
            unpark(d, t);
        } else {
            ns_t due = d->sched.refilled + CAP_PERIOD;
            next = due < next ? due : next;
        }
    }
    if (next != NS_NEVER)
        timer_set(&sched_st.refill, next);
    lock_drop(&sched_st.lock);
}
