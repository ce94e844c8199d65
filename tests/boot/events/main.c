/*
 * Property: event_channel_op with two-level events. Binding of every kind, sending, masking,
 * status, moving between vCPUs, reset; ports are dense from 1; what is refused.
 */
#include "pvk.h"

static long alloc(domid_t dom, domid_t remote, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound op = {.dom = dom, .remote_dom = remote};
    long rc = evtchn(EVTCHNOP_alloc_unbound, &op);
    *port = op.port;
    return rc;
}

static long bind(domid_t dom, evtchn_port_t remote, evtchn_port_t *port)
{
    struct evtchn_bind_interdomain op = {.remote_dom = dom, .remote_port = remote};
    long rc = evtchn(EVTCHNOP_bind_interdomain, &op);
    *port = op.local_port;
    return rc;
}

static long close_port(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};
    return evtchn(EVTCHNOP_close, &op);
}

static long send(evtchn_port_t port)
{
    struct evtchn_send op = {.port = port};
    return evtchn(EVTCHNOP_send, &op);
}

static void status(evtchn_port_t port)
{
    struct evtchn_status op = {.dom = DOMID_SELF, .port = port};
    long rc = evtchn(EVTCHNOP_status, &op);
    if (rc)
        say("status: %s", rc_name(rc));
    else if (op.status == EVTCHNSTAT_unbound)
        say("status: unbound, for %x, vcpu %u", op.u.unbound.dom, op.vcpu);
    else if (op.status == EVTCHNSTAT_interdomain)
        say("status: interdomain, with %x port %s, vcpu %u", op.u.interdomain.dom,
            op.u.interdomain.port ? "set" : "0", op.vcpu);
    else if (op.status == EVTCHNSTAT_virq)
        say("status: virq %u, vcpu %u", op.u.virq, op.vcpu);
    else
        say("status: %u, vcpu %u", op.status, op.vcpu);
}

static void clear(evtchn_port_t port)
{
    __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
                       __ATOMIC_SEQ_CST);
    vcpu_info()->evtchn_upcall_pending = 0;
    vcpu_info()->evtchn_pending_sel = 0;
}

static void interdomain(void)
{
    evtchn_port_t a = 0, b = 0, c = 0;

    say("alloc_unbound for ourselves: %s", rc_name(alloc(DOMID_SELF, DOMID_SELF, &a)));
    status(a);
    say("send to it unbound: %s", rc_name(send(a)));
    say("bind_interdomain: %s", rc_name(bind(DOMID_SELF, a, &b)));
    say("two ports: %d", a != b && a && b);
    status(a);
    status(b);
    say("the peer is pending at once: %d, the new one %d", event_pending(a), event_pending(b));
    clear(a);
    clear(b);
    say("bind it again: %s", rc_name(bind(DOMID_SELF, a, &c)));
    SAY("send: %s, near end %d, far end %d", rc_name(send(a)), event_pending(a), event_pending(b));
    say("the selector has its word: %d, upcall pending: %u", vcpu_info()->evtchn_pending_sel != 0,
        vcpu_info()->evtchn_upcall_pending);
    clear(b);
    say("close one end: %s", rc_name(close_port(b)));
    status(a);
    status(b);
    SAY("send to the closed: %s, to the one left: %s", rc_name(send(b)), rc_name(send(a)));
    say("bind the one left again: %s", rc_name(bind(DOMID_SELF, a, &b)));
    close_port(a);
    close_port(b);
    say("bind to port 0: %s", rc_name(bind(DOMID_SELF, 0, &c)));
    say("bind to a port past the end: %s", rc_name(bind(DOMID_SELF, 0xffffffff, &c)));
    say("bind to nobody: %s", rc_name(bind(1234, 1, &c)));
    say("alloc_unbound for nobody: %s", rc_name(alloc(1234, 0, &c)));
    say("alloc_unbound towards nobody: %s", rc_name(alloc(DOMID_SELF, 1234, &c)));
    close_port(c);
    say("close port 0: %s, past the end: %s, a free one: %s", rc_name(close_port(0)),
        rc_name(close_port(0xffffffff)), rc_name(close_port(3000)));
    say("send on port 0: %s, past the end: %s, a free one: %s", rc_name(send(0)),
        rc_name(send(0xffffffff)), rc_name(send(3000)));
}

static void virqs(void)
{
    static const struct {
        const char *name;
        unsigned int virq, vcpu;
    } cases[] = {
        {"TIMER", VIRQ_TIMER, 0},
        {"DEBUG", VIRQ_DEBUG, 0},
        {"CONSOLE", VIRQ_CONSOLE, 0},
        {"DOM_EXC", VIRQ_DOM_EXC, 0},
        {"TBUF", VIRQ_TBUF, 0},
        {"XENOPROF", VIRQ_XENOPROF, 0},
        {"CON_RING", VIRQ_CON_RING, 0},
        {"PCPU_STATE", VIRQ_PCPU_STATE, 0},
        {"ENOMEM", VIRQ_ENOMEM, 0},
        {"MCA", VIRQ_ARCH_0, 0},
        {"23", 23, 0},
        {"24", 24, 0},
        {"-1", ~0u, 0},
        {"TIMER of no vCPU", VIRQ_TIMER, 500},
        {"CONSOLE on vCPU 1", VIRQ_CONSOLE, 1},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct evtchn_bind_virq op = {.virq = cases[i].virq, .vcpu = cases[i].vcpu};
        long rc = evtchn(EVTCHNOP_bind_virq, &op);
        say("bind_virq %s: %s", cases[i].name, rc_name(rc));
        if (rc)
            continue;
        long again = evtchn(EVTCHNOP_bind_virq, &op);
        say("again: %s", rc_name(again));
        status(op.port);
        say("send on it: %s", rc_name(send(op.port)));
        close_port(op.port);
    }
}

