/*
 * Files and block devices by io_uring: past the page cache (O_DIRECT) where that works.
 *
 * A ring could be told to open files and make sockets, past seccomp: so it is restricted, before it
 * is started, to reading, writing, syncing and punching holes in the one registered file.
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
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <seccomp.h>

#include "dkit/log.h"
#include "dkit/loop.h"

enum { DEPTH = 256, THE_FILE = 0 };

static struct io_uring ring;
static struct source source;
static struct disk_io *first, **last = &first; /* to be started */
static unsigned running;

static const int calls[] = {SCMP_SYS(io_uring_enter)};

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

/* --- the ring's set-up ----------------------------------------------------------------------- */

/* Debian 12's liburing declares both of these and exports neither. */
static int ring_register(unsigned opcode, void *arg, unsigned n)
{
    return syscall(SYS_io_uring_register, ring.ring_fd, opcode, arg, n) < 0 ? -errno : 0;
}

static int restrict_ring(void)
{
    static const uint8_t ops[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
                                  IORING_OP_FALLOCATE};
    struct io_uring_restriction r[ARRAY_SIZE(ops) + 2];
    memset(r, 0, sizeof r);
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
        r[i].opcode = IORING_RESTRICTION_SQE_OP;
        r[i].sqe_op = ops[i];
    }
    r[ARRAY_SIZE(ops)].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    r[ARRAY_SIZE(ops)].sqe_flags = IOSQE_FIXED_FILE | IOSQE_ASYNC;
    r[ARRAY_SIZE(ops) + 1].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
    r[ARRAY_SIZE(ops) + 1].sqe_flags = IOSQE_FIXED_FILE;
    return ring_register(IORING_REGISTER_RESTRICTIONS, r, ARRAY_SIZE(r));
}

static void take_done(void);

static void ready(struct source *s, uint32_t events)
{
    (void)s;
    (void)events;
    take_done();
    disk_kick();
}

static int open_ring(int fd)
{
    int rc = io_uring_queue_init(DEPTH, &ring, IORING_SETUP_R_DISABLED);
    if (rc)
        return rc;
    rc = io_uring_register_files(&ring, &fd, 1);
    if (!rc)
        rc = restrict_ring();
    if (!rc)
        rc = ring_register(IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    source = (struct source){.ready = ready, .fd = ring.ring_fd};
    return rc ? rc : loop_add(&source, EPOLLIN);
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
    int fd = open(target, flags);
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

static void prepare(struct io_uring_sqe *sqe, struct disk_io *io)
{
    switch (io->kind) {
    case REQ_READ:
        io_uring_prep_read(sqe, THE_FILE, io->data, (unsigned)io->bytes, io->offset);
        break;
    case REQ_WRITE:
        io_uring_prep_write(sqe, THE_FILE, io->data, (unsigned)io->bytes, io->offset);
        break;
    case REQ_DISCARD:
        io_uring_prep_fallocate(sqe, THE_FILE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)io->offset, (off_t)io->bytes);
        break;
    default:
        io_uring_prep_fsync(sqe, THE_FILE, IORING_FSYNC_DATASYNC);
        break;
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    io_uring_sqe_set_data(sqe, io);
}

static void submit(struct disk_io *io)
{
    io->next = NULL;
    *last = io;
    last = &io->next;
}

static void finish(struct disk_io *io, int res)
{
    running--;
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

static void take_done(void)
{
    struct io_uring_cqe *cqe;
    while (io_uring_peek_cqe(&ring, &cqe) == 0) {
        struct disk_io *io = io_uring_cqe_get_data(cqe);
        int res = cqe->res;
        io_uring_cqe_seen(&ring, cqe);
        finish(io, res);
    }
}

static void kick(void)
{
    do {
        while (first && running < DEPTH) {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            if (!sqe)
                break;
            struct disk_io *io = first;
            first = io->next;
            if (!first)
                last = &first;
            prepare(sqe, io);
            running++;
        }
        if (io_uring_sq_ready(&ring)) { /* also those that the kernel did not take last time */
            int rc = io_uring_submit(&ring);
            if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR)
                log_line("io_uring_enter: %s", strerror(-rc));
        }
        take_done(); /* what was in the page cache is done already */
    } while (first && running < DEPTH);
}

const struct disk_kind disk_uring = {calls, ARRAY_SIZE(calls), submit, kick};
