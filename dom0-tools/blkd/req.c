/*
 * Checking a guest's request (see req.h).
 */
#include "blkd/req.h"

#include <string.h>

_Static_assert(sizeof(struct blkif_request) == 112, "the 64-bit layout");
_Static_assert(offsetof(struct blkif_request, id) == offsetof(struct blkif_request_indirect, id) &&
                   offsetof(struct blkif_request, id) == offsetof(struct blkif_request_discard, id),
               "id is where it is in all of them");

/* The range of the disk, once its length is known. */
static bool range_ok(struct req *q, uint64_t sector, uint64_t sectors, const struct req_limits *l)
{
    if (sector > l->sectors || sectors > l->sectors - sector)
        return false;
    q->offset = sector * REQ_SECTOR;
    q->bytes = sectors * REQ_SECTOR;
    return true;
}

static int add_segments(struct req *q, const struct blkif_request_segment *from, unsigned n,
                        uint64_t sector, const struct req_limits *l)
{
    uint64_t sectors = 0;
    for (unsigned i = 0; i < n; i++) {
        const unsigned first = from[i].first_sect, last = from[i].last_sect;
        if (first > last || last >= PAGE_SIZE / REQ_SECTOR)
            return BLKIF_RSP_ERROR;
        const unsigned count = last - first + 1;
        q->seg[i] = (struct req_seg){.gref = from[i].gref,
                                     .offset = (uint16_t)(first * REQ_SECTOR),
                                     .len = (uint16_t)(count * REQ_SECTOR)};
        sectors += count;
    }
    q->nr_segs = (uint16_t)n;
    return range_ok(q, sector, sectors, l) ? 0 : BLKIF_RSP_ERROR;
}

static int decode_discard(struct req *q, const struct blkif_request *from,
                          const struct req_limits *l)
{
    struct blkif_request_discard d;
    memcpy(&d, from, sizeof d);
    q->kind = REQ_DISCARD;
    /* Secure erasure is not offered, and must not be taken for done. */
    if (!l->discard || (d.flag & BLKIF_DISCARD_SECURE))
        return BLKIF_RSP_EOPNOTSUPP;
    if (l->readonly || !range_ok(q, d.sector_number, d.nr_sectors, l))
        return BLKIF_RSP_ERROR;
    return 0;
}

static int decode_indirect(struct req *q, const struct blkif_request *from,
                           const struct req_limits *l)
{
    struct blkif_request_indirect d;
    memcpy(&d, from, sizeof d);
    /* What is answered is the operation inside; Linux ends a disk that answers BLKIF_OP_INDIRECT.
     */
    q->op = d.indirect_op;
    if (d.indirect_op != BLKIF_OP_READ && d.indirect_op != BLKIF_OP_WRITE)
        return BLKIF_RSP_EOPNOTSUPP;
    q->kind = d.indirect_op == BLKIF_OP_READ ? REQ_READ : REQ_WRITE;
    if (d.nr_segments == 0 || d.nr_segments > REQ_SEGMENTS)
        return BLKIF_RSP_ERROR;
    if (q->kind == REQ_WRITE && l->readonly)
        return BLKIF_RSP_ERROR;
    q->todo = d.nr_segments;
    q->page_ref = d.indirect_grefs[0];
    q->offset = d.sector_number; /* in sectors until the segments are known */
    return 0;
}

static int decode_plain(struct req *q, const struct blkif_request *from, enum req_kind kind,
                        const struct req_limits *l)
{
    q->kind = kind;
    bool may_be_empty = kind == REQ_FLUSH || kind == REQ_BARRIER;
    if (may_be_empty && !l->flush)
        return BLKIF_RSP_EOPNOTSUPP;
    if (from->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST ||
        (from->nr_segments == 0 && !may_be_empty))
        return BLKIF_RSP_ERROR;
    if (from->nr_segments == 0)
        return 0; /* a sector number means nothing then */
    if (kind != REQ_READ && l->readonly)
        return BLKIF_RSP_ERROR;
    return add_segments(q, from->seg, from->nr_segments, from->sector_number, l);
}

int req_decode(struct req *q, const struct blkif_request *from, const struct req_limits *l)
{
    q->id = from->id;
    q->op = from->operation;
    q->offset = q->bytes = 0;
    q->nr_segs = q->todo = 0;
    switch (from->operation) {
    case BLKIF_OP_READ:
        return decode_plain(q, from, REQ_READ, l);
    case BLKIF_OP_WRITE:
        return decode_plain(q, from, REQ_WRITE, l);
    case BLKIF_OP_FLUSH_DISKCACHE:
        return decode_plain(q, from, REQ_FLUSH, l);
    case BLKIF_OP_WRITE_BARRIER:
        return decode_plain(q, from, REQ_BARRIER, l);
    case BLKIF_OP_DISCARD:
        return decode_discard(q, from, l);
    case BLKIF_OP_INDIRECT:
        return decode_indirect(q, from, l);
    default:
        return BLKIF_RSP_EOPNOTSUPP;
    }
}

int req_indirect(struct req *q, const struct blkif_request_segment *from,
                 const struct req_limits *l)
{
    unsigned n = q->todo;
    q->todo = 0;
    return add_segments(q, from, n, q->offset, l);
}
