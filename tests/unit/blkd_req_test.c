/*
 * What of a guest's request is refused, and what becomes of the rest.
 */
#include "blkd/req.h"

#include "unit/check.h"

static const struct req_limits disk = {.sectors = 1000, .flush = true, .discard = true};
static const struct req_limits readonly = {.sectors = 1000, .readonly = true, .flush = true};
static struct req q;

static struct blkif_request make(uint8_t op, unsigned segs, uint64_t sector)
{
    struct blkif_request r;
    memset(&r, 0, sizeof r);
    r.operation = op;
    r.nr_segments = (uint8_t)segs;
    r.id = 77;
    r.sector_number = sector;
    for (unsigned i = 0; i < segs && i < BLKIF_MAX_SEGMENTS_PER_REQUEST; i++)
        r.seg[i] = (struct blkif_request_segment){.gref = 10 + i, .last_sect = 7};
    return r;
}

static int decode(const struct blkif_request *r, const struct req_limits *l)
{
    memset(&q, 0xa5, sizeof q);
    int status = req_decode(&q, r, l);
    CHECK_EQ(q.id, r->id);
    /* Of an indirect request the front-end knows, and wants back, what it carries. */
    struct blkif_request_indirect i;
    memcpy(&i, r, sizeof i);
    CHECK_EQ(q.op, r->operation == BLKIF_OP_INDIRECT ? i.indirect_op : r->operation);
    return status;
}

static void test_read_write(void)
{
    struct blkif_request r = make(BLKIF_OP_READ, 2, 8);
    r.seg[0].first_sect = 3;
    r.seg[1].last_sect = 0;
    CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
    CHECK(q.kind == REQ_READ && q.nr_segs == 2 && q.todo == 0);
    CHECK_EQ(q.offset, 8 * 512);
    CHECK_EQ(q.bytes, 6 * 512);
    CHECK(q.seg[0].gref == 10 && q.seg[0].offset == 3 * 512 && q.seg[0].len == 5 * 512);
    CHECK(q.seg[1].gref == 11 && q.seg[1].offset == 0 && q.seg[1].len == 512);
    r = make(BLKIF_OP_WRITE, 11, 1000 - 88);
    CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
    CHECK(q.kind == REQ_WRITE && q.nr_segs == 11);
    CHECK(decode(&r, &readonly) == BLKIF_RSP_ERROR);
    r.operation = BLKIF_OP_READ;
    CHECK_EQ(decode(&r, &readonly), BLKIF_RSP_OKAY);
}

static void test_segments_refused(void)
{
    static const struct {
        uint8_t first, last;
    } bad[] = {{0, 8}, {3, 2}, {7, 0}, {255, 255}, {8, 8}, {0, 255}};
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct blkif_request r = make(BLKIF_OP_WRITE, 3, 0);
        r.seg[2].first_sect = bad[i].first;
        r.seg[2].last_sect = bad[i].last;
        CHECK(decode(&r, &disk) == BLKIF_RSP_ERROR);
    }
    for (unsigned n = 0; n < 256; n++) {
        struct blkif_request r = make(BLKIF_OP_READ, n, 0);
        CHECK_EQ(decode(&r, &disk), n >= 1 && n <= 11 ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
    }
}

static void test_range(void)
{
    static const struct {
        uint64_t sector;
        bool good;
    } at[] = {{0, true},
              {992, true},
              {993, false},
              {1000, false},
              {UINT64_MAX, false},
              {UINT64_MAX - 7, false},
              {UINT64_MAX / 512, false},
              {UINT64_MAX / 512 + 1, false},
              {(uint64_t)1 << 55, false}};
    for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
        struct blkif_request r = make(BLKIF_OP_READ, 1, at[i].sector);
        CHECK_EQ(decode(&r, &disk), at[i].good ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
    }
}

static void test_flush(void)
{
    struct req_limits without = disk;
    without.flush = false;
    for (uint8_t op = BLKIF_OP_WRITE_BARRIER; op <= BLKIF_OP_FLUSH_DISKCACHE; op++) {
        struct blkif_request r = make(op, 0, UINT64_MAX);
        CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
        CHECK(q.nr_segs == 0 && q.bytes == 0);
        CHECK(q.kind == (op == BLKIF_OP_WRITE_BARRIER ? REQ_BARRIER : REQ_FLUSH));
        CHECK_EQ(decode(&r, &readonly), BLKIF_RSP_OKAY);
        CHECK(decode(&r, &without) == BLKIF_RSP_EOPNOTSUPP);
        r = make(op, 2, 4);
        CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
        CHECK(q.nr_segs == 2 && q.bytes == 8192);
        CHECK(decode(&r, &readonly) == BLKIF_RSP_ERROR);
    }
}

