/*
 * The kit's pure pieces: rings of disk, xenstore and console with honest and lying peers, messages
 * in pieces, timers in order, formatted text, one grant entry, ticks to time.
 */
#include "check.h"

#include <stdlib.h>

#include <gk/kit.h>
#include <gk/mem.h>
#include "blk/ring.h"
#include "console/con.h"
#include "gnt/gnt.h"
#include "time/clock.h"
#include "xenbus/xb.h"

void *gk_alloc(size_t size)
{
    return malloc(size);
}

void gk_free(void *block)
{
    free(block);
}

static union {
    struct blkif_sring blk;
    struct xenstore_domain_interface xs;
    struct xencons_interface con;
    uint8_t bytes[4096];
} page __attribute__((aligned(4096)));

/* --- disk --- */

/* The header declares an array of one. */
static union blkif_sring_entry *blk_entry(uint64_t i)
{
    return (union blkif_sring_entry *)(page.bytes + offsetof(struct blkif_sring, ring)) +
           i % BLK_RING_SLOTS;
}

static void blk_answer(uint64_t id)
{
    blk_entry(page.blk.rsp_prod)->rsp = (blkif_response_t){.id = id};
    page.blk.rsp_prod++;
}

static void blk_rings(void)
{
    struct blk_ring r;
    blkif_request_t request = {.operation = BLKIF_OP_READ};
    blkif_response_t response;

    memset(&page, 0, sizeof(page));
    blk_ring_init(&r, &page.blk);
    CHECK_EQ(blk_ring_room(&r), BLK_RING_SLOTS);
    for (uint64_t i = 0; i < 100; i++) {
        request.id = i;
        blk_ring_put(&r, &request);
        CHECK(blk_ring_publish(&r));
        page.blk.req_event = page.blk.req_prod + 1;
        CHECK_EQ(blk_ring_take(&r, &response), 0);
        CHECK_EQ(page.blk.rsp_event, i + 1);
        CHECK_EQ(blk_entry(i)->req.id, i);
        blk_answer(i);
        CHECK_EQ(blk_ring_take(&r, &response), 1);
        CHECK_EQ(response.id, i);
    }
    while (blk_ring_room(&r))
        blk_ring_put(&r, &request);
    page.blk.req_event = page.blk.req_prod + 40; /* does not want to hear */
    CHECK(!blk_ring_publish(&r));
    page.blk.rsp_prod += BLK_RING_SLOTS + 1;
    CHECK_EQ(blk_ring_take(&r, &response), -1);
    page.blk.rsp_prod -= 2 * BLK_RING_SLOTS;
    CHECK_EQ(blk_ring_take(&r, &response), -1);
}

/* Answers to requests that were put but not published are lies too. */
static void blk_early(void)
{
    struct blk_ring r;
    blkif_request_t request = {.id = 1};
    blkif_response_t response;

    memset(&page, 0, sizeof(page));
    blk_ring_init(&r, &page.blk);
    blk_ring_put(&r, &request);
    blk_answer(1);
    CHECK_EQ(blk_ring_take(&r, &response), -1);
}

/* --- xenstore --- */

static unsigned int messages;
static struct xsd_sockmsg last_head;
static char last_body[64];

void xs_message_done(const struct xsd_sockmsg *head, char *body)
{
    messages++;
    last_head = *head;
    snprintf(last_body, sizeof(last_body), "%s", body ? body : "");
    free(body);
}

static void xs_messages(void)
{
    struct xs_stream s = {.have = 0};
    struct {
        struct xsd_sockmsg head;
        char body[6];
    } m = {{.type = XS_READ, .req_id = 7, .len = 6}, "hello"};
    const char *bytes = (const char *)&m;
    size_t size = sizeof(m.head) + 6;

    for (size_t piece = 1; piece <= size; piece++) {
        messages = 0;
        for (size_t at = 0; at < size; at += piece)
            CHECK(xs_stream_feed(&s, bytes + at, piece < size - at ? piece : size - at));
        CHECK_EQ(messages, 1);
        CHECK_EQ(last_head.req_id, 7);
        CHECK_STR(last_body, "hello");
    }
    m.head.len = 0;
    CHECK(xs_stream_feed(&s, bytes, sizeof(m.head)));
    CHECK_EQ(messages, 2);
    m.head.len = XENSTORE_PAYLOAD_MAX + 1;
    CHECK(!xs_stream_feed(&s, bytes, sizeof(m.head)));
}

static void xs_rings(void)
{
    char in[3000], out[3000];

    memset(&page, 0, sizeof(page));
    memset(in, 'x', sizeof(in));
    CHECK_EQ(xs_ring_put(&page.xs, in, sizeof(in)), XENSTORE_RING_SIZE);
    CHECK_EQ(xs_ring_put(&page.xs, in, 1), 0);
    page.xs.req_cons = page.xs.req_prod - 5;
    CHECK_EQ(xs_ring_put(&page.xs, in, sizeof(in)), XENSTORE_RING_SIZE - 5);
    page.xs.req_cons = page.xs.req_prod + 1;
    CHECK_EQ(xs_ring_put(&page.xs, in, 1), -1);
    page.xs.rsp_cons = page.xs.rsp_prod = 1000;
    CHECK_EQ(xs_ring_get(&page.xs, out, sizeof(out)), 0);
    for (unsigned int i = 0; i < 100; i++)
        page.xs.rsp[MASK_XENSTORE_IDX(1000 + i)] = (char)i;
    page.xs.rsp_prod += 100;
    CHECK_EQ(xs_ring_get(&page.xs, out, 60), 60);
    CHECK_EQ(xs_ring_get(&page.xs, out + 60, 60), 40);
    bool right = true;
    for (unsigned int i = 0; i < 100; i++)
        right &= out[i] == (char)i;
    CHECK(right);
    page.xs.rsp_prod += XENSTORE_RING_SIZE + 1;
    CHECK_EQ(xs_ring_get(&page.xs, out, 1), -1);
}

