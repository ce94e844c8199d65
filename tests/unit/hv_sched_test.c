/*
 * The scheduler and timers on a scripted machine of up to 4 CPUs: shares by weight, caps, pinning,
 * latency, run states; then a random walk over all calls with an audit after each.
 */
#include <string.h>

#include "core/sched/sched_private.h"
#include "core/time/vcpu_timer.h"
#include "fake.h"

#define MAX_V 64
#define STEP  (100 * 1000) /* ns between looks */

static struct domain doms[MAX_V];
static struct vcpu vcpus[MAX_V];
static unsigned int n_cpus, n_vcpus;
static struct vcpu *curr[8];

static unsigned int ticks[MAX_V];

/* What a vcpu's timers do when they are due. */
void evt_raise_virq(struct vcpu *v, uint32_t virq)
{
    CHECK_EQ(virq, VIRQ_TIMER);
    ticks[v - vcpus]++;
    sched_wake(v);
}

void evt_poll_end(struct vcpu *v)
{
    v->evt.poll_port = 0;
}

static void machine(unsigned int cpus)
{
    n_cpus = cpus;
    sched_st.online = sched_st.idle = 0;
    fake_resched = 0;
    memset(sched_st.cpu, 0, sizeof(sched_st.cpu));
    for (unsigned int c = 0; c < cpus; c++) {
        fake_cpu = c;
        timer_cpu_init(c);
        sched_cpu_init(c);
        curr[c] = NULL;
    }
    fake_cpu = 0;
    n_vcpus = 0;
}

static struct vcpu *guest(uint32_t weight, uint32_t cap)
{
    struct domain *d = &doms[n_vcpus];
    struct vcpu *v = &vcpus[n_vcpus];

    memset(d, 0, sizeof(*d));
    memset(v, 0, sizeof(*v));
    d->id = (domid_t)n_vcpus++;
    d->max_vcpus = 1;
    d->vcpu[0] = v;
    v->dom = d;
    sched_domain_init(d);
    CHECK(!sched_set_params(d, weight, cap));
    sched_vcpu_init(v);
    return v;
}

/* What a CPU does on its way out of the hypervisor. */
static void look(unsigned int c)
{
    fake_cpu = c;
    if (fake_armed[c] <= fake_now)
        timer_run();
    while (fake_resched & bit64(c)) {
        fake_resched &= ~bit64(c);
        struct vcpu *next = sched_next(c, fake_now);
        if (next != curr[c]) {
            struct vcpu *prev = curr[c];
            curr[c] = next;
            sched_switched(prev, next);
        }
    }
    fake_cpu = 0;
}

static void settle(void)
{
    do {
        for (unsigned int c = 0; c < n_cpus; c++)
            look(c);
    } while (fake_resched & (bit64(n_cpus) - 1));
    CHECK_EQ(sched_audit(), 0);
}

static void pass(ns_t span)
{
    for (ns_t end = fake_now + span; fake_now < end;) {
        ns_t next = fake_now + STEP;
        for (unsigned int c = 0; c < n_cpus; c++)
            if (fake_armed[c] > fake_now && fake_armed[c] < next)
                next = fake_armed[c];
        fake_now = next;
        settle();
    }
}

static uint64_t ran(struct vcpu *v)
{
    struct vcpu_runstate_info info;

    sched_runstate(v, &info);
    return info.time[RUNSTATE_running];
}

/* Runs everyone for `seconds` and checks each share of `total` CPUs against its promille. */
static void expect_shares(unsigned int n, const unsigned int *promille, int seconds)
{
    uint64_t before[MAX_V];

    pass(NS_PER_SEC / 2);
    for (unsigned int i = 0; i < n; i++)
        before[i] = ran(&vcpus[i]);
    pass(seconds * NS_PER_SEC);
    for (unsigned int i = 0; i < n; i++) {
        double got = (double)(ran(&vcpus[i]) - before[i]) / (double)(seconds * NS_PER_SEC) * 1000;
        double off = got / promille[i];
        if (off < 0.98 || off > 1.02) {
            fprintf(stderr, "vcpu %u of %u: %.1f promille of a CPU, not %u\n", i, n, got,
                    promille[i]);
            abort();
        }
    }
}

