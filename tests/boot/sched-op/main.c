/*
 * Property: sched_op. Yield; block, which unmasks upcalls; poll for ports and for a time; what is
 * refused. (Shutdown has properties of its own.)
 */
#include "pvk.h"

static long sched(int cmd, void *arg)
{
    return HC(__HYPERVISOR_sched_op, cmd, arg);
}

static void set_timer(uint64_t ns)
{
    HC(__HYPERVISOR_set_timer_op, time_now() + ns);
}

static long poll(evtchn_port_t *ports, unsigned int n, uint64_t timeout)
{
    struct sched_poll p = {.nr_ports = n, .timeout = timeout};
    set_xen_guest_handle(p.ports, ports);
    return sched(SCHEDOP_poll, &p);
}

/* What a poll answers in which nothing comes, of one to 512 ms. By the guest's clock it may end
 * early: Xen lets timers go 50 us early, to end several at once, and on a busy host the clocks of
 * its processors were seen many milliseconds apart. So one of them must last three quarters of its
 * time. */
static const char *poll_until(evtchn_port_t *ports, unsigned int n)
{
    for (uint64_t wait = 1000000; wait <= 512000000; wait *= 2) {
        uint64_t until = time_now() + wait;
        long rc = poll(ports, n, until);

        if (rc)
            return rc_name(rc);
        if (time_now() + wait / 4 >= until)
            return "0, it is past";
    }
    return "0, it is not past";
}

static void run(void)
{
    struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER, .vcpu = 0};
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    evtchn_port_t ports[2];

    say("yield: %s, with an argument: %s", rc_name(sched(SCHEDOP_yield, NULL)),
        rc_name(sched(SCHEDOP_yield, (void *)BAD_POINTER)));
    say("unknown: %s", rc_name(sched(99, NULL)));
    evtchn(EVTCHNOP_bind_virq, &timer);
    evtchn(EVTCHNOP_bind_ipi, &ipi);
    HC(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0);
    event_unmask(timer.port);

    upcalls = 0;
    upcalls_disable();
    set_timer(1000000);
    SAY("block: %s, an upcall %d, mask then %u", rc_name(sched(SCHEDOP_block, NULL)), upcalls > 0,
        vcpu_info()->evtchn_upcall_mask);
    upcalls_disable();
    vcpu_info()->evtchn_upcall_pending = 1;
    upcalls = 0;
    SAY("block with one pending: %s, an upcall %d", rc_name(sched(SCHEDOP_block, NULL)),
        upcalls > 0);
    upcalls_disable();
    event_mask(timer.port);

    ports[0] = ipi.port;
    ports[1] = timer.port;
    set_timer(1000000);
    long rc = poll(ports, 2, 0);
    say("poll for the timer's port: %s, timer pending %d, other %d", rc_name(rc),
        event_pending(timer.port), event_pending(ipi.port));
    rc = poll(ports, 2, 0);
    say("poll with it pending: %s", rc_name(rc));
    shared_info->evtchn_pending[timer.port / 64] = 0;
    say("poll until a time: %s", poll_until(ports, 1));
    rc = poll(ports, 1, time_now() - 1);
    say("poll until a time gone by: %s", rc_name(rc));
    say("poll for no port until a time: %s", poll_until(ports, 0));
    ports[0] = 0xffffff;
    say("poll for a port past the end: %s", rc_name(poll(ports, 1, time_now() + 1000000)));
    ports[0] = 4000;
    say("poll for a port that is free: %s", rc_name(poll(ports, 1, time_now() + 1000000)));
    say("poll for 129 ports: %s", rc_name(poll(ports, 129, time_now() + 1000000)));
    say("poll with bad ports: %s", rc_name(poll((void *)BAD_POINTER, 1, time_now() + 1000000)));
    say("poll at a bad pointer: %s", rc_name(sched(SCHEDOP_poll, (void *)BAD_POINTER)));
    say("shutdown at a bad pointer: %s", rc_name(sched(SCHEDOP_shutdown, (void *)BAD_POINTER)));
    say("shutdown_code at a bad pointer: %s",
        rc_name(sched(SCHEDOP_shutdown_code, (void *)BAD_POINTER)));
    struct sched_remote_shutdown remote = {.domain_id = 1234, .reason = 1};
    say("remote_shutdown of nobody: %s", rc_name(sched(SCHEDOP_remote_shutdown, &remote)));
    struct sched_watchdog dog = {.id = 0, .timeout = 60};
    rc = sched(SCHEDOP_watchdog, &dog);
    say("a watchdog of 60 s is number 1: %d", rc == 1);
    dog.id = 7;
    say("a watchdog that is not there: %s", rc_name(sched(SCHEDOP_watchdog, &dog)));
    dog.id = (uint32_t)rc;
    dog.timeout = 0;
    say("taken away: %s", rc_name(sched(SCHEDOP_watchdog, &dog)));
    struct sched_pin_override pin = {.pcpu = 0};
    say("pin_override to 0: %s", rc_name(sched(SCHEDOP_pin_override, &pin)));
    pin.pcpu = -1;
    say("pin_override away: %s", rc_name(sched(SCHEDOP_pin_override, &pin)));
    pin.pcpu = 4000;
    say("pin_override to no processor: %s", rc_name(sched(SCHEDOP_pin_override, &pin)));
    HC(__HYPERVISOR_set_timer_op, 0);
    struct evtchn_close close = {.port = timer.port};
    evtchn(EVTCHNOP_close, &close);
    close.port = ipi.port;
    evtchn(EVTCHNOP_close, &close);
}
PROPERTY(sched_op, "sched-op", run);
