/*
 * Event channels: what each call answers and changes, delivery in the 2-level form, polls, failing
 * allocations, and a random walk of three domains against a model, with an audit after each step.
 */
#include <string.h>

#include "core/evt/evt_private.h"
#include "core/frame/frame.h"
#include "fake.h"
#include "port/pirq.h"

#define N_DOMS 3

static struct domain doms[N_DOMS];
static struct vcpu vcpus[N_DOMS][2];
static struct shared_info shared[N_DOMS];
struct domain *dom0 = &doms[0];
struct domain *dom_list = &doms[0];
static bool gone[N_DOMS];
static unsigned int wakes, pirqs_bound;
static int pirq_fails;

struct domain *dom_get(domid_t id)
{
    if (id >= N_DOMS || gone[id])
        return NULL;
    doms[id].refs++;
    return &doms[id];
}

void dom_put(struct domain *d)
{
    CHECK(d->refs > 0);
    d->refs--;
}

void sched_wake(struct vcpu *v)
{
    v->sched.reasons &= ~(uint32_t)(SCHED_BLOCKED | SCHED_POLL);
    wakes++;
}

int pirq_bind(struct domain *d, uint32_t pirq, uint32_t port)
{
    (void)d, (void)pirq, (void)port;
    if (pirq_fails)
        return pirq_fails;
    pirqs_bound++;
    return 0;
}

bool pirq_is_mapped(const struct domain *d, uint32_t pirq)
{
    (void)d;
    return pirq < 100;
}

void pirq_unbind(struct domain *d, uint32_t pirq)
{
    (void)d, (void)pirq;
    pirqs_bound--;
}

void pirq_affinity(struct domain *d, uint32_t pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
}

/* No FIFO here: hv_evt_fifo_test.c. */
int page_get_use(mfn_t m, struct domain *d, enum page_type type)
{
    (void)m, (void)d, (void)type;
    return -XEN_EINVAL;
}

void page_put_use(mfn_t m)
{
    (void)m;
}

static void audit(void)
{
    for (int i = 0; i < N_DOMS; i++)
        if (!gone[i])
            CHECK_EQ(evt_audit(&doms[i]), 0);
}

uint64_t frame_max;
uint64_t *frame_words;

static void start(void)
{
    memset(doms, 0, sizeof(doms));
    memset(vcpus, 0, sizeof(vcpus));
    memset(shared, 0, sizeof(shared));
    memset(gone, 0, sizeof(gone));
    fake_ram_init(2000);
    for (unsigned int i = 0; i < N_DOMS; i++) {
        doms[i].id = (domid_t)i;
        doms[i].is_dom0 = i == 0;
        doms[i].shared = &shared[i];
        doms[i].max_vcpus = 2;
        evt_domain_init(&doms[i], 1023);
        for (unsigned int k = 0; k < 2; k++) {
            struct vcpu *v = &vcpus[i][k];
            v->dom = &doms[i];
            v->id = k;
            v->info = &shared[i].vcpu_info[k];
            v->sched.cpu = i * 2 + k;
            evt_vcpu_init(v);
            doms[i].vcpu[k] = v;
        }
    }
    pirqs_bound = wakes = fake_kicks = 0;
    fake_current = NULL;
}

static void end(struct domain *d)
{
    while (!evt_destroy_step(d))
        ;
    gone[d->id] = true;
}

static void finish(void)
{
    for (int i = 0; i < N_DOMS; i++)
        if (!gone[i])
            end(&doms[i]);
    CHECK_EQ(fake_pages_out, 0);
    CHECK_EQ(pirqs_bound, 0);
    for (int i = 0; i < N_DOMS; i++)
        CHECK_EQ(doms[i].refs, 0);
}

static bool pending(int d, uint32_t port)
{
    return shared[d].evtchn_pending[port / 64] >> (port % 64) & 1;
}

