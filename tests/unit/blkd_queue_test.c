/*
 * argon-blkd's rings with an honest front-end and a back-end that is killed at any moment: each
 * request is answered once, data arrives, what a flush answered for is on the platter.
 */
#include "blkd/queue.h"

#include <setjmp.h>
#include <stdlib.h>

#include "blkd/step.h"
#include "port/blkd_fake.h"
#include "unit/check.h"

enum { QUEUES = 2, ORDER = 1, SLOTS = 64, FIRST_DATA = 16, SPAN = 16 /* sectors of one request */ };
enum { REQUESTS = FAKE_SECTORS / SPAN };

/* The killed process's memory is nobody's. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* --- the kill -------------------------------------------------------------------------------- */

static jmp_buf death;
static long steps_left; /* < 0: nobody kills */

void step(void)
{
    if (steps_left > 0 && --steps_left == 0)
        longjmp(death, 1);
}

/* --- the front-end --------------------------------------------------------------------------- */

/* Request number i always uses sectors i * SPAN on, and the pages 2i and 2i + 1 behind FIRST_DATA.
 */
static struct asked {
    bool busy;
    uint8_t op;
    unsigned stamp;
    bool covers[REQUESTS]; /* a flush: these writes were answered before it was sent */
} asked[REQUESTS];
static uint8_t written[REQUESTS]; /* 0 no, 1 answered, with stamp */
static unsigned last_stamp[REQUESTS];

static struct front {
    struct ring_head *head;
    struct blkif_request *slot;
    uint32_t req_prod, rsp_cons;
} front[QUEUES];

static struct state_file file;
static const struct state_rings rings = {
    .nr_queues = QUEUES, .order = ORDER, .ref = {{0, 1}, {2, 3}}, .port = {5, 6}};
static const struct disk_info info = {
    .limits = {.sectors = FAKE_SECTORS, .flush = true, .discard = true}};
static unsigned answers, sent, kills;

static unsigned pages_of(unsigned i)
{
    return FIRST_DATA + (2 * i) % (FAKE_PAGES - FIRST_DATA - 2);
}

static void send(unsigned f, unsigned i, uint8_t op)
{
    struct front *r = &front[f];
    struct blkif_request q;
    struct asked *a = &asked[i];
    a->busy = true;
    a->op = op;
    a->stamp++;
    memset(&q, 0, sizeof q);
    q.operation = op;
    q.id = i;
    q.sector_number = i * SPAN;
    for (unsigned k = 0; k < REQUESTS; k++)
        asked[k].covers[i] = false; /* what it is to be is open again */
    bool data = op == BLKIF_OP_READ || op == BLKIF_OP_WRITE || op == BLKIF_OP_WRITE_BARRIER;
    if (op == BLKIF_OP_DISCARD)
        ((struct blkif_request_discard *)(void *)&q)->nr_sectors = SPAN;
    for (unsigned k = 0; data && k < 2; k++) {
        q.seg[k] = (struct blkif_request_segment){.gref = pages_of(i) + k, .last_sect = 7};
        memset(fake_page[pages_of(i) + k], op == BLKIF_OP_READ ? 0xee : (int)(i + a->stamp), 4096);
    }
    q.nr_segments = data ? 2 : 0;
    if (op == BLKIF_OP_FLUSH_DISKCACHE || op == BLKIF_OP_WRITE_BARRIER)
        for (unsigned k = 0; k < REQUESTS; k++)
            a->covers[k] = written[k] && !asked[k].busy;
    r->slot[r->req_prod % SLOTS] = q;
    __atomic_store_n(&r->head->req_prod, ++r->req_prod, __ATOMIC_RELEASE);
    sent++;
}

static bool all_are(const uint8_t *p, size_t n, uint8_t value)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != value)
            return false;
    return true;
}

