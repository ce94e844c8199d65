/* The run queue: who waits, who runs next, and when a CPU is asked to change its mind.
 *
 * Each CPU has a floor: the furthest that the least virtual time of those that want it has been.
 * Someone who slept, or whom no share could satisfy (a weight worth more than one CPU), is at most
 * LAG behind the floors of the CPUs that he may use; someone whose affinity changes is not ahead of
 * them. So the past neither starves others nor is held against anyone for long. Floors are per CPU
 * because pinning divides the CPUs into parts in which virtual time passes at different rates. */
#include "core/sched/sched_private.h"

#include "core/time/vcpu_timer.h"

struct sched_state sched_st = {
    .lock = LOCK_INIT(RANK_SCHED, "sched"),
    .queue = LIST_INIT(sched_st.queue),
    .grain = NS_PER_MS,
    .capped = LIST_INIT(sched_st.capped),
};

static struct vcpu *of_link(struct list *l)
{
    return CONTAINER_OF(CONTAINER_OF(l, struct sched_vcpu, link), struct vcpu, sched);
}

static uint64_t vtime_at(const struct vcpu *v, ns_t t)
{
    ns_t ran = t - v->sched.charged;

    return v->sched.vtime +
           (ran > 0 ? (uint64_t)((unsigned __int128)(uint64_t)ran * v->dom->sched.scale >> 16) : 0);
}

static void raise_floor(unsigned int cpu, uint64_t vtime)
{
    if (vtime_before(sched_st.cpu[cpu].floor, vtime))
        sched_st.cpu[cpu].floor = vtime;
}

/* The highest floor of the CPUs that v may use. */
static uint64_t floor_of(const struct vcpu *v)
{
    cpumask_t m = sched_st.online & v->sched.hard;
    uint64_t highest = sched_st.cpu[lowest_bit(m)].floor;

    for (m &= m - 1; m; m &= m - 1) {
        uint64_t floor = sched_st.cpu[lowest_bit(m)].floor;

        if (vtime_before(highest, floor))
            highest = floor;
    }
    return highest;
}

static void clamp(struct vcpu *v)
{
    uint64_t floor = floor_of(v);

    if (vtime_before(v->sched.vtime, floor - (uint64_t)LAG))
        v->sched.vtime = floor - (uint64_t)LAG;
    else if (unlikely(v->sched.moved) && vtime_before(floor, v->sched.vtime))
        v->sched.vtime = floor;
}

static void enqueue(struct vcpu *v)
{
    struct list *at = sched_st.queue.prev;

    clamp(v);
    v->sched.moved = false;
    while (at != &sched_st.queue && vtime_before(v->sched.vtime, of_link(at)->sched.vtime))
        at = at->prev;
    list_insert_after(at, &v->sched.link);
    v->sched.queued = true;
    sched_st.queued++;
}

static void dequeue(struct vcpu *v)
{
    list_remove(&v->sched.link);
    v->sched.queued = false;
    sched_st.queued--;
}

static struct vcpu *first_for(unsigned int cpu)
{
    list_for_each (l, &sched_st.queue) {
        struct vcpu *v = of_link(l);

        if (v->sched.hard & bit64(cpu))
            return v;
    }
    return NULL;
}

static void tickle(unsigned int cpu)
{
    if (sched_st.cpu[cpu].tickled)
        return;
    sched_st.cpu[cpu].tickled = true;
    cpu_resched(cpu);
}

/* While nobody waits, everyone has what he wants: whoever runs, nobody is owed anything. */
static void forget_past(ns_t t)
{
    cpumask_t busy = sched_st.online & ~sched_st.idle;

    for (; busy; busy &= busy - 1)
        raise_floor(lowest_bit(busy), vtime_at(sched_st.cpu[lowest_bit(busy)].curr, t));
}

