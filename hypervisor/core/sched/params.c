/* The scheduler's controls: weight, cap, affinity; what it tells of itself. */
#include "core/sched/sched_private.h"

#include "port/log.h"

#define RATELIMIT_MIN_US 100
#define RATELIMIT_MAX_US 500000

/* v's affinity has changed: off a CPU that it may not use any more, onto one that it may. */
static void move(struct vcpu *v) NEEDS(sched_st.lock)
{
    v->sched.moved = true;
    if (v->sched.queued) {
        sched_unplace(v);
        sched_place(v, now());
    } else if (v->sched.running && !(v->sched.hard & bit64(v->sched.cpu))) {
        cpu_resched(v->sched.cpu);
    }
}

int sched_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft)
{
    int rc = 0;

    lock_take(&sched_st.lock);
    if (!(hard & sched_st.online)) {
        rc = -XEN_EINVAL;
    } else if (v->sched.pinned_over && hard != v->sched.hard) {
        rc = -XEN_EBUSY;
    } else {
        v->sched.hard = hard;
        v->sched.soft = soft;
        move(v);
    }
    lock_drop(&sched_st.lock);
    return rc;
}

int sched_pin_override(struct vcpu *v, int cpu)
{
    int rc = 0;

    lock_take(&sched_st.lock);
    if (cpu < 0) {
        if (v->sched.pinned_over)
            v->sched.hard = v->sched.hard_before;
        else
            rc = -XEN_EINVAL;
        v->sched.pinned_over = false;
    } else if (v->sched.pinned_over) {
        rc = -XEN_EBUSY;
    } else if (cpu >= SCHED_MAX_CPUS || !(sched_st.online & bit64((unsigned int)cpu))) {
        rc = -XEN_EINVAL;
    } else {
        v->sched.hard_before = v->sched.hard;
        v->sched.hard = bit64((unsigned int)cpu);
        v->sched.pinned_over = true;
    }
    if (!rc)
        move(v);
    lock_drop(&sched_st.lock);
    return rc;
}

int sched_set_params(struct domain *d, uint32_t weight, uint32_t cap)
{
    if (weight < 1 || weight > 65535 || cap > 65535)
        return -XEN_EINVAL;
    ns_t t = now();
    lock_take(&sched_st.lock);
    /* Who runs now pays for the time up to here at the old rate. */
    for (cpumask_t m = sched_st.online & ~sched_st.idle; m; m &= m - 1) {
        struct vcpu *v = sched_st.cpu[lowest_bit(m)].curr;

        if (v->dom == d) {
            sched_charge(v, t);
            cpu_resched(v->sched.cpu);
        }
    }
    d->sched.weight = weight;
    d->sched.scale = ((uint64_t)256 << 16) / weight;
    if (cap != d->sched.cap)
        cap_set(d, cap, t);
    lock_drop(&sched_st.lock);
    return 0;
}

int sched_domctl(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    if (op->sched_id != XEN_SCHEDULER_CREDIT2)
        return -XEN_EINVAL;
    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        op->u.credit2.weight = (uint16_t)d->sched.weight;
        op->u.credit2.cap = (uint16_t)d->sched.cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo: {
        /* As credit2: 0 leaves the weight, ~0 leaves the cap. */
        uint32_t weight = op->u.credit2.weight ? op->u.credit2.weight : d->sched.weight;
        uint32_t cap = op->u.credit2.cap != (uint16_t)~0U ? op->u.credit2.cap : d->sched.cap;
        return sched_set_params(d, weight, cap);
    }
    default:
        return -XEN_EINVAL;
    }
}

int sched_sysctl(struct xen_sysctl_scheduler_op *op)
{
    struct xen_sysctl_credit2_schedule *c = &op->u.sched_credit2;

    if (op->sched_id != XEN_SCHEDULER_CREDIT2)
        return -XEN_EINVAL;
    if (op->cmd == XEN_SYSCTL_SCHEDOP_putinfo) {
        if (c->ratelimit_us &&
            (c->ratelimit_us < RATELIMIT_MIN_US || c->ratelimit_us > RATELIMIT_MAX_US))
            return -XEN_EINVAL;
        lock_take(&sched_st.lock);
        sched_st.grain = (ns_t)c->ratelimit_us * 1000;
        lock_drop(&sched_st.lock);
    } else if (op->cmd != XEN_SYSCTL_SCHEDOP_getinfo) {
        return -XEN_EINVAL;
    }
    c->ratelimit_us = (unsigned int)(sched_st.grain / 1000);
    return 0;
}