static void check_answer(unsigned i)
{
    struct asked *a = &asked[i];
    const size_t at = (size_t)i * SPAN * REQ_SECTOR, len = SPAN * REQ_SECTOR;
    const uint8_t stamp = (uint8_t)(i + a->stamp);
    if (a->op == BLKIF_OP_WRITE || a->op == BLKIF_OP_WRITE_BARRIER) {
        CHECK(all_are(fake_disk + at, len, stamp));
        written[i] = 1;
        last_stamp[i] = stamp;
    }
    if (a->op == BLKIF_OP_WRITE_BARRIER)
        CHECK(all_are(fake_platter + at, len, stamp));
    if (a->op == BLKIF_OP_DISCARD) {
        CHECK(all_are(fake_disk + at, len, 0));
        written[i] = 0;
    }
    if (a->op == BLKIF_OP_READ)
        for (unsigned k = 0; k < 2; k++)
            CHECK(memcmp(fake_page[pages_of(i) + k], fake_disk + at + k * 4096, 4096) == 0);
    if (a->op == BLKIF_OP_FLUSH_DISKCACHE || a->op == BLKIF_OP_WRITE_BARRIER)
        for (unsigned k = 0; k < REQUESTS; k++)
            if (a->covers[k] && !asked[k].busy && written[k])
                CHECK(all_are(fake_platter + (size_t)k * SPAN * REQ_SECTOR, 512,
                              (uint8_t)last_stamp[k]));
}

static void receive(struct front *r)
{
    uint32_t prod = __atomic_load_n(&r->head->rsp_prod, __ATOMIC_ACQUIRE);
    if (!CHECK(prod - r->rsp_cons <= SLOTS))
        exit(1);
    while (r->rsp_cons != prod) {
        struct blkif_response a;
        memcpy(&a, &r->slot[r->rsp_cons++ % SLOTS], sizeof a);
        if (!CHECK(a.id < REQUESTS) || !CHECK(asked[a.id].busy))
            continue;
        /* Between its fields there is nothing of ours (F2). */
        static const uint8_t zeros[4];
        _Static_assert(sizeof a == 16 && offsetof(struct blkif_response, status) == 10, "padding");
        CHECK(((uint8_t *)&a)[9] == 0 && memcmp((uint8_t *)&a + 12, zeros, 4) == 0);
        CHECK_EQ(a.operation, asked[a.id].op);
        CHECK_EQ((uint16_t)a.status, BLKIF_RSP_OKAY);
        asked[a.id].busy = false;
        check_answer((unsigned)a.id);
        answers++;
    }
    r->head->rsp_event = r->rsp_cons + 1;
}

/* Another request of the same pages or sectors may not be under way. */
static void send_some(void)
{
    static const uint8_t ops[] = {BLKIF_OP_READ,   BLKIF_OP_WRITE,           BLKIF_OP_WRITE,
                                  BLKIF_OP_WRITE,  BLKIF_OP_FLUSH_DISKCACHE, BLKIF_OP_WRITE_BARRIER,
                                  BLKIF_OP_DISCARD};
    unsigned f = (unsigned)random() % QUEUES;
    for (long n = random() % 20; n--;) {
        unsigned i = (unsigned)random() % 200; /* their pages are their own */
        if (asked[i].busy || front[f].req_prod - front[f].rsp_cons == SLOTS)
            continue;
        send(f, i, ops[(unsigned)random() % (random() % 8 ? 4 : ARRAY_SIZE(ops))]);
    }
}

/* --- the walk -------------------------------------------------------------------------------- */

static void open_queues(bool resume, bool persistent)
{
    char why[200] = "";
    for (unsigned i = 0; i < QUEUES; i++) {
        front[i].head = (void *)fake_page[2 * i];
        front[i].slot = (void *)(fake_page[2 * i] + 64);
    }
    int rc = queues_open(1, &rings, persistent, &info, &file, resume, why, sizeof why);
    if (!CHECK_EQ(rc, 0))
        exit(1);
    CHECK(queues_audit());
}

static void start(void)
{
    fake_start();
    memset(&file, 0, sizeof file);
    memset(asked, 0, sizeof asked);
    memset(written, 0, sizeof written);
    memset(front, 0, sizeof front);
    answers = sent = 0;
    steps_left = -1;
    for (unsigned i = 0; i < QUEUES; i++)
        ((struct ring_head *)(void *)fake_page[2 * i])->req_event = 1;
    open_queues(false, true);
}

static void one_step(void)
{
    switch (random() % 5) {
    case 0:
        send_some();
        fake_raise();
        break;
    case 1:
        for (unsigned i = 0; i < QUEUES; i++)
            receive(&front[i]);
        break;
    case 2:
        (void)fake_turn();
        break;
    default:
        (void)fake_finish((unsigned)random());
        break;
    }
}