static bool tickle_idle(const struct vcpu *v)
{
    cpumask_t idle = sched_st.idle & v->sched.hard;

    for (cpumask_t m = idle; m; m &= m - 1)
        if (sched_st.cpu[lowest_bit(m)].tickled)
            idle &= ~(m & -m);
    if (!idle)
        return false;
    if (idle & v->sched.soft)
        idle &= v->sched.soft;
    tickle(idle & bit64(v->sched.cpu) ? v->sched.cpu : lowest_bit(idle));
    return true;
}

/* Nobody idle may take it: the CPU whose vcpu is furthest ahead looks, if that is far enough. Or if
 * it has no end of its slice yet; the others get theirs when one of them is the furthest. */
static void tickle_busy(const struct vcpu *v, ns_t t)
{
    cpumask_t busy = sched_st.online & ~sched_st.idle & v->sched.hard;
    unsigned int best = SCHED_MAX_CPUS;
    uint64_t most = 0;

    for (; busy; busy &= busy - 1) {
        unsigned int cpu = lowest_bit(busy);
        uint64_t vtime = vtime_at(sched_st.cpu[cpu].curr, t);

        if (best == SCHED_MAX_CPUS || vtime_before(most, vtime)) {
            best = cpu;
            most = vtime;
        }
    }
    if (best != SCHED_MAX_CPUS && (sched_st.cpu[best].slice_end == NS_NEVER ||
                                   vtime_before(v->sched.vtime + (uint64_t)sched_st.grain, most)))
        tickle(best);
}

void sched_place(struct vcpu *v, ns_t t)
{
    if (unlikely(v->dom->sched.cap) && !cap_refill(v->dom, t)) {
        cap_park(v, t);
        return;
    }
    if (!sched_st.queued)
        forget_past(t);
    enqueue(v);
    if (!tickle_idle(v))
        tickle_busy(v, t);
}

void sched_unplace(struct vcpu *v)
{
    if (v->sched.queued) {
        dequeue(v);
    } else if (v->sched.parked) {
        list_remove(&v->sched.link);
        v->sched.parked = false;
    }
}

uint32_t sched_state_of(const struct vcpu *v)
{
    uint32_t reasons = v->sched.reasons;

    if (sched_st.cpu[v->sched.cpu].curr == v)
        return RUNSTATE_running;
    if (!reasons)
        return RUNSTATE_runnable;
    return reasons & (SCHED_BLOCKED | SCHED_POLL) ? RUNSTATE_blocked : RUNSTATE_offline;
}

void sched_set_state(struct vcpu *v, uint32_t state, ns_t t)
{
    if (v->sched.runstate == state)
        return;
    /* Clocks of two CPUs may differ by a little: time does not run backwards here. */
    if (t > v->sched.state_since) {
        v->sched.state_time[v->sched.runstate] += (uint64_t)(t - v->sched.state_since);
        v->sched.state_since = t;
    }
    v->sched.runstate = state;
}

/* Does prev go on, or c, the first that waits for this CPU? */
static bool keeps_cpu(struct vcpu *prev, const struct vcpu *c, const struct sched_cpu *s, ns_t t)
{
    if (!c)
        return true;
    if (prev->sched.yielding)
        return false;
    uint64_t grain = t < s->slice_end ? (uint64_t)sched_st.grain : 0;
    return vtime_before(prev->sched.vtime, c->sched.vtime + grain);
}

/* Who yields gives up what he is owed, or he would be back at once. */
static void give_way(struct vcpu *prev, const struct vcpu *next)
{
    if (prev->sched.yielding && vtime_before(prev->sched.vtime, next->sched.vtime))
        prev->sched.vtime = next->sched.vtime;
}

static bool may_go_on(struct vcpu *v, unsigned int cpu, ns_t t) NEEDS(sched_st.lock)
{
    if (v->sched.reasons || !(v->sched.hard & bit64(cpu)))
        return false;
    return likely(!v->dom->sched.cap) || cap_refill(v->dom, t);
}