void sched_runstate_area(struct vcpu *v, struct vcpu_runstate_info *info)
{
    lock_take(&sched_st.lock);
    *info = (struct vcpu_runstate_info){
        .state = (int)v->sched.runstate,
        .state_entry_time = (uint64_t)v->sched.state_since,
    };
    for (unsigned int i = 0; i < 4; i++)
        info->time[i] = v->sched.state_time[i];
    lock_drop(&sched_st.lock);
}

void sched_runstate(struct vcpu *v, struct vcpu_runstate_info *info)
{
    sched_runstate_area(v, info);
    uint64_t t = (uint64_t)now();
    if (t > info->state_entry_time)
        info->time[info->state] += t - info->state_entry_time;
}

uint64_t sched_idle_time(unsigned int cpu)
{
    const struct sched_cpu *s = &sched_st.cpu[cpu];
    ns_t t = now();

    lock_take(&sched_st.lock);
    uint64_t ns = s->idle_time;
    if ((sched_st.idle & bit64(cpu)) && t > s->idle_since)
        ns += (uint64_t)(t - s->idle_since);
    lock_drop(&sched_st.lock);
    return ns;
}

uint64_t sched_cpu_time(struct domain *d)
{
    uint64_t sum = 0;

    for_each_vcpu (v, d) {
        struct vcpu_runstate_info info;

        sched_runstate(v, &info);
        sum += info.time[RUNSTATE_running];
    }
    return sum;
}

/* ---- audit ---------------------------------------------------------------------------------- */

static unsigned int wrong(bool bad, const struct vcpu *v, const char *what)
{
    if (bad)
        log_err("sched: d%uv%u: %s\n", v ? v->dom->id : 0xffffu, v ? v->id : 0, what);
    return bad;
}

static unsigned int audit_queue(void)
{
    unsigned int bad = 0, n = 0;
    const struct vcpu *before = NULL;

    list_for_each (l, &sched_st.queue) {
        const struct vcpu *v =
            CONTAINER_OF(CONTAINER_OF(l, struct sched_vcpu, link), struct vcpu, sched);

        n++;
        bad += wrong(!v->sched.queued || v->sched.parked || v->sched.reasons || v->sched.running, v,
                     "in the queue, and should not be (S1)");
        bad += wrong(before && vtime_before(v->sched.vtime, before->sched.vtime), v,
                     "out of order (S2)");
        bad += wrong(v->sched.runstate != RUNSTATE_runnable, v, "queued, but not runnable");
        before = v;
    }
    return bad + wrong(n != sched_st.queued, NULL, "queue count");
}

unsigned int sched_audit(void)
{
    unsigned int bad = 0;

    lock_take(&sched_st.lock);
    bad += audit_queue();
    for (unsigned int i = 0; i < SCHED_MAX_CPUS; i++) {
        const struct vcpu *v = sched_st.cpu[i].curr;
        bool on = sched_st.online & bit64(i), idle = sched_st.idle & bit64(i);

        bad += wrong(idle != (on && !v), v, "idle mask (S4)");
        if (v)
            bad += wrong(!v->sched.running || v->sched.cpu != i || v->sched.queued, v,
                         "runs, but not by its own account (S3)");
        /* S5 for idle CPUs: none of them may leave someone waiting without having been asked. */
        if (idle && !sched_st.cpu[i].tickled)
            list_for_each (l, &sched_st.queue) {
                const struct sched_vcpu *s = CONTAINER_OF(l, struct sched_vcpu, link);
                bool other = false;
                for (cpumask_t m = sched_st.online & s->hard; m; m &= m - 1)
                    other |= sched_st.cpu[lowest_bit(m)].tickled;
                bad += wrong((s->hard & bit64(i)) && !other, CONTAINER_OF(s, struct vcpu, sched),
                             "waits while a CPU idles (S5)");
            }
    }
    lock_drop(&sched_st.lock);
    return bad;
}

void sched_dump(void)
{
    lock_take(&sched_st.lock);
    log_info("sched: %u waiting, CPUs online %llx idle %llx\n", sched_st.queued,
             (unsigned long long)sched_st.online, (unsigned long long)sched_st.idle);
    for (cpumask_t m = sched_st.online; m; m &= m - 1) {
        const struct vcpu *v = sched_st.cpu[lowest_bit(m)].curr;

        if (v)
            log_info("  CPU %u: d%uv%u vtime %llx\n", lowest_bit(m), v->dom->id, v->id,
                     (unsigned long long)v->sched.vtime);
    }
    list_for_each (l, &sched_st.queue) {
        const struct vcpu *v =
            CONTAINER_OF(CONTAINER_OF(l, struct sched_vcpu, link), struct vcpu, sched);

        log_info("  waits: d%uv%u vtime %llx affinity %llx\n", v->dom->id, v->id,
                 (unsigned long long)v->sched.vtime, (unsigned long long)v->sched.hard);
    }
    lock_drop(&sched_st.lock);
}
