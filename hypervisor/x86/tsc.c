/* System time: the TSC scaled on each CPU by (base, shift, mul), the same three numbers that guests
 * get. About once a second each CPU compares itself with the platform timer and bends its scale so
 * that both meet a second later; time never steps back. Where the TSC is invariant and the CPUs'
 * agree, one scale serves all for good, and guests are told so (XEN_PVCLOCK_TSC_STABLE_BIT).
 *
 * A CPU's scale is written by itself alone, with interrupts off. */
#include "base/string.h"
#include "core/dom/domain.h"
#include "core/time/timer.h"
#include "port/clock.h"
#include "port/kick.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/muldiv.h"
#include "x86/percpu.h"
#include "x86/ptimer.h"
#include "x86/time.h"

#define MEASURE_NS    (5 * NS_PER_MS)
#define COMPARE_EVERY NS_PER_SEC
#define IDLE_EVERY    (2 * NS_PER_SEC)  /* well before a 24-bit PM timer wraps */
#define STEP_NS       (10 * NS_PER_MS)  /* behind by more: step */
#define SLOW_MOST     (100 * NS_PER_MS) /* ahead: lose at most this much a second */
#define APART_NS      (20 * 1000)       /* TSCs of two CPUs count as one up to here */
#define SAMPLES       5

uint64_t tsc_hz;
static enum ptimer_kind wanted;
static bool want_tsc, stable;

struct sample {
    uint64_t tsc, counter, window; /* window: TSC ticks that reading the counter took */
};

struct keeper {
    struct timer timer;
    uint64_t tsc;
    ns_t platform;
    uint64_t best_window;
};
static struct keeper keepers[MAX_CPUS];

int time_option(const char *name)
{
    static const char *const names[] = {"hpet", "acpi", "pit", "tsc"};

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
        if (!text_is(name, strlen(name), names[i]))
            continue;
        want_tsc = i == 3;
        wanted = want_tsc ? PTIMER_NONE : (enum ptimer_kind)(i + 1);
        return 0;
    }
    return -XEN_EINVAL;
}

/* System time of this CPU at a TSC value not before its base. */
static inline ns_t time_at(const struct percpu *pc, uint64_t tsc)
{
    uint64_t ticks = tsc - pc->tsc_base;

    if (likely(pc->tsc_shift <= 0))
        ticks >>= -pc->tsc_shift;
    else
        ticks <<= pc->tsc_shift;
    return pc->ns_base + (ns_t)mul_frac(ticks, pc->tsc_mul);
}

ns_t now(void)
{
    return time_at(this_percpu(), rdtsc());
}

/* From now on `hz` ticks are a second, and at tsc it is ns. */
static void set_scale(struct percpu *pc, uint64_t tsc, ns_t ns, uint64_t hz)
{
    int32_t shift = 0;

    for (; hz > 2000000000u; hz >>= 1)
        shift--;
    for (; hz <= 1000000000u; hz <<= 1)
        shift++;
    pc->tsc_base = tsc;
    pc->ns_base = ns;
    pc->tsc_shift = shift;
    pc->tsc_mul = (uint32_t)((1000000000ull << 32) / hz);
    pc->time_stamp = (pc->time_stamp ? pc->time_stamp : pc->cpu) + MAX_CPUS;
}

/* Both clocks at one moment: of some tries, the one that was disturbed least. */
static struct sample take_sample(void)
{
    struct sample best = {0, 0, UINT64_MAX};

    for (unsigned int i = 0; i < SAMPLES; i++) {
        uint64_t before = rdtsc(), counter = ptimer_read(), after = rdtsc();

        if (after - before < best.window)
            best = (struct sample){before + (after - before) / 2, counter, after - before};
    }
    return best;
}

/* TSC and LAPIC timer against the platform timer, both over the same few milliseconds. */
static void measure(void)
{
    uint64_t span = ptimer_hz * (uint64_t)MEASURE_NS / (uint64_t)NS_PER_SEC, passed;
    struct sample to;
    uint32_t apic_ticks;

    apic_timer_start_measure();
    struct sample from = take_sample();
    do
        to = take_sample();
    while ((passed = (to.counter - from.counter) & ptimer_mask) < span);
    apic_ticks = apic_timer_elapsed();
    tsc_hz = muldiv(to.tsc - from.tsc, ptimer_hz, passed);
    apic_timer_set_hz(muldiv(apic_ticks, tsc_hz, rdtsc() - from.tsc));
    log_info("time: TSC %lu.%03lu MHz%s, APIC timer %lu.%03lu MHz\n", tsc_hz / 1000000,
             tsc_hz / 1000 % 1000, cpu_has_invariant_tsc ? " (invariant)" : "",
             apic_timer_hz / 1000000, apic_timer_hz / 1000 % 1000);
}

