/*
 * The clocks, and the timers' one connection to the hypervisor.
 *
 * The hypervisor's timer is set when a timer is earlier than what it is set to; not when a timer
 * goes away or moves back, as time-outs mostly do: then it fires once for nothing.
 */
#include "evt/evt.h"
#include "thread/turn.h"
#include "thread/vcpu.h"
#include "time/clock.h"

static uint64_t offset; /* gk_time_mono() = system time + offset */
static uint64_t latest; /* what was returned last; guards against a step back */
static struct gk_timer *timers;

static uint64_t time_of(struct vcpu_info *info)
{
    const volatile struct vcpu_time_info *t = &info->time;
    struct clock_scale s;
    uint64_t tsc;
    uint32_t version;

    do {
        version = t->version;
        kit_rmb();
        s = (struct clock_scale){t->tsc_timestamp, t->system_time, t->tsc_to_system_mul,
                                 t->tsc_shift};
        tsc = __builtin_ia32_rdtsc();
        kit_rmb();
    } while (version & 1 || version != t->version);
    return clock_scaled(&s, tsc);
}

static uint64_t system_time(void)
{
    return time_of(kit_cpu()->info);
}

/* Several vCPUs may be here at once. */
static uint64_t mono_shared(void)
{
    uint64_t now = system_time() + offset;
    uint64_t before = __atomic_load_n(&latest, __ATOMIC_RELAXED);

    while (now > before)
        if (__atomic_compare_exchange_n(&latest, &before, now, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return now;
    return before;
}

uint64_t gk_time_mono(void)
{
    if (__builtin_expect(kit_smp, 0))
        return mono_shared();
    uint64_t now = time_of(kit_cpu0.info) + offset;
    if (now > latest)
        latest = now;
    return latest;
}

uint64_t gk_time_wall(void)
{
    uint64_t seconds, ns;
    uint32_t version;

    do {
        version = kit_shared->wc_version;
        kit_rmb();
        seconds = (uint64_t)kit_shared->wc_sec_hi << 32 | kit_shared->wc_sec;
        ns = kit_shared->wc_nsec;
        kit_rmb();
    } while (version & 1 || version != kit_shared->wc_version);
    return seconds * GK_S + ns + system_time();
}

uint64_t kit_timers_first(void)
{
    return timers ? timers->deadline : UINT64_MAX;
}

void kit_timers_arm(void)
{
    struct kit_cpu *cpu = kit_cpu();

    if (!timers || timers->deadline >= cpu->armed ||
        (kit_smp && timers->deadline >= kit_vcpu_armed()))
        return;
    cpu->armed = timers->deadline;
    HC1(__HYPERVISOR_set_timer_op, cpu->armed - offset);
}

void kit_nap(uint64_t ns)
{
    uint64_t end = gk_time_mono() + ns;

    if (end < kit_cpu0.armed)
        HC1(__HYPERVISOR_set_timer_op, end - offset);
    kit_evt_sleep();
    /* Whatever it is set to now, the next sleep moves it: else it would wake us for nothing. */
    kit_cpu0.armed = UINT64_MAX;
}

static void timers_run(uint32_t port, void *cpu)
{
    uint64_t now = gk_time_mono();

    (void)port;
    ((struct kit_cpu *)cpu)->armed = UINT64_MAX;
    while (timers && timers->deadline <= now) {
        struct gk_timer *t = timers;
        timers = timers_remove(timers, t);
        t->set = false;
        t->call(t->argument);
    }
    kit_timers_arm();
}

void kit_timer_set(struct gk_timer *timer, uint64_t deadline, void (*call)(void *), void *argument)
{
    kit_timer_stop(timer);
    timer->deadline = deadline;
    timer->call = call;
    timer->argument = argument;
    timer->set = true;
    timers = timers_add(timers, timer);
    kit_timers_arm();
}

bool kit_timer_stop(struct gk_timer *timer)
{
    if (!timer->set)
        return false;
    timer->set = false;
    timers = timers_remove(timers, timer);
    return true;
}

void gk_timer_set(struct gk_timer *timer, uint64_t deadline, void (*call)(void *), void *argument)
{
    KIT_TURN;
    kit_timer_set(timer, deadline, call, argument);
}

bool gk_timer_stop(struct gk_timer *timer)
{
    KIT_TURN;
    return kit_timer_stop(timer);
}

int kit_clock_bind(struct kit_cpu *cpu)
{
    int port = kit_evt_virq(VIRQ_TIMER, cpu->id, timers_run, cpu);

    cpu->timer = port > 0 ? (uint32_t)port : 0;
    return port;
}

static void timer_bind(void)
{
    if (kit_clock_bind(&kit_cpu0) < 0)
        gk_panic("no timer");
}

void kit_clock_init(void)
{
    offset = -system_time();
    timer_bind();
}

void kit_clock_suspend(void)
{
    gk_time_mono();
}

void kit_clock_resume(void)
{
    offset = latest - system_time();
    kit_cpu0.armed = UINT64_MAX;
    timer_bind();
    kit_timers_arm();
}