static void ipis(void)
{
    struct evtchn_bind_ipi op = {.vcpu = 0};

    say("bind_ipi: %s", rc_name(evtchn(EVTCHNOP_bind_ipi, &op)));
    status(op.port);
    upcalls = 0;
    event_counts[op.port] = 0;
    event_mask(op.port);
    upcalls_enable();
    SAY("send while the port is masked: %s, upcalls %u, pending %d", rc_name(send(op.port)),
        upcalls, event_pending(op.port));
    event_unmask(op.port);
    say("unmasked: upcalls %u, events %u, pending %d", upcalls, event_counts[op.port],
        event_pending(op.port));
    SAY("send: %s, upcalls %u", rc_name(send(op.port)), upcalls);
    upcalls_disable();
    send(op.port);
    send(op.port);
    say("two sends while upcalls are masked: upcalls %u", upcalls);
    upcalls_enable();
    say("then: upcalls %u, events %u", upcalls, event_counts[op.port]);
    upcalls_disable();
    struct evtchn_unmask unmask = {.port = 0xffffffff};
    say("unmask past the end: %s", rc_name(evtchn(EVTCHNOP_unmask, &unmask)));
    unmask.port = 3000;
    say("unmask a free one: %s", rc_name(evtchn(EVTCHNOP_unmask, &unmask)));
    struct evtchn_bind_vcpu move = {.port = op.port, .vcpu = 0};
    say("bind_vcpu of an IPI: %s", rc_name(evtchn(EVTCHNOP_bind_vcpu, &move)));
    evtchn_port_t a = 0;
    alloc(DOMID_SELF, DOMID_SELF, &a);
    move.port = a;
    move.vcpu = 1;
    say("bind_vcpu of an unbound one to vCPU 1: %s", rc_name(evtchn(EVTCHNOP_bind_vcpu, &move)));
    status(a);
    move.vcpu = 500;
    say("bind_vcpu to no vCPU: %s", rc_name(evtchn(EVTCHNOP_bind_vcpu, &move)));
    move.port = 3000;
    move.vcpu = 0;
    say("bind_vcpu of a free port: %s", rc_name(evtchn(EVTCHNOP_bind_vcpu, &move)));
    close_port(a);
    close_port(op.port);
    op.vcpu = 500;
    say("bind_ipi of no vCPU: %s", rc_name(evtchn(EVTCHNOP_bind_ipi, &op)));
}

static void pirqs(void)
{
    struct evtchn_bind_pirq op = {.pirq = 9};
    note("bind_pirq that is not mapped: %s", rc_name(evtchn(EVTCHNOP_bind_pirq, &op)));
    op.pirq = 0xffffffff;
    say("bind_pirq past the end: %s", rc_name(evtchn(EVTCHNOP_bind_pirq, &op)));
}

static void run(void)
{
    upcalls_disable();
    evtchn_port_t first = 0, second = 0;
    alloc(DOMID_SELF, DOMID_SELF, &first);
    alloc(DOMID_SELF, DOMID_SELF, &second);
    say("the first ports: %u %u", first, second);
    close_port(first);
    evtchn_port_t again = 0;
    alloc(DOMID_SELF, DOMID_SELF, &again);
    say("a closed port is used again: %d", again == first);
    close_port(again);
    close_port(second);
    interdomain();
    virqs();
    ipis();
    pirqs();
    struct evtchn_reset reset = {.dom = 1234};
    say("reset of nobody: %s", rc_name(evtchn(EVTCHNOP_reset, &reset)));
    unsigned int n = 0;
    evtchn_port_t p = 0;
    long rc;
    while (!(rc = alloc(DOMID_SELF, DOMID_SELF, &p)) && n < 5000)
        n++;
    say("ports to be had: %u, then %s, the last %u", n, rc_name(rc), p);
    reset.dom = DOMID_SELF;
    say("reset: %s", rc_name(evtchn(EVTCHNOP_reset, &reset)));
    status(1);
    say("set_priority with two levels: %s", ({
            alloc(DOMID_SELF, DOMID_SELF, &p);
            struct evtchn_set_priority s = {.port = p, .priority = 0};
            rc_name(evtchn(EVTCHNOP_set_priority, &s));
        }));
    say("expand_array with two levels: %s", ({
            struct evtchn_expand_array e = {.array_gfn = va_to_mfn(page_get())};
            rc_name(evtchn(EVTCHNOP_expand_array, &e));
        }));
    say("unknown: %s", rc_name(evtchn(99, &reset)));
    for (int cmd = 0; cmd < 14; cmd++)
        say("operation %d at a bad pointer: %s", cmd, rc_name(evtchn(cmd, (void *)BAD_POINTER)));
    reset.dom = DOMID_SELF;
    evtchn(EVTCHNOP_reset, &reset);
    memset(shared_info->evtchn_pending, 0, sizeof(shared_info->evtchn_pending));
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
}
PROPERTY_FLAGS(events, "events", run, PROPERTY_ALONE);