static void guest_takes(int d, int vcpu, uint32_t port)
{
    shared[d].evtchn_pending[port / 64] &= ~(1UL << (port % 64));
    shared[d].vcpu_info[vcpu].evtchn_pending_sel = 0;
    shared[d].vcpu_info[vcpu].evtchn_upcall_pending = 0;
}

static void test_answers(void)
{
    uint32_t p, q, other;
    struct evtchn_status st;

    start();
    CHECK(!evt_alloc_unbound(&doms[1], 0, &p));
    CHECK_EQ(p, 1);
    /* Only whom it waits for may come, and only once. */
    CHECK_EQ(evt_bind_interdomain(&doms[2], &doms[1], p, &q), -XEN_EINVAL);
    CHECK_EQ(evt_bind_interdomain(&doms[0], &doms[1], 99, &q), -XEN_EINVAL);
    CHECK_EQ(evt_bind_interdomain(&doms[0], &doms[1], 0, &q), -XEN_EINVAL);
    CHECK_EQ(evt_bind_interdomain(&doms[0], &doms[1], 1 << 20, &q), -XEN_EINVAL);
    CHECK(!evt_send(&vcpus[1][0], p)); /* nobody there yet */
    CHECK(!evt_bind_interdomain(&doms[0], &doms[1], p, &q));
    CHECK_EQ(evt_bind_interdomain(&doms[0], &doms[1], p, &other), -XEN_EINVAL);
    CHECK(pending(0, q)); /* always, at binding */
    CHECK_EQ(shared[0].vcpu_info[0].evtchn_upcall_pending, 1);
    CHECK_EQ(fake_kicks, 1);
    guest_takes(0, 0, q);

    fake_current = &vcpus[0][0];
    CHECK(!evt_send(&vcpus[0][0], q));
    CHECK(pending(1, p) && shared[1].vcpu_info[0].evtchn_pending_sel == 1);
    CHECK_EQ(fake_kicks, 2);
    CHECK(!evt_send(&vcpus[0][0], q)); /* again: nothing new */
    CHECK_EQ(fake_kicks, 2);
    guest_takes(1, 0, p);
    /* To another vcpu; a masked one gets the bit only, until unmasked. */
    CHECK(!evt_bind_vcpu(&doms[1], p, 1));
    shared[1].evtchn_mask[0] = 1UL << p;
    CHECK(!evt_send(&vcpus[0][0], q));
    CHECK(pending(1, p) && !shared[1].vcpu_info[1].evtchn_upcall_pending);
    vcpus[1][1].sched.reasons = SCHED_BLOCKED;
    CHECK(!evt_unmask(&doms[1], p));
    CHECK(shared[1].vcpu_info[1].evtchn_upcall_pending && !shared[1].evtchn_mask[0]);
    CHECK_EQ(wakes, 1);
    CHECK(!evt_unmask(&doms[1], p));
    CHECK_EQ(evt_unmask(&doms[1], 0), -XEN_EINVAL);
    CHECK_EQ(evt_unmask(&doms[1], 5000), -XEN_EINVAL);

    CHECK(!evt_status(&doms[0], q, &st));
    CHECK(st.status == EVTCHNSTAT_interdomain && st.u.interdomain.dom == 1 &&
          st.u.interdomain.port == p);
    CHECK(!evt_close(&doms[0], q));
    CHECK_EQ(evt_close(&doms[0], q), -XEN_EINVAL);
    CHECK(!evt_status(&doms[1], p, &st));
    CHECK(st.status == EVTCHNSTAT_unbound && st.u.unbound.dom == 0 && st.vcpu == 1);
    CHECK_EQ(evt_status(&doms[1], 1u << 30, &st), -XEN_EINVAL);
    CHECK(!evt_status(&doms[1], 0, &st)); /* where lsevtchn begins */
    CHECK_EQ(st.status, EVTCHNSTAT_closed);
    /* VIRQs. */
    CHECK(!evt_bind_virq(&doms[1], VIRQ_TIMER, 1, &q));
    CHECK_EQ(evt_bind_virq(&doms[1], VIRQ_TIMER, 1, &other), -XEN_EEXIST);
    CHECK_EQ(evt_bind_virq(&doms[1], VIRQ_TIMER, 2, &other), -XEN_ENOENT);
    CHECK_EQ(evt_bind_virq(&doms[1], VIRQ_CONSOLE, 1, &other), -XEN_EINVAL);
    CHECK_EQ(evt_bind_virq(&doms[1], NR_VIRQS, 0, &other), -XEN_EINVAL);
    CHECK_EQ(evt_bind_vcpu(&doms[1], q, 0), -XEN_EINVAL);
    CHECK_EQ(evt_send(&vcpus[1][1], q), -XEN_EINVAL);
    evt_raise_virq(&vcpus[1][0], VIRQ_TIMER);
    CHECK(!pending(1, q));
    evt_raise_virq(&vcpus[1][1], VIRQ_TIMER);
    CHECK(pending(1, q));
    CHECK(!evt_bind_virq(&doms[0], VIRQ_DOM_EXC, 0, &q));
    CHECK(!evt_bind_vcpu(&doms[0], q, 1));
    evt_raise_virq_global(VIRQ_DOM_EXC);
    CHECK(pending(0, q) && shared[0].vcpu_info[1].evtchn_upcall_pending);
    /* IPIs. */
    CHECK_EQ(evt_bind_ipi(&doms[1], 7, &q), -XEN_ENOENT);
    CHECK(!evt_bind_ipi(&doms[1], 1, &q));
    CHECK(!evt_send(&vcpus[1][0], q));
    CHECK(pending(1, q));
    CHECK_EQ(evt_bind_vcpu(&doms[1], q, 0), -XEN_EINVAL);
    CHECK(!evt_close(&doms[1], q));
    CHECK(!pending(1, q)); /* the next one to get this port sees nothing of it */
    /* pirqs: a refused binding leaves nothing. */
    CHECK_EQ(evt_bind_pirq(&doms[0], 200, 0, &q), -XEN_EPERM);
    pirq_fails = -XEN_EBUSY;
    CHECK_EQ(evt_bind_pirq(&doms[0], 4, 0, &q), -XEN_EBUSY);
    pirq_fails = 0;
    audit();
    CHECK(!evt_bind_pirq(&doms[0], 4, BIND_PIRQ__WILL_SHARE, &q));
    CHECK_EQ(evt_bind_pirq(&doms[0], 4, 2, &other), -XEN_EINVAL);
    CHECK_EQ(evt_set_priority(&doms[0], q, 3), -XEN_ENOSYS);
    /* Within one domain. */
    CHECK(!evt_alloc_unbound(&doms[1], 1, &p));
    struct domain early = {.id = 7, .max_vcpus = 2}; /* and of one without vcpus: nowhere to go */
    evt_domain_init(&early, 100);
    CHECK_EQ(evt_alloc_unbound(&early, 0, &q), -XEN_ENOENT);
    CHECK(!evt_bind_interdomain(&doms[1], &doms[1], p, &q));
    CHECK(!evt_send(&vcpus[1][0], p));
    CHECK(pending(1, q));
    CHECK(!evt_close(&doms[1], p));
    audit();
    finish();
}