static void start_slice(struct sched_cpu *s, struct vcpu *v, bool fresh, ns_t t)
{
    if (!sched_st.queued)
        s->slice_end = NS_NEVER;
    else if (fresh || s->slice_end == NS_NEVER || s->slice_end <= t)
        s->slice_end = t + SLICE;
    ns_t end = s->slice_end;
    if (unlikely(v->dom->sched.cap))
        end = (ns_t)min_u64((uint64_t)end, (uint64_t)(t + v->dom->sched.budget));
    /* One that is set too early only makes us look: cheaper than moving it at each switch. */
    if (end != NS_NEVER && (!timer_is_set(&s->slice) || s->slice.deadline > end))
        timer_set(&s->slice, end);
}

static void run(struct vcpu *v, unsigned int cpu, ns_t t)
{
    dequeue(v);
    v->sched.cpu = cpu;
    v->sched.running = true;
    v->sched.charged = t;
    sched_st.cpu[cpu].curr = v;
    sched_set_state(v, RUNSTATE_running, t);
}

/* Who wants this CPU: the first that waits for it, and prev if it may go on. Either may be NULL. */
static void follow_head(unsigned int cpu, const struct vcpu *first, const struct vcpu *prev)
{
    if (first && (!prev || vtime_before(first->sched.vtime, prev->sched.vtime)))
        raise_floor(cpu, first->sched.vtime);
    else if (prev)
        raise_floor(cpu, prev->sched.vtime);
}

/* prev, if any, leaves this CPU; next, if any, comes. */
static void change(struct sched_cpu *s, unsigned int cpu, struct vcpu *prev, struct vcpu *next,
                   ns_t t) NEEDS(sched_st.lock)
{
    s->curr = NULL;
    if (next)
        run(next, cpu, t);
    if (prev)
        sched_set_state(prev, sched_state_of(prev), t);
    if (!next && prev) {
        sched_st.idle |= bit64(cpu);
        s->idle_since = t;
    } else if (next && !prev) {
        sched_st.idle &= ~bit64(cpu);
        s->idle_time += (uint64_t)(t - s->idle_since);
    }
}

/* A CPU was asked to look because of one vcpu and has taken another: whoever still waits may find
 * an idle CPU elsewhere. Rare: seldom do some wait while others idle. */
static void spread(void)
{
    list_for_each (l, &sched_st.queue)
        (void)tickle_idle(of_link(l)); /* fails where no CPU that it may use is idle: fine */
}

struct vcpu *sched_next(unsigned int cpu, ns_t t)
{
    struct sched_cpu *s = &sched_st.cpu[cpu];

    lock_take(&sched_st.lock);
    struct vcpu *prev = s->curr, *next = first_for(cpu);
    bool stays = false;
    s->tickled = false;
    if (prev) {
        sched_charge(prev, t);
        stays = may_go_on(prev, cpu, t);
        follow_head(cpu, next, stays ? prev : NULL);
        if (stays) {
            clamp(prev);
            stays = keeps_cpu(prev, next, s, t);
            if (!stays)
                give_way(prev, next);
        }
        prev->sched.yielding = false;
    } else {
        follow_head(cpu, next, NULL);
    }
    if (stays)
        next = prev;
    else
        change(s, cpu, prev, next, t);
    if (next)
        start_slice(s, next, !stays, t);
    if (unlikely(sched_st.idle && sched_st.queued))
        spread();
    lock_drop(&sched_st.lock);
    return next;
}

void sched_switched(struct vcpu *prev, struct vcpu *next)
{
    if (next && unlikely(next->period_ns))
        vcpu_period_resume(next);
    if (!prev)
        return;
    /* A waker clears `reasons`, then looks at `running`; here it is the other way round, both with
     * a full barrier between: so at least one of us sees that it must be queued. */
    __atomic_store_n(&prev->sched.running, false, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&prev->sched.reasons, __ATOMIC_SEQ_CST))
        return;
    lock_take(&sched_st.lock);
    if (!prev->sched.reasons && !prev->sched.running && !prev->sched.queued && !prev->sched.parked)
        sched_place(prev, prev->sched.charged);
    lock_drop(&sched_st.lock);
}
