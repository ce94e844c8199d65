/*
 * What a guest asks of its disk: one request's private copy is checked and put into plain numbers.
 * Pure; nothing here looks at the guest's memory.
 */
#ifndef BLKD_REQ_H
#define BLKD_REQ_H

#include "base/bits.h"

#include "abi/abi.h"
#include <xen/io/blkif.h>

enum {
    REQ_SEGMENTS = 128,     /* feature-max-indirect-segments */
    REQ_INDIRECT_PAGES = 1, /* enough for as many */
    REQ_SECTOR = 512,       /* the protocol's unit, whatever the disk's is */
    REQ_SEGS_PER_PAGE = 4096 / sizeof(struct blkif_request_segment),
};
_Static_assert(REQ_SEGMENTS <= REQ_INDIRECT_PAGES * REQ_SEGS_PER_PAGE, "they fit");

enum req_kind { REQ_READ, REQ_WRITE, REQ_FLUSH, REQ_BARRIER, REQ_DISCARD };

/* What the disk can do. */
struct req_limits {
    uint64_t sectors; /* of REQ_SECTOR bytes */
    bool readonly, flush, discard;
};

/* A piece of one page of the guest's. */
struct req_seg {
    uint32_t gref;
    uint16_t offset, len; /* within the page; len > 0 */
};

struct req {
    uint64_t id;
    uint8_t op; /* what the response names */
    enum req_kind kind;
    uint64_t offset, bytes; /* on the disk; checked against its size */
    uint16_t nr_segs;
    uint16_t todo; /* segments still to be read from the indirect page */
    uint32_t page_ref;
    struct req_seg seg[REQ_SEGMENTS];
};

/*
 * 0, or the status to answer with (BLKIF_RSP_*); id and op are good in either case. With todo > 0
 * the caller copies so many segments out of page_ref and gives them to req_indirect(), whose answer
 * then counts.
 */
int req_decode(struct req *q, const struct blkif_request *from,
               const struct req_limits *l) NODISCARD;
int req_indirect(struct req *q, const struct blkif_request_segment *from,
                 const struct req_limits *l) NODISCARD;

#endif