static void test_limits(void)
{
    uint32_t p;

    start();
    for (uint32_t i = 1; i < 1024; i++)
        CHECK(!evt_alloc_unbound(&doms[1], 0, &p));
    CHECK_EQ(p, 1023);
    CHECK_EQ(evt_alloc_unbound(&doms[1], 0, &p), -XEN_ENOSPC);
    CHECK(!evt_close(&doms[1], 500));
    CHECK(!evt_alloc_unbound(&doms[1], 0, &p));
    CHECK_EQ(p, 500);
    /* Closing all is cut into steps. */
    CHECK_EQ(evt_reset_step(&doms[1]), 1);
    int steps = 1, rc;
    while ((rc = evt_reset_step(&doms[1])) > 0)
        steps++;
    CHECK(!rc && steps > 10 && doms[1].evt.used == 0);
    audit();
    CHECK(!evt_alloc_unbound(&doms[1], 0, &p));
    CHECK_EQ(p, 1);
    finish();
}

/* The n-th allocation fails, for each n: an error, and nothing has changed. */
static void test_no_memory(void)
{
    start();
    for (unsigned int fail = 1; fail < 8; fail++) {
        uint32_t p, q;
        int rc;

        fake_page_fail_in = fail;
        for (int i = 0; i < 1024; i++) {
            uint32_t used = doms[1].evt.used;
            rc = i & 1 ? evt_bind_ipi(&doms[1], 1, &p) : evt_alloc_unbound(&doms[1], 0, &p);
            if (rc) {
                CHECK_EQ(used, doms[1].evt.used);
                audit();
            } else if (!(i & 1)) {
                rc = evt_bind_interdomain(&doms[0], &doms[1], p, &q);
                if (rc) {
                    CHECK_EQ(port_state(port_word(evt_port_of(&doms[1], p))), PORT_UNBOUND);
                    audit();
                }
            }
        }
        fake_page_fail_in = 0;
        while (evt_reset_step(&doms[1]) || evt_reset_step(&doms[0]))
            ;
        audit();
    }
    finish();
}

