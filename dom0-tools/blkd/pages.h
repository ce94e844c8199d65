/*
 * Where a request's data is: pages of the guest's that stay mapped (persistent grants), or a buffer
 * of ours that is copied from and to the guest's pages.
 */
#ifndef BLKD_PAGES_H
#define BLKD_PAGES_H

#include <sys/uio.h>

#include "blkd/req.h"

enum {
    PAGES_PER_QUEUE = 1056,   /* that stay mapped: as many as the kernel's back-end keeps */
    PAGES_REFS = 1 << 17,     /* references beyond are copied */
    PAGES_BUFFERS = 16 << 20, /* bytes of buffers before new requests must wait */
};

/* `keep`: the front-end uses the same grants again and again. 0 or -errno. */
int pages_open(unsigned domid, bool keep, unsigned nr_queues) NODISCARD;
void pages_close(void);

struct data {
    struct iovec iov[REQ_SEGMENTS];
    unsigned nr_iov;
    unsigned nr_copied;
    char *buffer; /* of the segments that are not mapped, a page for each */
    bool copied[REQ_SEGMENTS];
};

/*
 * Sets up iov for the request; for `to_disk` what must be copied is copied now. 0, or -errno if a
 * page cannot be reached (then nothing is held).
 */
int pages_get(struct data *d, const struct req *q, bool to_disk) NODISCARD;
/* After reading from the disk: what must be copied to the guest is. 0 or -errno. */
int pages_deliver(const struct data *d, const struct req *q) NODISCARD;
void pages_put(struct data *d);
/* The first `len` bytes of one page, read once. 0 or -errno. */
int pages_read(uint32_t gref, void *to, uint16_t len) NODISCARD;
/* Are buffers of ours at their limit? */
bool pages_short(void);

#endif
