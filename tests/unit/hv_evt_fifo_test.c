/*
 * FIFO event channels against a guest's consumer: nothing lost, priorities kept, ports that move
 * between vcpus and queues; frames held and given back; a guest that scribbles over its words.
 */
#include <string.h>

#include "core/evt/evt_private.h"
#include "core/frame/frame.h"
#include "fake.h"
#include "port/pirq.h"

#define N_PORTS 3000
#define FRAMES  1200

static struct domain dom;
static struct vcpu vcpus[2];
static struct shared_info shared;
struct domain *dom0 = &dom, *dom_list = &dom;
static int uses[FRAMES];

uint64_t frame_max = FRAMES;
uint64_t *frame_words;

int page_get_use(mfn_t m, struct domain *d, enum page_type type)
{
    (void)d;
    CHECK_EQ(type, PGT_WRITABLE);
    if (m.n < 1000 || m.n >= FRAMES) /* the guest's are above the hypervisor's */
        return -XEN_EINVAL;
    uses[m.n]++;
    return 0;
}

void page_put_use(mfn_t m)
{
    CHECK(uses[m.n] > 0);
    uses[m.n]--;
}

struct domain *dom_get(domid_t id)
{
    (void)id;
    return NULL;
}

void dom_put(struct domain *d)
{
    (void)d;
}

static unsigned int wakes;

void sched_wake(struct vcpu *v)
{
    v->sched.reasons = 0;
    wakes++;
}

int pirq_bind(struct domain *d, uint32_t pirq, uint32_t port)
{
    (void)d, (void)pirq, (void)port;
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
}

void pirq_affinity(struct domain *d, uint32_t pirq, const struct vcpu *v)
{
    (void)d, (void)pirq, (void)v;
}

/* ---- the guest ------------------------------------------------------------------------------ */

#define ARRAY_MFN   1000u
#define CONTROL_MFN 1100u

static struct evtchn_fifo_control_block *control[2];
static uint32_t head[2][EVTCHN_FIFO_MAX_QUEUES];
static uint32_t got[N_PORTS + 10];
static uint32_t order[N_PORTS * 4], n_order;

static event_word_t *word(uint32_t port)
{
    return (event_word_t *)mfn_ptr(mfn(ARRAY_MFN + port / 1024)) + port % 1024;
}

