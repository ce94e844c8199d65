/*
 * The back-end's ring against Xen's own macros for the front-end (xen/io/ring.h): an honest walk in
 * which every request is answered once, and a front-end that writes any index.
 */
#include "dkit/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "abi/abi.h"
#define xen_mb()  __sync_synchronize()
#define xen_rmb() __asm__ volatile("" ::: "memory")
#define xen_wmb() __asm__ volatile("" ::: "memory")
#include <xen/io/ring.h>

#include "unit/check.h"

struct question {
    uint64_t id, fill[3];
};
struct reply {
    uint64_t id;
};
DEFINE_RING_TYPES(demo, struct question, struct reply);

static _Alignas(4096) uint8_t pages[4][4096];

static void test_sizes(void)
{
    struct ring r;
    for (uint32_t n = 1; n <= 4; n *= 2) {
        demo_sring_t *s = (void *)pages;
        ring_init(&r, pages, n * 4096, sizeof(union demo_sring_entry));
        CHECK_EQ(r.slots, __RING_SIZE(s, n * 4096));
    }
}

/* A front-end that fills, sleeps and wakes as ring.h says; no request may be lost or doubled. */
static void test_walk(unsigned seed)
{
    demo_front_ring_t f;
    struct ring r;
    uint64_t sent = 0, answered = 0, held[256], nr_held = 0, seen = 0, shows = 0;
    bool kicked = false;
    demo_sring_t *s = (void *)pages;
    memset(pages, 0, sizeof pages);
    SHARED_RING_INIT(s);
    FRONT_RING_INIT(&f, s, 4096);
    ring_init(&r, pages, 4096, sizeof(union demo_sring_entry));
    srandom(seed);
    for (int step = 0; step < 20000; step++) {
        int notify;
        switch (random() % 4) {
        case 0:
            for (long n = random() % 40; n-- && !RING_FULL(&f);)
                RING_GET_REQUEST(&f, f.req_prod_pvt++)->id = ++sent;
            RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&f, notify);
            kicked |= notify;
            break;
        case 1: /* we take what there is, then sleep: only a kick may wake us */
            if (!kicked)
                break;
            kicked = false;
            do {
                int n = ring_waiting(&r);
                CHECK(n >= 0);
                while (n-- > 0) {
                    struct question q;
                    ring_take(&r, &q, sizeof q);
                    CHECK_EQ(q.id, ++seen);
                    held[nr_held++] = q.id;
                }
            } while (ring_sleep(&r));
            break;
        case 2: /* some of them are done, in any order */
            for (long n = random() % 40; n-- && nr_held;) {
                uint64_t i = (uint64_t)random() % nr_held;
                struct reply a = {held[i]};
                held[i] = held[--nr_held];
                ring_answer(&r, &a, sizeof a);
            }
            shows += ring_show(&r);
            break;
        case 3:
            while (f.rsp_cons != s->rsp_prod) {
                RING_GET_RESPONSE(&f, f.rsp_cons++);
                answered++;
            }
            RING_FINAL_CHECK_FOR_RESPONSES(&f, notify);
            break;
        }
        CHECK(r.cons - r.prod == nr_held);
        CHECK(answered <= seen && seen <= sent);
        if (!kicked) /* asleep and not called: then nothing may be waiting */
            CHECK_EQ(ring_waiting(&r), 0);
    }
    CHECK(sent > 1000 && answered > 1000 && shows > 10);
}

/* Whether the guest is told of responses: only when it asked. */
static void test_notify(void)
{
    struct ring r;
    struct reply a = {0};
    struct question q;
    memset(pages, 0, sizeof pages);
    ring_init(&r, pages, 4096, sizeof(union demo_sring_entry));
    r.head->req_prod = 8;
    r.head->rsp_event = 3;
    for (int i = 0; i < 8; i++)
        ring_take(&r, &q, sizeof q);
    for (int i = 1; i <= 8; i++) {
        ring_answer(&r, &a, sizeof a);
        CHECK(ring_show(&r) == (i == 3));
    }
}

static void test_lies(void)
{
    struct ring r;
    struct question q;
    ring_init(&r, pages, 4096, sizeof(union demo_sring_entry));
    const uint32_t n = r.slots;
    static const uint32_t starts[] = {0, 5, 0x7fffffff, 0xfffffff0, 0xffffffff};
    for (unsigned i = 0; i < ARRAY_SIZE(starts); i++) {
        r.cons = r.prod = r.shown = starts[i];
        r.head->req_prod = starts[i] + n;
        CHECK_EQ(ring_waiting(&r), n);
        r.head->req_prod = starts[i] + n + 1;
        CHECK(ring_waiting(&r) == -EPROTO);
        r.head->req_prod = starts[i] - 1;
        CHECK(ring_waiting(&r) == -EPROTO);
        CHECK(ring_sleep(&r)); /* it does not go to sleep on it: the next look tells */
        r.head->req_prod = starts[i] + n;
        for (uint32_t k = 0; k < n; k++)
            ring_take(&r, &q, sizeof q);
        /* All slots hold requests that are not answered: one more cannot be. */
        r.head->req_prod = starts[i] + n + 1;
        CHECK(ring_waiting(&r) == -EPROTO);
    }
}

int main(void)
{
    test_sizes();
    test_notify();
    test_lies();
    for (unsigned seed = 1; seed <= 5; seed++)
        test_walk(seed);
    return check_result();
}