static void gone(void)
{
    for (unsigned int i = 0; i < n_vcpus; i++) {
        sched_pause(&vcpus[i]);
        settle();
        sched_vcpu_destroy(&vcpus[i]);
        sched_domain_destroy(&doms[i]);
    }
    settle();
}

static void all_up(void)
{
    for (unsigned int i = 0; i < n_vcpus; i++)
        sched_up(&vcpus[i]);
    settle();
}

static void test_shares(void)
{
    machine(2);
    for (int i = 0; i < 3; i++)
        guest(256, 0);
    all_up();
    expect_shares(3, (unsigned int[]){667, 667, 667}, 5);
    gone();

    machine(1);
    guest(256, 0), guest(512, 0), guest(1024, 0);
    all_up();
    expect_shares(3, (unsigned int[]){143, 286, 571}, 10);
    gone();

    /* On two CPUs the heaviest can not use more than one. */
    machine(2);
    guest(256, 0), guest(512, 0), guest(1024, 0);
    all_up();
    expect_shares(3, (unsigned int[]){333, 667, 1000}, 10);
    /* Its unused claim does not starve the others later. */
    sched_pause(&vcpus[1]);
    CHECK(!sched_set_affinity(&vcpus[0], 1, 1));
    CHECK(!sched_set_affinity(&vcpus[2], 1, 1));
    settle();
    pass(NS_PER_SEC / 10);
    uint64_t light = ran(&vcpus[0]);
    pass(NS_PER_SEC);
    CHECK(ran(&vcpus[0]) - light > 190 * NS_PER_MS);
    gone();

    machine(4);
    unsigned int p[32];
    for (int i = 0; i < 32; i++) {
        guest(256, 0);
        p[i] = 125;
    }
    all_up();
    expect_shares(32, p, 20);
    gone();

    machine(2);
    for (int i = 0; i < 32; i++) {
        guest(256, 0);
        p[i] = 62;
    }
    all_up();
    expect_shares(32, p, 20);
    gone();
}

static void test_caps(void)
{
    machine(2);
    guest(256, 25), guest(256, 0), guest(256, 0);
    all_up();
    expect_shares(3, (unsigned int[]){250, 875, 875}, 10);
    gone();

    machine(1);
    guest(256, 25);
    all_up();
    expect_shares(1, (unsigned int[]){250}, 10);
    /* Raised and lifted while it is parked. */
    CHECK(!sched_set_params(&doms[0], 256, 50));
    expect_shares(1, (unsigned int[]){500}, 10);
    CHECK(!sched_set_params(&doms[0], 256, 0));
    settle();
    expect_shares(1, (unsigned int[]){1000}, 2);
    gone();
}

static void test_pinning(void)
{
    machine(2);
    for (int i = 0; i < 4; i++)
        guest(256, 0);
    for (int i = 0; i < 3; i++)
        CHECK(!sched_set_affinity(&vcpus[i], 1, 1));
    CHECK(!sched_set_params(&doms[0], 512, 0));
    CHECK(!sched_set_affinity(&vcpus[3], 2, 2));
    all_up();
    expect_shares(4, (unsigned int[]){500, 250, 250, 1000}, 10);
    /* A newcomer shares with the one that had a CPU for itself, from the first second on. */
    CHECK(!sched_set_affinity(&vcpus[1], 2, 2));
    settle();
    uint64_t was = ran(&vcpus[3]);
    pass(NS_PER_SEC);
    CHECK(ran(&vcpus[3]) - was > 450 * NS_PER_MS);
    /* Nor is it held against it when it leaves that CPU. */
    CHECK(!sched_set_affinity(&vcpus[3], 1, 1));
    settle();
    was = ran(&vcpus[3]);
    pass(NS_PER_SEC);
    CHECK(ran(&vcpus[3]) - was > 240 * NS_PER_MS);
    /* Two parts with weights of their own. */
    CHECK(!sched_set_affinity(&vcpus[3], 2, 2));
    CHECK(!sched_set_params(&doms[1], 1024, 0));
    expect_shares(4, (unsigned int[]){667, 800, 333, 200}, 10);
    CHECK_EQ(sched_set_affinity(&vcpus[1], 4, 4), -XEN_EINVAL);
    CHECK(!sched_pin_override(&vcpus[0], 1));
    settle();
    CHECK_EQ(sched_pin_override(&vcpus[0], 0), -XEN_EBUSY);
    CHECK(curr[0] == &vcpus[2]);
    CHECK(!sched_pin_override(&vcpus[0], -1));
    CHECK_EQ(sched_pin_override(&vcpus[0], -1), -XEN_EINVAL);
    CHECK_EQ(vcpus[0].sched.hard, 1);
    settle();
    gone();
}