static void drain(void)
{
    while (fake_turn() || fake_finish((unsigned)random()))
        ;
    for (unsigned i = 0; i < QUEUES; i++)
        receive(&front[i]);
}

static void walk(unsigned seed, unsigned steps, bool kill, bool persistent)
{
    volatile unsigned done = 0;
    srandom(seed);
    start();
    if (!persistent) {
        fake_killed(0);
        open_queues(true, false);
    }
    if (setjmp(death)) {
        kills++;
        fake_killed((unsigned)random());
        steps_left = -1;
        open_queues(true, persistent);
    }
    while (done < steps) {
        done++;
        if (kill && steps_left <= 0)
            steps_left = 1 + random() % 200;
        one_step();
    }
    steps_left = -1;
    CHECK(queues_audit());
    drain();
    CHECK(queues_audit());
    CHECK_EQ(answers, sent);
    for (unsigned i = 0; i < REQUESTS; i++)
        CHECK(!asked[i].busy);
}

static void test_state(void)
{
    char why[200];
    start();
    struct state_rings others = rings;
    others.port[1]++;
    CHECK(queues_open(1, &others, true, &info, &file, true, why, sizeof why) < 0);
    CHECK(queues_open(2, &rings, true, &info, &file, true, why, sizeof why) < 0);
    file.queue[0].slots = 32;
    CHECK(queues_open(1, &rings, true, &info, &file, true, why, sizeof why) < 0);
}

static const char *broken_by;
static void broken(const char *what)
{
    broken_by = what;
}

/* A bad index stops the device, once, and nothing of the page is looked at any more. */
static void test_bad_index(void)
{
    start();
    queues_broken = broken;
    front[1].head->req_prod = 65;
    fake_raise();
    while (fake_turn())
        ;
    CHECK(broken_by != NULL);
    front[1].head->req_prod = 5;
    fake_raise();
    while (fake_turn())
        ;
    CHECK_EQ(fake_under_way, 0);
    queues_broken = NULL;
}

static bool is_idle;
static void idle(void)
{
    is_idle = true;
}

static void test_stop(void)
{
    start();
    send(0, 1, BLKIF_OP_WRITE);
    fake_raise();
    while (fake_turn())
        ;
    send(0, 2, BLKIF_OP_WRITE);
    queues_stop(idle);
    fake_raise();
    while (fake_turn())
        ;
    CHECK(!is_idle);
    CHECK_EQ(fake_under_way, 1);
    CHECK(fake_finish(0));
    while (fake_turn())
        ;
    CHECK(is_idle);
    receive(&front[0]);
    CHECK_EQ(answers, 1);
}

/* An error of the disk is the guest's to know; pages that are not there are its own fault. */
static void test_errors(void)
{
    struct blkif_response a;
    start();
    send(0, 1, BLKIF_OP_WRITE);
    fake_disk_error = -5;
    fake_raise();
    while (fake_turn() || fake_finish(0))
        ;
    memcpy(&a, front[0].slot, sizeof a);
    CHECK(a.id == 1 && a.status == BLKIF_RSP_ERROR);
    fake_disk_error = -95;
    send(0, 2, BLKIF_OP_FLUSH_DISKCACHE);
    fake_raise();
    while (fake_turn() || fake_finish(0))
        ;
    memcpy(&a, front[0].slot + 1, sizeof a);
    CHECK(a.id == 2 && a.status == BLKIF_RSP_EOPNOTSUPP);
    fake_disk_error = 0;
    send(0, 3, BLKIF_OP_WRITE);
    front[0].slot[2].seg[1].gref = FAKE_PAGES + 7;
    fake_raise();
    while (fake_turn() || fake_finish(0))
        ;
    memcpy(&a, front[0].slot + 2, sizeof a);
    CHECK(a.id == 3 && a.status == BLKIF_RSP_ERROR);
    CHECK(queues_audit());
}

int main(void)
{
    test_state();
    test_bad_index();
    test_stop();
    test_errors();
    for (unsigned seed = 1; seed <= 2; seed++)
        walk(seed, 4000, false, seed % 2);
    for (unsigned seed = 1; seed <= 8; seed++)
        walk(seed, 4000, true, seed % 3 != 0);
    printf("killed %u times\n", kills);
    CHECK(kills > 400);
    return check_result();
}
