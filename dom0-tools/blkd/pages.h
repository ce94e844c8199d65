/*
 * A request's data: a buffer of ours, copied from and to the guest's pages.
 *
 * Nothing but a copy ever works on a guest's page, and no page of a guest's is given to the
 * kernel. It would take them for O_DIRECT, and save a copy; but after a process that did so was
 * killed in mid-request, its successors met ENOMEM on frames of theirs (seen on Linux 6.1; what
 * gntdev does with a page that is still in use at the process's end is the likely cause).
 */
#ifndef BLKD_PAGES_H
#define BLKD_PAGES_H

#include "blkd/req.h"

enum {
    PAGES_PER_QUEUE = 1056,   /* that stay mapped: as many as the kernel's back-end keeps */
    PAGES_REFS = 1 << 17,     /* references beyond are copied */
    PAGES_BUFFERS = 16 << 20, /* bytes of buffers in use before new requests must wait */
    PAGES_SMALL = BLKIF_MAX_SEGMENTS_PER_REQUEST, /* pages of a small buffer; else REQ_SEGMENTS */
};

/* `keep`: the front-end uses the same grants again and again. 0 or -errno. */
int pages_open(unsigned domid, bool keep, unsigned nr_queues) NODISCARD;
void pages_close(void);

struct buffer {
    char *data; /* NULL: none is held */
    int lent;   /* what disk_lend() said of it */
};

/*
 * Takes a buffer for the request's data, one segment behind the other; for `to_disk` they are
 * copied into it. 0, or -errno if a page cannot be reached (then nothing is held).
 */
int pages_get(struct buffer *b, const struct req *q, bool to_disk) NODISCARD;
/* After reading from the disk: into the guest's pages. 0 or -errno. */
int pages_deliver(const struct buffer *b, const struct req *q) NODISCARD;
void pages_put(struct buffer *b, const struct req *q);
/* The first `len` bytes of one page, read once. 0 or -errno. */
int pages_read(uint32_t gref, void *to, uint16_t len) NODISCARD;
/* Are buffers of ours at their limit? */
bool pages_short(void);

#endif
