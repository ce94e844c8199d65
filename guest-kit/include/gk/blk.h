/*
 * Disks. A request is split, sent over the rings that the back-end offers, and waits for all its
 * parts; any number of threads may have requests under way. Data is copied into pages that stay
 * granted to the back-end for good, so a back-end never sees other memory. When the back-end goes
 * away, requests wait until it is back (they are sent again); when it sends nonsense, or the
 * toolstack takes the device away, the disk is stopped: -XEN_EIO from then on.
 */
#ifndef GK_BLK_H
#define GK_BLK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gk_blk;

struct gk_blk_info {
    uint64_t size;        /* bytes */
    uint32_t sector_size; /* bytes: offsets and lengths are multiples of it */
    bool readonly, flush, discard;
    bool persistent;          /* the back-end keeps our pages mapped */
    unsigned int queues;      /* rings in use */
    unsigned int segments;    /* pages per request */
    unsigned int connections; /* how often it was connected, 1 at first */
};

/*
 * Opens the disk by its name ("xvda"), by the number in xenstore ("51712"), or the first one
 * (NULL). Waits until the back-end is connected or `deadline`. One owner per disk. -XEN_ENOENT: no
 * such disk; -XEN_EBUSY: it is open, or the deadline came; -XEN_ENOMEM. May block.
 */
int gk_blk_open(const char *name, uint64_t deadline, struct gk_blk **disk);
/* Closes the device at the back-end too. No requests may be under way. May block. */
void gk_blk_close(struct gk_blk *disk);
void gk_blk_info(const struct gk_blk *disk, struct gk_blk_info *info);

/*
 * Reads or writes `length` bytes at `offset`. 0; -XEN_EINVAL: not whole sectors, or beyond the end;
 * -XEN_EROFS; -XEN_EIO: the back-end reports an error or is stopped. A write is durable after the
 * next gk_blk_flush() that returned 0. May block.
 */
int gk_blk_read(struct gk_blk *disk, uint64_t offset, void *bytes, size_t length);
int gk_blk_write(struct gk_blk *disk, uint64_t offset, const void *bytes, size_t length);
/* All completed writes are on stable storage when it returns 0 (also when the back-end has no
 * cache, or the disk is only to be read). May block. */
int gk_blk_flush(struct gk_blk *disk);
/* The content of the range is not needed any more. -XEN_EOPNOTSUPP: the back-end does not do that;
 * -XEN_EROFS, -XEN_EINVAL, -XEN_EIO as above.
 * May block. */
int gk_blk_discard(struct gk_blk *disk, uint64_t offset, uint64_t length);

#endif
