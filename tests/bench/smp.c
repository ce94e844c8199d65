/*
 * What takes two vCPUs: waking another and being woken. With one processor both share it, so a
 * round trip is two wake-ups and two switches; with two processors (smp=2 on the command line) they
 * have one each, and remote events and TLB shoot-down are measured too.
 */
#include "bench.h"

static unsigned int ports[2];
static volatile unsigned int turns, stop;
static volatile uint64_t remote_tsc;

static void wake(unsigned int port)
{
    struct evtchn_send s = {.port = port};
    raw_hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, U(&s), 0, 0);
}

static void sleep_until_event(unsigned int port)
{
    while (!event_pending(port)) {
        upcalls_disable();
        vcpu_info()->evtchn_upcall_pending = 0;
        vcpu_info()->evtchn_pending_sel = 0;
        struct sched_poll poll = {.nr_ports = 1};
        evtchn_port_t p = port;
        set_xen_guest_handle(poll.ports, &p);
        raw_hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, U(&poll), 0, 0);
    }
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
                       __ATOMIC_SEQ_CST);
}

static void partner(void *unused)
{
    (void)unused;
    for (;;) {
        sleep_until_event(ports[1]);
        remote_tsc = rdtsc();
        if (stop)
            return;
        turns++;
        wake(ports[0]);
    }
}

static void ping_pong(unsigned int n)
{
    while (n--) {
        wake(ports[1]);
        sleep_until_event(ports[0]);
    }
}

static volatile bool spinning;

static void spinner(void *unused)
{
    (void)unused;
    upcalls_disable();
    while (spinning)
        cpu_relax();
}

static void flush_all(unsigned int n)
{
    static struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_ALL};
    while (n--)
        raw_hypercall(__HYPERVISOR_mmuext_op, U(&op), 1, 0, DOMID_SELF);
}

static void invlpg_all(unsigned int n)
{
    static struct mmuext_op op = {.cmd = MMUEXT_INVLPG_ALL};
    op.arg1.linear_addr = U(&op);
    while (n--)
        raw_hypercall(__HYPERVISOR_mmuext_op, U(&op), 1, 0, DOMID_SELF);
}

static volatile uint64_t upcall_tsc;

static void remote_upcall(unsigned int port)
{
    (void)port;
    upcall_tsc = rdtsc();
}

static void listener(void *unused)
{
    (void)unused;
    upcalls_enable();
    while (spinning)
        cpu_relax();
    upcalls_disable();
}

/* From the send to the first line of the other vCPU's handler, while that runs in the guest. */
static void remote_event(void)
{
    struct evtchn_bind_ipi ipi = {.vcpu = 1};
    uint64_t best = ~0UL;

    must(evtchn(EVTCHNOP_bind_ipi, &ipi));
    event_handle(ipi.port, remote_upcall);
    event_unmask(ipi.port);
    spinning = true;
    vcpu_give(1, listener, NULL);
    for (unsigned int i = 0; i < 30; i++) {
        upcall_tsc = 0;
        uint64_t start = rdtsc();
        wake(ipi.port);
        while (!upcall_tsc)
            cpu_relax();
        if (upcall_tsc - start < best)
            best = upcall_tsc - start;
    }
    spinning = false;
    vcpu_wait(1);
    bench_print("remote_event", best, 1);
}

static void run(void)
{
    must(vcpu_start(1));
    for (unsigned int i = 0; i < 2; i++) {
        struct evtchn_bind_ipi ipi = {.vcpu = i};
        must(evtchn(EVTCHNOP_bind_ipi, &ipi));
        ports[i] = ipi.port;
        event_mask(ipi.port);
    }
    vcpu_give(1, partner, NULL);
    bench(option_number("smp", 1) > 1 ? "wake_across_processors" : "wake_switch_round_trip",
          ping_pong, 30);
    stop = 1;
    wake(ports[1]);
    vcpu_wait(1);
    if (option_number("smp", 1) < 2)
        return;
    remote_event();
    spinning = true;
    vcpu_give(1, spinner, NULL);
    bench("tlb_flush_all", flush_all, 20);
    bench("invlpg_all", invlpg_all, 20);
    spinning = false;
    vcpu_wait(1);
}
PROPERTY(bench_smp, "bench-smp", run);