/* One that mostly sleeps runs at once when it wakes, however many hogs there are. */
static void test_latency(void)
{
    machine(2);
    for (int i = 0; i < 8; i++)
        guest(i ? 256 : 128, 0);
    all_up();
    for (int i = 0; i < 200; i++) {
        sched_block(&vcpus[0]);
        settle();
        while (curr[0] == &vcpus[0] || curr[1] == &vcpus[0])
            pass(STEP);
        pass(37 * NS_PER_MS);
        CHECK_EQ(vcpus[0].sched.runstate, RUNSTATE_blocked);
        sched_wake(&vcpus[0]);
        settle();
        CHECK(curr[0] == &vcpus[0] || curr[1] == &vcpus[0]);
        pass(NS_PER_MS / 2);
    }
    gone();
}

/* Sleeping and waking often gains nobody more than his share. */
static void test_no_gain(void)
{
    machine(1);
    guest(256, 0), guest(256, 0);
    all_up();
    pass(NS_PER_SEC);
    uint64_t a = ran(&vcpus[0]), b = ran(&vcpus[1]);
    for (ns_t end = fake_now + 5 * NS_PER_SEC; fake_now < end;) {
        if (curr[0] == &vcpus[0]) {
            sched_block(&vcpus[0]);
            settle();
            sched_wake(&vcpus[0]);
            settle();
        }
        pass(STEP);
    }
    a = ran(&vcpus[0]) - a, b = ran(&vcpus[1]) - b;
    CHECK(a < 51 * (a + b) / 100);
    gone();
}

/* Who yields waits until the other has had a grain, whatever he was owed; but no longer. */
static void test_yield(void)
{
    machine(1);
    guest(256, 0), guest(256, 0);
    sched_up(&vcpus[0]);
    settle();
    pass(NS_PER_SEC);
    sched_up(&vcpus[1]);
    settle();
    CHECK(curr[0] == &vcpus[1]);
    for (int i = 0; i < 100; i++) {
        sched_pass(&vcpus[1]);
        settle();
        CHECK(curr[0] == &vcpus[0]);
        pass(NS_PER_MS * 9 / 10);
        CHECK(curr[0] == &vcpus[0]);
        for (ns_t end = fake_now + 12 * NS_PER_MS; curr[0] == &vcpus[0] && fake_now < end;)
            pass(STEP);
        CHECK(curr[0] == &vcpus[1]);
    }
    gone();
}

