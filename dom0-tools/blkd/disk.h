/*
 * What a guest's disk is kept on: a file or block device (disk_uring.c), or an NBD export
 * (disk_nbd.c). One in each process.
 */
#ifndef BLKD_DISK_H
#define BLKD_DISK_H

#include "blkd/req.h"
#include "dkit/uring.h"

struct disk_info {
    struct req_limits limits;
    uint32_t sector_size, physical_size; /* what the guest is told */
    uint32_t discard_granularity;        /* 0: not known */
};

/* One operation. The caller keeps it and the data in place until done() is called. */
struct disk_io {
    enum req_kind kind; /* not REQ_BARRIER */
    uint64_t offset, bytes;
    char *data; /* for read and write; offset, bytes and data move on under way */
    int lent;   /* the number of the buffer that data is in (disk_lend()), or -1 */
    void (*done)(struct disk_io *io, int error); /* 0 or -errno */
    struct disk_io *next;
    struct uring_op op;
};

/* Opens with the privileges there still are; 0 or -errno with a sentence. */
int disk_open(const char *target, bool readonly, bool discard, struct disk_info *info, char *why,
              size_t room) NODISCARD;
/* System calls that it needs once confined. */
const int *disk_calls(size_t *n);
/* A buffer that data will be in many times: a number for it, or -1 if that is no help. */
int disk_lend(void *buffer, size_t bytes);
/* Queues; done() is called from disk_kick() or from the loop, never from here. */
void disk_submit(struct disk_io *io);
/* Starts what was queued. */
void disk_kick(void);

/* --- between disk.c and the kinds --------------------------------------------------------------
 */

struct disk_kind {
    const int *calls;
    size_t nr_calls;
    void (*submit)(struct disk_io *io);
    void (*kick)(void);
    int (*lend)(void *buffer, size_t bytes); /* NULL: no help */
};
int disk_uring_open(const char *target, bool readonly, bool discard, struct disk_info *info,
                    char *why, size_t room) NODISCARD;
int disk_nbd_open(const char *target, bool readonly, bool discard, struct disk_info *info,
                  char *why, size_t room) NODISCARD;
extern const struct disk_kind disk_uring, disk_nbd;

#endif