/* --- console --- */

static void con_rings(void)
{
    char text[4000], in[10];

    memset(&page, 0, sizeof(page));
    memset(text, 'y', sizeof(text));
    CHECK_EQ(con_ring_put(&page.con, text, sizeof(text)), sizeof(page.con.out));
    CHECK(!con_ring_flushed(&page.con));
    page.con.out_cons = page.con.out_prod;
    CHECK(con_ring_flushed(&page.con));
    page.con.out_cons++; /* has read more than there is */
    CHECK_EQ(con_ring_put(&page.con, text, 1), 0);
    memcpy(page.con.in, "abc", 3);
    page.con.in_prod = 3;
    CHECK_EQ(con_ring_get(&page.con, in, 2), 2);
    CHECK_EQ(con_ring_get(&page.con, in + 2, 8), 1);
    CHECK(!memcmp(in, "abc", 3));
    page.con.in_prod += sizeof(page.con.in) + 1;
    CHECK_EQ(con_ring_get(&page.con, in, 1), 0);
}

/* --- timers --- */

static void timers(unsigned int seed)
{
    static struct gk_timer all[200];
    struct gk_timer *root = NULL;
    unsigned int set = 0;

    srand(seed);
    memset(all, 0, sizeof(all));
    for (unsigned int step = 0; step < 5000; step++) {
        struct gk_timer *t = &all[(unsigned int)rand() % 200];
        if (t->set) {
            root = timers_remove(root, t);
            set--;
        } else {
            t->deadline = (uint64_t)rand() % 1000;
            root = timers_add(root, t);
            set++;
        }
        t->set = !t->set;
        if (step % 16 == 0)
            CHECK(!timers_audit(root));
    }
    for (uint64_t before = 0; root; set--) {
        CHECK(root->deadline >= before);
        before = root->deadline;
        root->set = false;
        root = timers_remove(root, root);
    }
    CHECK_EQ(set, 0);
}

/* --- text --- */

static void formats(void)
{
    static const struct {
        const char *format;
        long value;
    } numbers[] = {
        {"%ld", 0},      {"%ld", -5},   {"%5ld|", 42}, {"%-5ld|", 42},  {"%05ld", -42},
        {"%+ld", 7},     {"% ld", 7},   {"%.3ld", 7},  {"%lx", 0xbeef}, {"%#lx", 0xbeef},
        {"%08lX", 0xab}, {"%lu", -1},   {"%lo", 8},    {"%8.3ld", 9},   {"%-8.3ld|", -9},
        {"%.0ld", 0},    {"%ld%%", 50},
    };
    char ours[64], theirs[64];

    for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = gk_snprintf(ours, sizeof(ours), numbers[i].format, numbers[i].value);
        CHECK_EQ(n, snprintf(theirs, sizeof(theirs), numbers[i].format, numbers[i].value));
#pragma GCC diagnostic pop
        CHECK_STR(ours, theirs);
    }
    const char *narrow = "%s-%5s-%-5s-%.2s-%c-%hhd"; /* behind a name: 300 is meant to be cut */
    gk_snprintf(ours, sizeof(ours), narrow, "a", "b", "c", "def", 'x', 300);
    CHECK_STR(ours, "a-    b-c    -de-x-44");
    CHECK_EQ(gk_snprintf(ours, 4, "%s", "truncated"), 9);
    CHECK_STR(ours, "tru");
    gk_snprintf(ours, sizeof(ours), "%*d|%-*d|", 4, 1, 4, 2);
    CHECK_STR(ours, "   1|2   |");
}

/* --- grants, time --- */

static void grants(void)
{
    struct grant_entry_v1 e = {0};

    gnt_entry_set(&e, 5, 0x1234, true);
    CHECK_EQ(e.flags, GTF_permit_access | GTF_readonly);
    CHECK_EQ(e.frame, 0x1234);
    CHECK_EQ(e.domid, 5);
    e.flags |= GTF_reading;
    CHECK(gnt_entry_in_use(&e));
    CHECK(!gnt_entry_clear(&e));
    CHECK(e.flags & GTF_permit_access);
    e.flags &= (uint16_t)~GTF_reading;
    CHECK(gnt_entry_clear(&e));
    CHECK_EQ(e.flags, 0);
}

static void clocks(void)
{
    struct clock_scale s = {.tsc = 1000, .system = 5, .mul = 0x80000000, .shift = 1};

    CHECK_EQ(clock_scaled(&s, 1000), 5);
    CHECK_EQ(clock_scaled(&s, 1100), 105);
    s.shift = -1;
    CHECK_EQ(clock_scaled(&s, 1400), 105);
}

int main(void)
{
    blk_rings();
    blk_early();
    xs_messages();
    xs_rings();
    con_rings();
    for (unsigned int seed = 1; seed <= 5; seed++)
        timers(seed);
    formats();
    grants();
    clocks();
    return check_result();
}
