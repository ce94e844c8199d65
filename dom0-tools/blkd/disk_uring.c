/*
 * Files and block devices by io_uring: past the page cache (O_DIRECT) where that works.
 */
#include "blkd/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dkit/uring.h"

enum { DEPTH = 256 };

static struct disk_io *first, **last = &first; /* to be started */
static unsigned running;

/* --- opening --------------------------------------------------------------------------------- */

/* The same file past the page cache, if that works with sectors of 512 bytes or the device's. */
static int try_direct(const char *target, int flags, size_t sector)
{
    void *page;
    int fd = open(target, flags | O_DIRECT);
    if (fd < 0 || posix_memalign(&page, 4096, 4096))
        return fd;
    ssize_t n = pread(fd, page, sector, 0);
    free(page);
    if (n == (ssize_t)sector)
        return fd;
    close(fd);
    return -1;
}

/* A device that a process of ours has had until now may take Linux a moment to let go. */
static int open_patiently(const char *target, int flags)
{
    int fd;
    for (int tries = 0; (fd = open(target, flags)) < 0 && errno == EBUSY && tries < 100; tries++)
        usleep(10000);
    return fd;
}

static int size_of_device(int fd, struct disk_info *info)
{
    uint64_t bytes;
    int logical = 512;
    unsigned physical = 512;
    if (ioctl(fd, BLKGETSIZE64, &bytes) || ioctl(fd, BLKSSZGET, &logical))
        return -errno;
    if (ioctl(fd, BLKPBSZGET, &physical))
        physical = (unsigned)logical;
    info->limits.sectors = bytes / REQ_SECTOR;
    info->sector_size = (uint32_t)logical;
    info->physical_size = physical;
    return 0;
}

static void size_of_file(const struct stat *st, struct disk_info *info)
{
    info->limits.sectors = (uint64_t)st->st_size / REQ_SECTOR;
    info->sector_size = 512;
    info->physical_size = 4096;
    info->discard_granularity = (uint32_t)st->st_blksize;
}

/* Behind the end, where there is nothing to lose. A device tells when it is asked in earnest. */
static bool can_punch(int fd, const struct stat *st)
{
    if (S_ISBLK(st->st_mode))
        return true;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, st->st_size, 4096) == 0;
}

static int open_ring(int fd)
{
    static const uint8_t ops[] = {IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED, IORING_OP_FSYNC,
                                  IORING_OP_FALLOCATE};
    return uring_open(DEPTH, fd, ops, sizeof ops);
}

int disk_uring_open(const char *target, bool readonly, bool discard, struct disk_info *info,
                    char *why, size_t room)
{
    struct stat st;
    int flags = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    if (stat(target, &st)) {
        int rc = -errno;
        snprintf(why, room, "'%s': %s", target, strerror(-rc));
        return rc;
    }
    if (S_ISBLK(st.st_mode) && !readonly)
        flags |= O_EXCL; /* not while dom0 has it mounted */
    int fd = open_patiently(target, flags);
    if (fd < 0 || (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))) {
        int rc = fd < 0 ? -errno : -EINVAL;
        snprintf(why, room, "'%s': %s", target,
                 fd < 0 ? strerror(-rc) : "neither a file nor a block device");
        return rc;
    }
    int rc = 0;
    if (S_ISBLK(st.st_mode))
        rc = size_of_device(fd, info);
    else
        size_of_file(&st, info);
    info->limits.readonly = readonly;
    info->limits.flush = true;
    info->limits.discard = !rc && discard && !readonly && can_punch(fd, &st);
    if (flags & O_EXCL) { /* we hold it ourselves */
        close(fd);
        fd = -1;
    }
    int direct = rc ? -1 : try_direct(target, flags, info->sector_size);
    if (direct >= 0) {
        if (fd >= 0)
            close(fd);
        fd = direct;
    } else if (fd < 0 && !rc) {
        fd = open(target, flags);
        rc = fd < 0 ? -errno : 0;
    }
    if (!rc)
        rc = open_ring(fd);
    if (rc)
        snprintf(why, room, "'%s': %s", target, strerror(-rc));
    return rc;
}

/* --- work ------------------------------------------------------------------------------------ */

static void prepare_data(struct io_uring_sqe *sqe, const struct disk_io *io)
{
    unsigned n = (unsigned)io->bytes;
    if (io->kind == REQ_READ && io->lent >= 0)
        io_uring_prep_read_fixed(sqe, URING_DISK, io->data, n, io->offset, io->lent);
    else if (io->kind == REQ_READ)
        io_uring_prep_read(sqe, URING_DISK, io->data, n, io->offset);
    else if (io->lent >= 0)
        io_uring_prep_write_fixed(sqe, URING_DISK, io->data, n, io->offset, io->lent);
    else
        io_uring_prep_write(sqe, URING_DISK, io->data, n, io->offset);
}

static void finished(struct uring_op *op, int res);

static void prepare(struct io_uring_sqe *sqe, struct disk_io *io)
{
    switch (io->kind) {
    case REQ_READ:
    case REQ_WRITE:
        prepare_data(sqe, io);
        break;
    case REQ_DISCARD:
        io_uring_prep_fallocate(sqe, URING_DISK, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)io->offset, (off_t)io->bytes);
        break;
    default:
        io_uring_prep_fsync(sqe, URING_DISK, IORING_FSYNC_DATASYNC);
        break;
    }
    io->op.done = finished;
    uring_name(sqe, &io->op);
}

static void submit(struct disk_io *io)
{
    io->next = NULL;
    *last = io;
    last = &io->next;
}

/* They start when the loop waits, all at once. */
static void kick(void)
{
    struct io_uring_sqe *sqe;
    while (first && running < DEPTH && (sqe = uring_queue())) {
        struct disk_io *io = first;
        first = io->next;
        if (!first)
            last = &first;
        prepare(sqe, io);
        uring_disk_io();
        running++;
    }
}

static void finish(struct disk_io *io, int res)
{
    if (res == -EINTR || res == -EAGAIN) {
        submit(io);
        return;
    }
    bool data = io->kind == REQ_READ || io->kind == REQ_WRITE;
    if (res < 0 || !data) {
        io->done(io, res < 0 ? res : 0);
        return;
    }
    if (res == 0 || (uint64_t)res > io->bytes) {
        io->done(io, -EIO); /* the file has become shorter */
        return;
    }
    io->offset += (unsigned)res;
    io->bytes -= (unsigned)res;
    io->data += res;
    if (io->bytes)
        submit(io); /* the rest */
    else
        io->done(io, 0);
}

static void finished(struct uring_op *op, int res)
{
    running--;
    finish(CONTAINER_OF(op, struct disk_io, op), res);
    if (first)
        kick();
}

const struct disk_kind disk_uring = {uring_calls, ARRAY_SIZE(uring_calls), submit, kick,
                                     uring_lend};