static void test_poll(void)
{
    uint32_t p, q, r, list[2];

    start();
    CHECK(!evt_alloc_unbound(&doms[1], 0, &p));
    CHECK(!evt_bind_interdomain(&doms[0], &doms[1], p, &q));
    CHECK(!evt_bind_ipi(&doms[1], 0, &r));
    shared[1].evtchn_mask[0] = ~0UL;
    struct vcpu *v = &vcpus[1][1];
    /* Never allocated, or without memory: refused. */
    list[0] = 900;
    CHECK_EQ(evt_poll_begin(v, list, 1), -XEN_EINVAL);
    list[0] = 0;
    CHECK_EQ(evt_poll_begin(v, list, 1), -XEN_EINVAL);
    /* Masked events wake a poller, those of other ports do not. */
    list[0] = p;
    v->sched.reasons = SCHED_POLL;
    CHECK_EQ(evt_poll_begin(v, list, 1), 0);
    CHECK(!evt_send(&vcpus[1][0], r));
    CHECK_EQ(wakes, 0);
    CHECK(!evt_send(&vcpus[0][0], q));
    CHECK_EQ(wakes, 1);
    CHECK_EQ(doms[1].evt.pollers, 0);
    /* Pending already. */
    CHECK_EQ(evt_poll_begin(v, list, 1), 1);
    CHECK_EQ(doms[1].evt.pollers, 0);
    guest_takes(1, 0, p);
    guest_takes(1, 0, r);
    list[1] = r;
    v->sched.reasons = SCHED_POLL;
    CHECK_EQ(evt_poll_begin(v, list, 2), 0);
    CHECK(!evt_send(&vcpus[1][0], r));
    CHECK_EQ(wakes, 2);
    evt_poll_end(v);
    CHECK_EQ(doms[1].evt.pollers, 0);
    /* An upcall ends a poll too. */
    guest_takes(1, 0, p);
    v->sched.reasons = SCHED_POLL;
    list[0] = p;
    CHECK_EQ(evt_poll_begin(v, list, 1), 0);
    evt_upcall(v);
    CHECK_EQ(wakes, 3);
    CHECK_EQ(doms[1].evt.pollers, 0);
    finish();
}

/* Against a model that knows only what each port should be. */
struct model {
    enum port_state state;
    uint32_t dom, port;
};
static struct model model[N_DOMS][1024];

