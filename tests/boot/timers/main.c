/*
 * Property: timers. set_timer_op, the single-shot timer with its flag for times gone by, and the
 * periodic one raise VIRQ_TIMER, not before their time.
 */
#include "pvk.h"

static long vcpu(int cmd, void *arg)
{
    return HC(__HYPERVISOR_vcpu_op, cmd, 0, arg);
}

static evtchn_port_t port;

static void wait(void)
{
    struct sched_poll p = {.nr_ports = 1, .timeout = time_now() + 2000000000UL};
    set_xen_guest_handle(p.ports, &port);
    HC(__HYPERVISOR_sched_op, SCHEDOP_poll, &p);
}

static bool take(void)
{
    bool was = event_pending(port);
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
                       __ATOMIC_SEQ_CST);
    vcpu_info()->evtchn_upcall_pending = 0;
    vcpu_info()->evtchn_pending_sel = 0;
    return was;
}

static void run(void)
{
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER, .vcpu = 0};

    say("bind VIRQ_TIMER: %s", rc_name(evtchn(EVTCHNOP_bind_virq, &timer)));
    port = timer.port;
    upcalls_disable();
    event_mask(port);
    long rc = vcpu(VCPUOP_stop_periodic_timer, NULL);
    say("stop_periodic_timer: %s", rc_name(rc));
    take();
    uint64_t when = time_now() + 1000000;
    rc = HC(__HYPERVISOR_set_timer_op, when);
    wait();
    say("set_timer: %s, came %d, not early %d", rc_name(rc), take(), time_now() >= when);
    rc = HC(__HYPERVISOR_set_timer_op, time_now() - 1000000);
    wait();
    say("set_timer to a time gone by: %s, came %d", rc_name(rc), take());
    HC(__HYPERVISOR_set_timer_op, time_now() + 300000000);
    rc = HC(__HYPERVISOR_set_timer_op, 0);
    uint64_t until = time_now() + 320000000;
    while (time_now() < until)
        cpu_relax();
    say("set_timer away: %s, came %d", rc_name(rc), take());

    struct vcpu_set_singleshot_timer one = {.timeout_abs_ns = time_now() + 1000000, .flags = 0};
    when = one.timeout_abs_ns;
    rc = vcpu(VCPUOP_set_singleshot_timer, &one);
    wait();
    say("singleshot: %s, came %d, not early %d", rc_name(rc), take(), time_now() >= when);
    one.timeout_abs_ns = time_now() - 1000;
    one.flags = VCPU_SSHOTTMR_future;
    /* The header says -ETIME; Xen 4.17 does not look at the flag. */
    rc = vcpu(VCPUOP_set_singleshot_timer, &one);
    note("singleshot in the past with the flag: %s, came: %d", rc_name(rc), take());
    one.flags = 0;
    rc = vcpu(VCPUOP_set_singleshot_timer, &one);
    wait();
    say("singleshot in the past: %s, came %d", rc_name(rc), take());
    one.timeout_abs_ns = time_now() + 300000000;
    vcpu(VCPUOP_set_singleshot_timer, &one);
    rc = vcpu(VCPUOP_stop_singleshot_timer, NULL);
    until = time_now() + 320000000;
    while (time_now() < until)
        cpu_relax();
    say("stopped: %s, came %d", rc_name(rc), take());
    say("singleshot at a bad pointer: %s",
        rc_name(vcpu(VCPUOP_set_singleshot_timer, (void *)BAD_POINTER)));

    struct vcpu_set_periodic_timer every = {.period_ns = 100};
    say("periodic of 100 ns: %s", rc_name(vcpu(VCPUOP_set_periodic_timer, &every)));
    every.period_ns = 2000000;
    rc = vcpu(VCPUOP_set_periodic_timer, &every);
    uint64_t start = time_now();
    unsigned int came = 0;
    for (unsigned int i = 0; i < 5; i++) {
        wait();
        came += take();
    }
    say("periodic of 2 ms: %s, five came %d, not too soon %d", rc_name(rc), came == 5,
        time_now() - start >= 7000000);
    every.period_ns = ~0UL;
    say("periodic of for ever: %s", rc_name(vcpu(VCPUOP_set_periodic_timer, &every)));
    say("periodic at a bad pointer: %s",
        rc_name(vcpu(VCPUOP_set_periodic_timer, (void *)BAD_POINTER)));
    say("stop: %s", rc_name(vcpu(VCPUOP_stop_periodic_timer, NULL)));
    struct evtchn_close close = {.port = port};
    evtchn(EVTCHNOP_close, &close);
}
PROPERTY(timers, "timers", run);
