/*
 * io_uring under a daemon's loop: one system call starts what was queued and waits for whatever
 * comes first, be it an operation's end, an event channel or a descriptor of the loop's.
 */
#ifndef DKIT_URING_H
#define DKIT_URING_H

#include "base/bits.h"

struct io_uring_sqe;

/* The owner keeps it in place until done() is called, from the loop. */
struct uring_op {
    void (*done)(struct uring_op *op, int res);
};

enum {
    URING_LENT = 512, /* most buffers that can be lent */
    URING_DISK = 1,   /* what operations have as their file: the disk */
};

/*
 * For a device's process: takes over the loop's waiting and the event channels. From then on the
 * ring does nothing but `ops` (IORING_OP_*) on `disk` and what those two need. Before confinement;
 * 0 or -errno.
 */
int uring_open(unsigned depth, int disk, const uint8_t *ops, size_t nr_ops) NODISCARD;
/* System calls that it needs once confined. */
extern const int uring_calls[2];

/*
 * One operation, to be filled in by io_uring_prep_*() and then uring_name()d; it starts when the
 * loop waits next. NULL: the kernel takes no more now.
 */
struct io_uring_sqe *uring_queue(void) NODISCARD;
void uring_name(struct io_uring_sqe *sqe, struct uring_op *op);

/* Among what is queued there is a read or write of a disk. */
void uring_disk_io(void);

/*
 * Tells the kernel of a buffer that will be used many times, which spares it the look-up of its
 * pages each time. Its number for io_uring_prep_*_fixed(); -1: it is used like any memory.
 */
int uring_lend(void *buffer, size_t bytes);

#endif