static void walk_step(void)
{
    uint32_t a = fake_below(N_DOMS), b = fake_below(N_DOMS), p = 0, q = 1 + fake_below(40);
    struct model *m;

    switch (fake_below(8)) {
    case 0:
        CHECK(!evt_alloc_unbound(&doms[a], (domid_t)b, &p));
        CHECK(model[a][p].state == PORT_FREE);
        model[a][p] = (struct model){PORT_UNBOUND, b, 0};
        break;
    case 1:
    case 2: {
        bool fits = model[b][q].state == PORT_UNBOUND && model[b][q].dom == a;
        CHECK_EQ(evt_bind_interdomain(&doms[a], &doms[b], q, &p), fits ? 0 : -XEN_EINVAL);
        if (fits) {
            model[a][p] = (struct model){PORT_INTERDOMAIN, b, q};
            model[b][q] = (struct model){PORT_INTERDOMAIN, a, p};
        }
        break;
    }
    case 3:
    case 4:
        m = &model[a][q];
        CHECK_EQ(evt_close(&doms[a], q), m->state == PORT_FREE ? -XEN_EINVAL : 0);
        if (m->state == PORT_INTERDOMAIN)
            model[m->dom][m->port] = (struct model){PORT_UNBOUND, a, 0};
        *m = (struct model){PORT_FREE, 0, 0};
        CHECK(!pending((int)a, q));
        break;
    case 5:
        if (!evt_bind_ipi(&doms[a], b & 1, &p))
            model[a][p] = (struct model){PORT_IPI, 0, 0};
        break;
    default: {
        m = &model[a][q];
        memset(&shared[a].evtchn_pending, 0, sizeof(shared[a].evtchn_pending));
        if (m->state == PORT_INTERDOMAIN)
            memset(&shared[m->dom].evtchn_pending, 0, sizeof(shared[0].evtchn_pending));
        CHECK_EQ(evt_send(&vcpus[a][0], q), m->state == PORT_FREE ? -XEN_EINVAL : 0);
        if (m->state == PORT_INTERDOMAIN)
            CHECK(pending((int)m->dom, m->port));
        else
            CHECK(pending((int)a, q) == (m->state == PORT_IPI));
    }
    }
}

static void test_walk(uint64_t seed)
{
    fake_seed = seed;
    start();
    memset(model, 0, sizeof(model));
    /* Bind once so that every domain has its bucket and "no such port" is one answer. */
    for (int i = 0; i < N_DOMS; i++) {
        uint32_t p;
        CHECK(!evt_bind_ipi(&doms[i], 0, &p));
        model[i][p].state = PORT_IPI;
    }
    for (int i = 0; i < 6000; i++) {
        walk_step();
        audit();
        for (int d = 0; d < N_DOMS; d++)
            CHECK_EQ(evt_sending[d * 2].to, 0);
        if (i % 500 == 499)
            for (int d = 0; d < N_DOMS; d++)
                for (uint32_t p = 1; p < 200; p++)
                    CHECK_EQ(port_state(port_word(evt_port_of(&doms[d], p))), model[d][p].state);
    }
    /* One dies: its peers wait for it again. */
    end(&doms[2]);
    for (int d = 0; d < 2; d++)
        for (uint32_t p = 1; p < 200; p++)
            if (model[d][p].state == PORT_INTERDOMAIN && model[d][p].dom == 2)
                CHECK_EQ(port_state(port_word(evt_port_of(&doms[d], p))), PORT_UNBOUND);
    audit();
    uint32_t p;
    CHECK_EQ(evt_alloc_unbound(&doms[2], 0, &p), -XEN_EINVAL);
    finish();
}

int main(void)
{
    test_answers();
    test_limits();
    test_no_memory();
    test_poll();
    for (uint64_t seed = 1; seed < 8; seed++)
        test_walk(seed);
    return 0;
}