static void test_states(void)
{
    struct vcpu_runstate_info info;

    machine(1);
    guest(256, 0), guest(256, 0);
    all_up();
    CHECK(curr[0] == &vcpus[0]);
    CHECK_EQ(vcpus[1].sched.runstate, RUNSTATE_runnable);
    /* Yield hands over, though it is behind. */
    sched_pass(&vcpus[0]);
    settle();
    CHECK(curr[0] == &vcpus[1]);
    sched_pause(&vcpus[1]);
    sched_pause(&vcpus[1]);
    settle();
    CHECK(curr[0] == &vcpus[0]);
    CHECK_EQ(vcpus[1].sched.runstate, RUNSTATE_offline);
    sched_unpause(&vcpus[1]);
    sched_block(&vcpus[0]);
    settle();
    CHECK(!curr[0]);
    /* Nothing to do: nothing armed but what was set already, and that goes away. */
    pass(NS_PER_SEC);
    CHECK_EQ(fake_armed[0], NS_NEVER);
    uint64_t idle = sched_idle_time(0);
    pass(NS_PER_SEC);
    CHECK_EQ(sched_idle_time(0) - idle, NS_PER_SEC);
    sched_unpause(&vcpus[1]);
    settle();
    CHECK(curr[0] == &vcpus[1]);
    /* Alone it needs no ticks. */
    pass(NS_PER_SEC);
    CHECK_EQ(fake_armed[0], NS_NEVER);
    sched_shutdown(&doms[0], true);
    sched_wake(&vcpus[0]);
    settle();
    CHECK(curr[0] == &vcpus[1]);
    sched_shutdown(&doms[0], false);
    settle();
    sched_runstate(&vcpus[0], &info);
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += info.time[i];
    CHECK(sum > 0 && info.time[RUNSTATE_blocked] >= 2000 * (uint64_t)NS_PER_MS);
    gone();
}

static void test_params(void)
{
    struct xen_domctl_scheduler_op op = {.sched_id = XEN_SCHEDULER_CREDIT2,
                                         .cmd = XEN_DOMCTL_SCHEDOP_putinfo};
    struct xen_sysctl_scheduler_op sys = {.sched_id = XEN_SCHEDULER_CREDIT2,
                                          .cmd = XEN_SYSCTL_SCHEDOP_putinfo};

    machine(1);
    guest(256, 0);
    op.u.credit2.weight = 0;
    op.u.credit2.cap = (uint16_t)~0;
    CHECK(!sched_domctl(&doms[0], &op));
    CHECK_EQ(doms[0].sched.weight, 256);
    op.u.credit2.weight = 65535;
    op.u.credit2.cap = 40;
    CHECK(!sched_domctl(&doms[0], &op));
    op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    op.u.credit2.weight = 0;
    CHECK(!sched_domctl(&doms[0], &op));
    CHECK_EQ(op.u.credit2.weight, 65535);
    CHECK_EQ(op.u.credit2.cap, 40);
    op.sched_id = XEN_SCHEDULER_CREDIT;
    CHECK_EQ(sched_domctl(&doms[0], &op), -XEN_EINVAL);
    CHECK_EQ(sched_set_params(&doms[0], 0, 0), -XEN_EINVAL);
    sys.u.sched_credit2.ratelimit_us = 99;
    CHECK_EQ(sched_sysctl(&sys), -XEN_EINVAL);
    sys.u.sched_credit2.ratelimit_us = 1000;
    CHECK(!sched_sysctl(&sys));
    gone();
}

/* Ticks come while a vcpu runs, and none while it waits. */
static void test_period(void)
{
    machine(1);
    guest(256, 0);
    vcpu_timers_init(&vcpus[0]);
    all_up();
    ticks[0] = 0;
    pass(NS_PER_SEC);
    CHECK(ticks[0] >= 99 && ticks[0] <= 101);
    sched_block(&vcpus[0]);
    settle();
    pass(NS_PER_SEC);
    CHECK(ticks[0] <= 101);
    CHECK_EQ(fake_armed[0], NS_NEVER);
    unsigned int before = ticks[0];
    sched_wake(&vcpus[0]);
    settle();
    CHECK_EQ(ticks[0], before + 1);
    vcpu_period_set(&vcpus[0], 0);
    pass(NS_PER_SEC);
    CHECK_EQ(ticks[0], before + 1);
    timer_set(&vcpus[0].single, fake_now - 1);
    settle();
    CHECK_EQ(ticks[0], before + 2);
    /* The time-out of a poll. */
    sched_poll_wait(&vcpus[0]);
    timer_set(&vcpus[0].poll, fake_now + NS_PER_MS);
    settle();
    CHECK_EQ(vcpus[0].sched.runstate, RUNSTATE_blocked);
    pass(2 * NS_PER_MS);
    CHECK_EQ(vcpus[0].sched.runstate, RUNSTATE_running);
    vcpu_timers_stop(&vcpus[0]);
    gone();
}

