/*
 * Event channels from several CPUs at once, under the thread sanitizer: two senders, one who closes
 * and rebinds, and a peer domain that dies and is freed while they send (E5) and its ports are
 * asked about. The freed memory is really given back, so a late touch is found.
 */
#include <pthread.h>
#include <string.h>

#include "core/evt/evt_private.h"
#include "core/frame/frame.h"
#include "fake.h"
#include "port/pirq.h"

#define ROUNDS 3000

static struct shared_info shared[2];
static struct domain *us, *peer; /* peer: changes; senders never look at it */
struct domain *dom0, *dom_list;
uint64_t frame_max;
uint64_t *frame_words;
static bool stop_now;
static uint32_t port;
static pthread_mutex_t refs_lock = PTHREAD_MUTEX_INITIALIZER;

int page_get_use(mfn_t m, struct domain *d, enum page_type type)
{
    (void)m, (void)d, (void)type;
    return 0;
}

void page_put_use(mfn_t m)
{
    (void)m;
}

struct domain *dom_get(domid_t id)
{
    pthread_mutex_lock(&refs_lock);
    struct domain *d = id == us->id ? us : peer;
    if (d)
        __atomic_add_fetch(&d->refs, 1, __ATOMIC_ACQ_REL);
    pthread_mutex_unlock(&refs_lock);
    return d;
}

void dom_put(struct domain *d)
{
    __atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL);
}

void sched_wake(struct vcpu *v)
{
    __atomic_fetch_and(&v->sched.reasons, ~(uint32_t)(SCHED_BLOCKED | SCHED_POLL),
                       __ATOMIC_SEQ_CST);
}

int pirq_bind(struct domain *d, uint32_t pirq, uint32_t p)
{
    (void)d, (void)pirq, (void)p;
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

static struct domain *make(domid_t id)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = id;
    d->max_vcpus = 2;
    d->shared = &shared[id];
    evt_domain_init(d, 500);
    for (unsigned int i = 0; i < 2; i++) {
        struct vcpu *v = calloc(1, sizeof(*v));
        v->dom = d;
        v->id = i;
        v->info = &shared[id].vcpu_info[i];
        v->sched.cpu = 1 + i;
        evt_vcpu_init(v);
        d->vcpu[i] = v;
    }
    return d;
}

static void destroy(struct domain *d)
{
    while (!evt_destroy_step(d))
        ;
    /* As the last reference would. */
    free(d->vcpu[0]);
    free(d->vcpu[1]);
    free(d);
}

static void *sender(void *arg)
{
    struct vcpu *v = arg;
    uint64_t sent = 0;

    fake_cpu = v->sched.cpu;
    while (!__atomic_load_n(&stop_now, __ATOMIC_RELAXED)) {
        uint32_t p = __atomic_load_n(&port, __ATOMIC_RELAXED);
        int rc = evt_send(v, p);
        CHECK(rc == 0 || rc == -XEN_EINVAL);
        sent += !rc;
        if (v->id) {
            (void)!evt_unmask(us, p);
            (void)!evt_bind_vcpu(us, p, (uint32_t)sent & 1);
        } else if (evt_poll_begin(v, &p, 1) == 0) {
            evt_poll_end(v);
        }
    }
    CHECK(sent > 0);
    return NULL;
}

/* Asks about the ports of the peer, whatever becomes of it, as dom0's lsevtchn may. */
static void *looker(void *arg)
{
    uint64_t seen = 0;

    (void)arg;
    fake_cpu = 3;
    while (!__atomic_load_n(&stop_now, __ATOMIC_RELAXED)) {
        struct domain *d = dom_get(1);
        struct evtchn_status status;

        if (!d)
            continue;
        for (uint32_t p = 1; p < 4; p++)
            seen += !evt_status(d, p, &status);
        dom_put(d);
    }
    CHECK(seen > 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];

    fake_ram_init(64);
    us = make(0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, sender, us->vcpu[i]);
    pthread_create(&threads[2], NULL, looker, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t theirs, p;

        /* Anyone may open ports meanwhile: the number is not always the same. */
        CHECK(!evt_alloc_unbound(us, 1, &p));
        __atomic_store_n(&port, p, __ATOMIC_RELAXED);
        pthread_mutex_lock(&refs_lock);
        peer = make(1);
        pthread_mutex_unlock(&refs_lock);
        CHECK(!evt_bind_interdomain(peer, us, p, &theirs));
        if (round & 1)
            CHECK(!evt_close(us, p));
        CHECK_EQ(evt_audit(us), 0);
        pthread_mutex_lock(&refs_lock);
        struct domain *dying = peer;
        pthread_mutex_unlock(&refs_lock);
        while (!evt_destroy_step(dying))
            ;
        pthread_mutex_lock(&refs_lock);
        peer = NULL;
        pthread_mutex_unlock(&refs_lock);
        while (__atomic_load_n(&dying->refs, __ATOMIC_ACQUIRE))
            ;
        destroy(dying);
        if (!(round & 1))
            CHECK(!evt_close(us, p));
    }
    __atomic_store_n(&stop_now, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    destroy(us);
    CHECK_EQ(fake_pages_out, 0);
    return 0;
}