/* The link of a word that is taken off its queue. */
static uint32_t clear_linked(event_word_t *w)
{
    event_word_t old = __atomic_load_n(w, __ATOMIC_RELAXED);

    while (!__atomic_compare_exchange_n(w, &old,
                                        old & ~((1u << EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK),
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    return old & EVTCHN_FIFO_LINK_MASK;
}

static void consume_one(int cpu, uint32_t q, uint32_t *ready)
{
    uint32_t port = head[cpu][q];

    if (!port)
        port = __atomic_load_n(&control[cpu]->head[q], __ATOMIC_ACQUIRE);
    event_word_t *w = word(port);
    uint32_t next = clear_linked(w);
    head[cpu][q] = next;
    if (!next)
        *ready &= ~(1u << q);
    if ((*w & (1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_MASKED)) ==
        1u << EVTCHN_FIFO_PENDING) {
        __atomic_fetch_and(w, ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
        got[port]++;
        order[n_order++ % (N_PORTS * 4)] = port;
    }
}

/* An upcall: takes everything, or stops after `most`. */
static void upcall(int cpu, unsigned int most)
{
    shared.vcpu_info[cpu].evtchn_upcall_pending = 0;
    uint32_t ready = __atomic_exchange_n(&control[cpu]->ready, 0, __ATOMIC_SEQ_CST);
    while (ready && most--) {
        consume_one(cpu, (uint32_t)__builtin_ctz(ready), &ready);
        ready |= __atomic_exchange_n(&control[cpu]->ready, 0, __ATOMIC_SEQ_CST);
    }
    if (ready) { /* comes back later */
        __atomic_fetch_or(&control[cpu]->ready, ready, __ATOMIC_SEQ_CST);
        shared.vcpu_info[cpu].evtchn_upcall_pending = 1;
    }
}

static void start(void)
{
    memset(&dom, 0, sizeof(dom));
    memset(vcpus, 0, sizeof(vcpus));
    memset(&shared, 0, sizeof(shared));
    memset(head, 0, sizeof(head));
    memset(got, 0, sizeof(got));
    memset(uses, 0, sizeof(uses));
    n_order = wakes = 0;
    fake_ram_init(FRAMES);
    dom.shared = &shared;
    dom.max_vcpus = 2;
    evt_domain_init(&dom, UINT32_MAX);
    for (unsigned int i = 0; i < 2; i++) {
        vcpus[i].dom = &dom;
        vcpus[i].id = i;
        vcpus[i].info = &shared.vcpu_info[i];
        vcpus[i].sched.cpu = i;
        evt_vcpu_init(&vcpus[i]);
        dom.vcpu[i] = &vcpus[i];
        control[i] = (void *)((char *)mfn_ptr(mfn(CONTROL_MFN + i)) + 64);
    }
}

static void to_fifo(unsigned int frames)
{
    for (unsigned int i = 0; i < 2; i++)
        CHECK(!evt_init_control(&dom, i, CONTROL_MFN + i, 64));
    for (unsigned int i = 0; i < frames; i++)
        CHECK(!evt_expand_array(&dom, ARRAY_MFN + i));
}

static void finish(void)
{
    while (!evt_destroy_step(&dom))
        ;
    for (int i = 0; i < FRAMES; i++)
        CHECK_EQ(uses[i], 0);
    CHECK_EQ(fake_pages_out, 0);
}

static void test_answers(void)
{
    uint32_t p;

    start();
    CHECK_EQ(evt_expand_array(&dom, ARRAY_MFN), -XEN_EOPNOTSUPP);
    CHECK_EQ(evt_init_control(&dom, 2, CONTROL_MFN, 0), -XEN_ENOENT);
    CHECK_EQ(evt_init_control(&dom, 0, CONTROL_MFN, 4096 - 64), -XEN_EINVAL);
    CHECK_EQ(evt_init_control(&dom, 0, CONTROL_MFN, 4), -XEN_EINVAL);
    CHECK_EQ(evt_init_control(&dom, 0, 5, 0), -XEN_EINVAL);
    CHECK(!dom.evt.fifo);
    to_fifo(0);
    CHECK_EQ(evt_init_control(&dom, 0, CONTROL_MFN, 64), -XEN_EINVAL);
    CHECK_EQ(uses[CONTROL_MFN], 1);
    /* Raised before it has a word: not lost. */
    CHECK(!evt_bind_ipi(&dom, 0, &p));
    CHECK(!evt_send(&vcpus[0], p));
    CHECK_EQ(evt_expand_array(&dom, 3), -XEN_EINVAL);
    CHECK(!evt_expand_array(&dom, ARRAY_MFN));
    upcall(0, 100);
    CHECK_EQ(got[p], 1);
    CHECK_EQ(evt_set_priority(&dom, p, 16), -XEN_EINVAL);
    CHECK_EQ(evt_set_priority(&dom, 99999, 1), -XEN_EINVAL);
    CHECK(!evt_set_priority(&dom, p, 3));
    CHECK(!evt_send(&vcpus[0], p));
    CHECK_EQ(control[0]->ready, 1u << 3);
    /* Still linked when closed: the number is not used again until the guest has taken it. */
    CHECK(!evt_close(&dom, p));
    uint32_t q;
    CHECK(!evt_bind_ipi(&dom, 0, &q));
    CHECK(q != p);
    upcall(0, 100);
    CHECK_EQ(got[p], 1); /* closed: it was not pending any more */
    CHECK(!evt_bind_ipi(&dom, 0, &q));
    CHECK_EQ(q, p);
    /* Memory runs out at each step. */
    for (unsigned int fail = 1; fail < 3; fail++) {
        int rc;
        while ((rc = evt_reset_step(&dom)) > 0)
            ;
        CHECK(!dom.evt.fifo && uses[CONTROL_MFN] == 0 && uses[ARRAY_MFN] == 0);
        fake_page_fail_in = fail;
        rc = evt_init_control(&dom, 0, CONTROL_MFN, 64);
        if (!rc)
            rc = evt_expand_array(&dom, ARRAY_MFN);
        CHECK_EQ(rc, -XEN_ENOMEM);
        CHECK_EQ(uses[ARRAY_MFN], 0);
        fake_page_fail_in = 0;
    }
    finish();
}

static void test_priorities(void)
{
    uint32_t p[16];

    start();
    to_fifo(1);
    for (uint32_t i = 0; i < 16; i++) {
        CHECK(!evt_bind_ipi(&dom, 0, &p[i]));
        CHECK(!evt_set_priority(&dom, p[i], 15 - i));
    }
    for (uint32_t i = 0; i < 16; i++)
        CHECK(!evt_send(&vcpus[0], p[i]));
    upcall(0, 100);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(order[i], p[15 - i]);
    /* Among equals, first come first served. */
    for (uint32_t i = 0; i < 16; i++)
        CHECK(!evt_set_priority(&dom, p[i], 7));
    n_order = 0;
    for (uint32_t i = 0; i < 16; i++)
        CHECK(!evt_send(&vcpus[0], p[i * 7 % 16]));
    upcall(0, 100);
    for (uint32_t i = 0; i < 16; i++)
        CHECK_EQ(order[i], p[i * 7 % 16]);
    finish();
}

/* Sends, takes, masks, moves; in the end each port that was raised since its last taking arrives.
 */
static void test_walk(uint64_t seed)
{
    static uint32_t raised[N_PORTS + 10], seen[N_PORTS + 10];
    uint32_t n = 0, p;

    fake_seed = seed;
    start();
    to_fifo(3);
    memset(raised, 0, sizeof(raised));
    while (n < N_PORTS) {
        CHECK(!evt_alloc_unbound(&dom, 0, &p));
        CHECK_EQ(p, ++n);
    }
    for (int step = 0; step < 40000; step++) {
        p = 1 + fake_below(fake_below(2) ? 20 : N_PORTS);
        switch (fake_below(8)) {
        case 0:
        case 1:
        case 2:
            evt_raise_port(&dom, p);
            raised[p] = 1;
            seen[p] = got[p];
            break;
        case 3:
            __atomic_fetch_or(word(p), 1u << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
            break;
        case 4:
            CHECK(!evt_unmask(&dom, p));
            break;
        case 5:
            CHECK(!evt_bind_vcpu(&dom, p, fake_below(2)));
            break;
        case 6:
            CHECK(!evt_set_priority(&dom, p, fake_below(16)));
            break;
        default: {
            int cpu = (int)fake_below(2);
            if (shared.vcpu_info[cpu].evtchn_upcall_pending)
                upcall(cpu, 1 + fake_below(5));
        }
        }
        if (step % 1000 == 0)
            CHECK_EQ(evt_audit(&dom), 0);
    }
    for (p = 1; p <= N_PORTS; p++)
        CHECK(!evt_unmask(&dom, p));
    for (int cpu = 0; cpu < 2; cpu++)
        if (shared.vcpu_info[cpu].evtchn_upcall_pending)
            upcall(cpu, 1u << 30);
    for (p = 1; p <= N_PORTS; p++) {
        CHECK(!(*word(p) & (1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED)));
        CHECK(!raised[p] || got[p] > seen[p]);
    }
    finish();
}

/* Whatever stands in its frames, the hypervisor touches nothing else and goes on. */
static void test_scribble(uint64_t seed)
{
    uint32_t p;

    fake_seed = seed;
    start();
    to_fifo(2);
    for (uint32_t i = 1; i < 2000; i++)
        CHECK(!evt_bind_ipi(&dom, i & 1, &p));
    for (int step = 0; step < 50000; step++) {
        p = 1 + fake_below(2047);
        switch (fake_below(6)) {
        case 0:
            *word(p) = (event_word_t)fake_random();
            break;
        case 1:
            memset(control[p & 1], (int)fake_random(), sizeof(*control[0]));
            break;
        case 2:
            (void)!evt_unmask(&dom, p);
            break;
        case 3:
            (void)!evt_set_priority(&dom, p, fake_below(17));
            break;
        case 4:
            if (evt_close(&dom, p) || evt_bind_ipi(&dom, p & 1, &p))
                break;
            break;
        default:
            (void)!evt_send(&vcpus[p & 1], p);
        }
    }
    CHECK_EQ(evt_audit(&dom), 0);
    finish();
}

static void test_poll(void)
{
    uint32_t p, other;

    start();
    to_fifo(1);
    CHECK(!evt_bind_ipi(&dom, 0, &p));
    CHECK(!evt_bind_ipi(&dom, 0, &other));
    *word(p) |= 1u << EVTCHN_FIFO_MASKED;
    *word(other) |= 1u << EVTCHN_FIFO_MASKED;
    vcpus[1].sched.reasons = SCHED_POLL;
    CHECK_EQ(evt_poll_begin(&vcpus[1], &p, 1), 0);
    CHECK(!evt_send(&vcpus[0], other));
    CHECK_EQ(wakes, 0);
    CHECK(!evt_send(&vcpus[0], p));
    CHECK_EQ(wakes, 1);
    CHECK_EQ(evt_poll_begin(&vcpus[1], &p, 1), 1);
    finish();
}

int main(void)
{
    test_answers();
    test_priorities();
    test_poll();
    for (uint64_t seed = 1; seed < 6; seed++) {
        test_walk(seed);
        test_scribble(seed);
    }
    return 0;
}