static unsigned int fired;
static struct timer timers[40];
static ns_t due[40];

static void on_timer(void *arg)
{
    struct timer *t = arg;
    ns_t *d = &due[t - timers];

    CHECK(*d <= fake_now && !timer_is_set(t));
    *d = NS_NEVER;
    fired++;
    if (fake_below(4) == 0) {
        *d = fake_now + 1 + fake_below(100);
        timer_set(t, *d);
    }
}

/* Timers over two CPUs against a plain list. */
static void test_timers(void)
{
    machine(2);
    for (int i = 0; i < 40; i++) {
        timer_init(&timers[i], on_timer, &timers[i]);
        due[i] = NS_NEVER;
    }
    for (int step = 0; step < 200000; step++) {
        unsigned int i = fake_below(40);

        fake_cpu = fake_below(2);
        switch (fake_below(4)) {
        case 0:
        case 1:
            due[i] = fake_now + (ns_t)fake_below(1000) - 10;
            timer_set(&timers[i], due[i]);
            break;
        case 2:
            timer_stop(&timers[i]);
            due[i] = NS_NEVER;
            break;
        default:
            fake_now += fake_below(50);
            for (fake_cpu = 0; fake_cpu < 2; fake_cpu++)
                if (fake_armed[fake_cpu] <= fake_now)
                    timer_run();
            for (int k = 0; k < 40; k++)
                CHECK(due[k] > fake_now);
        }
        for (int k = 0; k < 40; k++)
            CHECK(timer_is_set(&timers[k]) == (due[k] != NS_NEVER));
    }
    fake_cpu = 0;
    for (int i = 0; i < 40; i++)
        timer_stop(&timers[i]);
    CHECK(fired > 1000);
}

/* Everything in any order; nothing that can run is forgotten. */
static void test_walk(uint64_t seed)
{
    fake_seed = seed;
    machine(3);
    for (int i = 0; i < 10; i++)
        guest(1 + fake_below(1000), fake_below(3) ? 0 : 1 + fake_below(120));
    all_up();
    for (int step = 0; step < 20000; step++) {
        struct vcpu *v = &vcpus[fake_below(10)];
        unsigned int c = fake_below(n_cpus);

        fake_cpu = fake_below(n_cpus);
        switch (fake_below(12)) {
        case 0:
            if (curr[c])
                sched_block(curr[c]);
            break;
        case 1:
            if (curr[c])
                sched_pass(curr[c]);
            break;
        case 2:
            if (curr[c])
                sched_poll_wait(curr[c]);
            break;
        case 3:
        case 4:
        case 5:
            sched_wake(v);
            break;
        case 6:
            sched_pause(v);
            break;
        case 7:
        case 8:
            sched_unpause(v);
            break;
        case 9:
            CHECK(!sched_set_affinity(v, 1 + fake_below(7), fake_below(8)));
            break;
        case 10:
            CHECK(!sched_set_params(v->dom, 1 + fake_below(65535), fake_below(3) * 30));
            break;
        default:
            fake_now += fake_below(8000000);
            break;
        }
        fake_cpu = 0;
        if (fake_below(2))
            settle();
        else
            CHECK_EQ(sched_audit(), 0);
    }
    for (unsigned int i = 0; i < n_vcpus; i++) {
        while (vcpus[i].sched.pauses)
            sched_unpause(&vcpus[i]);
        sched_wake(&vcpus[i]);
        CHECK(!sched_set_affinity(&vcpus[i], 7, 7));
        CHECK(!sched_set_params(&doms[i], 256, 0));
    }
    unsigned int p[10] = {300, 300, 300, 300, 300, 300, 300, 300, 300, 300};
    settle();
    expect_shares(10, p, 10);
    gone();
}

int main(void)
{
    fake_now = NS_PER_SEC;
    test_timers();
    test_states();
    test_params();
    test_period();
    test_shares();
    test_caps();
    test_pinning();
    test_latency();
    test_no_gain();
    test_yield();
    for (uint64_t seed = 1; seed < 6; seed++)
        test_walk(seed);
    return 0;
}