static struct blkif_request discard(uint64_t sector, uint64_t n, uint8_t flag)
{
    union {
        struct blkif_request r;
        struct blkif_request_discard d;
    } u;
    memset(&u, 0, sizeof u);
    u.d = (struct blkif_request_discard){.operation = BLKIF_OP_DISCARD,
                                         .flag = flag,
                                         .id = 5,
                                         .sector_number = sector,
                                         .nr_sectors = n};
    return u.r;
}

static void test_discard(void)
{
    struct blkif_request r = discard(10, 990, 0);
    struct req_limits off = disk;
    off.discard = false;
    CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
    CHECK(q.kind == REQ_DISCARD && q.offset == 5120 && q.bytes == 990 * 512 && q.nr_segs == 0);
    CHECK(decode(&r, &off) == BLKIF_RSP_EOPNOTSUPP);
    CHECK(decode(&r, &readonly) == BLKIF_RSP_EOPNOTSUPP);
    r = discard(10, 991, 0);
    CHECK(decode(&r, &disk) == BLKIF_RSP_ERROR);
    r = discard(10, UINT64_MAX - 5, 0);
    CHECK(decode(&r, &disk) == BLKIF_RSP_ERROR);
    r = discard(10, 1, BLKIF_DISCARD_SECURE);
    CHECK(decode(&r, &disk) == BLKIF_RSP_EOPNOTSUPP);
}

static struct blkif_request indirect(uint8_t op, uint16_t n, uint64_t sector)
{
    union {
        struct blkif_request r;
        struct blkif_request_indirect i;
    } u;
    memset(&u, 0, sizeof u);
    u.i = (struct blkif_request_indirect){.operation = BLKIF_OP_INDIRECT,
                                          .indirect_op = op,
                                          .nr_segments = n,
                                          .id = 6,
                                          .sector_number = sector,
                                          .indirect_grefs = {99}};
    return u.r;
}

static void test_indirect(void)
{
    struct blkif_request_segment seg[REQ_SEGMENTS];
    for (unsigned i = 0; i < REQ_SEGMENTS; i++)
        seg[i] = (struct blkif_request_segment){.gref = i, .last_sect = 7};
    for (unsigned n = 0; n < 65536; n += n < 300 ? 1 : 997) {
        struct blkif_request r = indirect(BLKIF_OP_WRITE, (uint16_t)n, 0);
        int status = decode(&r, &disk);
        CHECK_EQ(status, n >= 1 && n <= REQ_SEGMENTS ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
        if (status)
            continue;
        CHECK(q.todo == n && q.page_ref == 99 && q.nr_segs == 0);
        CHECK_EQ(req_indirect(&q, seg, &disk), n <= 125 ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR);
        CHECK(q.todo == 0 && q.nr_segs == n);
    }
    struct blkif_request r = indirect(BLKIF_OP_READ, 5, 3);
    CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
    CHECK_EQ(req_indirect(&q, seg, &disk), BLKIF_RSP_OKAY);
    CHECK(q.kind == REQ_READ && q.offset == 3 * 512 && q.bytes == 5 * 4096);
    seg[4].last_sect = 8;
    CHECK_EQ(decode(&r, &disk), BLKIF_RSP_OKAY);
    CHECK(req_indirect(&q, seg, &disk) == BLKIF_RSP_ERROR);
    r = indirect(BLKIF_OP_WRITE, 5, 3);
    CHECK(decode(&r, &readonly) == BLKIF_RSP_ERROR);
    for (unsigned op = 2; op < 256; op++) {
        r = indirect((uint8_t)op, 5, 3);
        CHECK(decode(&r, &disk) == BLKIF_RSP_EOPNOTSUPP);
    }
}

static void test_unknown(void)
{
    for (unsigned op = 0; op < 256; op++) {
        struct blkif_request r = make((uint8_t)op, 1, 0);
        if (op == BLKIF_OP_RESERVED_1 || op > BLKIF_OP_INDIRECT)
            CHECK(decode(&r, &disk) == BLKIF_RSP_EOPNOTSUPP);
    }
}

int main(void)
{
    test_read_write();
    test_segments_refused();
    test_range();
    test_flush();
    test_discard();
    test_indirect();
    test_unknown();
    return check_result();
}