void time_init(void)
{
    struct percpu *pc = this_percpu();

    ptimer_init(&machine_info, wanted);
    measure();
    struct sample s = take_sample();
    set_scale(pc, s.tsc, ptimer_ns(s.counter), tsc_hz);
    stable = cpu_has_invariant_tsc || want_tsc || ptimer_kind == PTIMER_PIT;
}

void time_cpu_init(void)
{
    struct percpu *pc = this_percpu();
    const struct percpu *boot = cpu_percpu(0);

    if (pc->cpu == 0)
        return;
    apic_timer_set_hz(apic_timer_hz);
    if (ptimer_kind == PTIMER_PIT) {
        set_scale(pc, boot->tsc_base, boot->ns_base, tsc_hz);
        return;
    }
    struct sample s = take_sample();
    ns_t platform = ptimer_ns(s.counter);
    ns_t by_boot = time_at(boot, s.tsc);
    if (stable && (by_boot - platform > APART_NS || platform - by_boot > APART_NS)) {
        log_warn("time: cpu%u's TSC is %ld ns off: each CPU is held to the %s\n", pc->cpu,
                 (long)(by_boot - platform), ptimer_name());
        stable = false;
    }
    if (stable)
        set_scale(pc, boot->tsc_base, boot->ns_base, tsc_hz);
    else
        set_scale(pc, s.tsc, platform, tsc_hz);
}

/* The scale that makes this CPU, now `error` ns behind the platform timer (negative: ahead), meet
 * it after one COMPARE_EVERY, given the rate measured since the last comparison. */
static void bend(struct percpu *pc, ns_t error, uint64_t hz)
{
    uint64_t tsc = rdtsc();
    ns_t local = time_at(pc, tsc); /* from here on, so that time does not step back */

    if (error > STEP_NS) {
        local += error;
        error = 0;
    } else if (error < -SLOW_MOST) {
        error = -SLOW_MOST;
    }
    set_scale(pc, tsc, local, muldiv(hz, (uint64_t)NS_PER_SEC, (uint64_t)(NS_PER_SEC + error)));
}

static void compare(void *arg)
{
    struct keeper *k = arg;
    struct percpu *pc = this_percpu();
    struct sample s = take_sample();
    ns_t platform = ptimer_ns(s.counter), local = time_at(pc, s.tsc);
    ns_t passed = platform - k->platform;

    if (s.window < k->best_window)
        k->best_window = s.window;
    /* A sample that something came between says little: leave it out. */
    if (!stable && s.window <= 4 * k->best_window && passed > NS_PER_SEC / 4) {
        uint64_t hz = muldiv(s.tsc - k->tsc, (uint64_t)NS_PER_SEC, (uint64_t)passed);

        /* Half or double of what was measured at boot is a TSC that stopped: do not follow. */
        if (hz > tsc_hz / 2 && hz < tsc_hz * 2) {
            bend(pc, platform - local, hz);
            if (pc->current)
                time_publish(pc->current);
        }
    }
    if (s.window <= 4 * k->best_window) {
        k->tsc = s.tsc;
        k->platform = platform;
    }
    timer_set(&k->timer, now() + (pc->current ? COMPARE_EVERY : IDLE_EVERY));
}

void time_keep_true(void)
{
    struct keeper *k = &keepers[this_percpu()->cpu];

    if (ptimer_kind == PTIMER_PIT || (stable && this_percpu()->cpu != 0))
        return;
    struct sample s = take_sample();
    *k = (struct keeper){.tsc = s.tsc, .platform = ptimer_ns(s.counter), .best_window = s.window};
    timer_init(&k->timer, compare, k);
    timer_set(&k->timer, now() + COMPARE_EVERY);
}

static void fill(const struct percpu *pc, struct vcpu_time_info *t)
{
    t->tsc_timestamp = pc->tsc_base;
    t->system_time = (uint64_t)pc->ns_base;
    t->tsc_to_system_mul = pc->tsc_mul;
    t->tsc_shift = (int8_t)pc->tsc_shift;
    t->flags = stable ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}

void time_publish_slow(struct vcpu *v)
{
    const struct percpu *pc = this_percpu();
    struct vcpu_time_info *t = &v->info->time;
    uint32_t version = (t->version & ~1u) + 1;

    /* Odd: being written. Readers look at it before and after. */
    __atomic_store_n(&t->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    fill(pc, t);
    __atomic_store_n(&t->version, version + 1, __ATOMIC_RELEASE);
    v->arch.time_stamp = pc->time_stamp;
}

void x86_vcpu_time(struct vcpu *v, struct vcpu_time_info *out)
{
    (void)v;
    *out = (struct vcpu_time_info){.version = 2};
    fill(this_percpu(), out);
}
