/*
 * io_uring under the loop (see uring.h).
 *
 * A ring could be told to open files and make sockets, past seccomp: so it is restricted, before it
 * is started, to a few operations on the few files of its table.
 *
 *   U1  a read of /dev/xen/evtchn and a poll of the loop's epoll are under way while the loop waits
 *   U2  a ring outlives its process a little, with the operations under way and the files of its
 *       table. One of these is the state file, and with it that file's lock: who gets the lock next
 *       begins when nothing that the dead process began is left to be done
 */
#include "dkit/uring.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dkit/evt.h"
#include "dkit/log.h"
#include "dkit/loop.h"
#include "dkit/process.h"

/*
 * Linux 6.1 starts disk I/O from where we are (its "plug") when more than two operations are
 * submitted at once; of two or fewer, a kernel thread is woken to do it, which costs much more than
 * what does nothing beside them.
 */
enum { OPS = 16, OWN_OPS = 4, PLUGGED = 3, PORTS = 64 };

enum { FILE_LOCK, FILE_DISK = URING_DISK, FILE_EVT, FILE_EPOLL, FILES };

const int uring_calls[2] = {SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)};

static struct io_uring ring;
static int nr_lent;
static bool can_lend, reading, polling, look, disk_io;
static uint32_t ports[PORTS];

/* --- what waits ------------------------------------------------------------------------------ */

static void ports_read(struct uring_op *op, int res)
{
    (void)op;
    reading = false;
    if (res >= 0)
        evt_raised(ports, (size_t)res / sizeof ports[0]);
    else if (res != -EAGAIN && res != -EINTR)
        log_line("/dev/xen/evtchn: %s", strerror(-res));
}

static void epoll_ready(struct uring_op *op, int res)
{
    (void)op;
    (void)res;
    polling = false;
    look = true;
}

static void forget(struct uring_op *op, int res)
{
    (void)op;
    (void)res; /* the guest may have closed the channel */
}

static struct uring_op read_op = {ports_read}, poll_op = {epoll_ready}, no_op = {forget};

static void wait_for_both(void)
{
    struct io_uring_sqe *sqe;
    if (!polling && (sqe = uring_queue())) {
        io_uring_prep_poll_add(sqe, FILE_EPOLL, POLLIN);
        uring_name(sqe, &poll_op);
        polling = true;
    }
    if (!reading && (sqe = uring_queue())) {
        io_uring_prep_read(sqe, FILE_EVT, ports, sizeof ports, 0);
        uring_name(sqe, &read_op);
        reading = true;
    }
}

/* Nobody waits for its end, if Linux lets us say so. */
static void name_unwatched(struct io_uring_sqe *sqe)
{
    uring_name(sqe, &no_op);
    if (ring.features & IORING_FEAT_CQE_SKIP)
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* The device is written the port's number; the owner keeps it where it is. */
static bool unmask(const struct evt *e)
{
    struct io_uring_sqe *sqe = uring_queue();
    if (!sqe)
        return false;
    io_uring_prep_write(sqe, FILE_EVT, &e->port, sizeof e->port, 0);
    name_unwatched(sqe);
    return true;
}

static void fill_up(void)
{
    struct io_uring_sqe *sqe;
    bool skip = ring.features & IORING_FEAT_CQE_SKIP;
    while (disk_io && skip && io_uring_sq_ready(&ring) < PLUGGED && (sqe = uring_queue())) {
        io_uring_prep_nop(sqe);
        name_unwatched(sqe);
    }
    disk_io = false;
}

/* --- waiting --------------------------------------------------------------------------------- */

static void enter(int ms)
{
    struct __kernel_timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    struct io_uring_cqe *cqe;
    int rc = ms < 0    ? io_uring_submit_and_wait(&ring, 1)
             : ms == 0 ? io_uring_submit_and_get_events(&ring)
                       : io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &t, NULL);
    if (rc < 0 && rc != -EAGAIN && rc != -EBUSY && rc != -EINTR && rc != -ETIME)
        log_line("io_uring_enter: %s", strerror(-rc));
}

static void deliver(void)
{
    struct io_uring_cqe *cqe;
    while (io_uring_peek_cqe(&ring, &cqe) == 0) {
        struct uring_op *op = io_uring_cqe_get_data(cqe);
        int res = cqe->res;
        io_uring_cqe_seen(&ring, cqe);
        op->done(op, res);
    }
}

static bool wait(int ms)
{
    look = false;
    wait_for_both();
    fill_up();
    enter(io_uring_cq_ready(&ring) ? 0 : ms);
    deliver();
    return look;
}

/* --- operations ------------------------------------------------------------------------------ */

struct io_uring_sqe *uring_queue(void)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (sqe)
        return sqe;
    (void)io_uring_submit(&ring); /* what it says shows when the loop waits */
    return io_uring_get_sqe(&ring);
}

void uring_name(struct io_uring_sqe *sqe, struct uring_op *op)
{
    io_uring_sqe_set_data(sqe, op);
    sqe->flags |= IOSQE_FIXED_FILE;
}

void uring_disk_io(void)
{
    disk_io = true;
}

int uring_lend(void *buffer, size_t bytes)
{
    const struct iovec v = {.iov_base = buffer, .iov_len = bytes};
    if (!can_lend || nr_lent == URING_LENT)
        return -1;
    if (io_uring_register_buffers_update_tag(&ring, (unsigned)nr_lent, &v, NULL, 1) < 0)
        return -1;
    return nr_lent++;
}

/* --- beginning ------------------------------------------------------------------------------- */

/* Debian 12's liburing declares calls for both of its uses and exports neither. */
static int ring_register(unsigned opcode, void *arg, unsigned n)
{
    return syscall(SYS_io_uring_register, ring.ring_fd, opcode, arg, n) < 0 ? -errno : 0;
}

static int restrict_to(const uint8_t *ops, size_t nr_ops)
{
    struct io_uring_restriction r[OPS + 3];
    memset(r, 0, sizeof r);
    for (size_t i = 0; i < nr_ops; i++) {
        r[i].opcode = IORING_RESTRICTION_SQE_OP;
        r[i].sqe_op = ops[i];
    }
    r[nr_ops].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    r[nr_ops].sqe_flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    r[nr_ops + 1].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
    r[nr_ops + 1].sqe_flags = IOSQE_FIXED_FILE;
    r[nr_ops + 2].opcode = IORING_RESTRICTION_REGISTER_OP;
    r[nr_ops + 2].register_op = IORING_REGISTER_BUFFERS_UPDATE;
    return ring_register(IORING_REGISTER_RESTRICTIONS, r, (unsigned)nr_ops + 3);
}

static int make_ring(unsigned depth)
{
    /* Completions are worked on where we wait, not at any interrupt. Linux 6.1 has it. */
    const unsigned best = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int rc = io_uring_queue_init(depth, &ring, IORING_SETUP_R_DISABLED | best);
    return rc == -EINVAL ? io_uring_queue_init(depth, &ring, IORING_SETUP_R_DISABLED) : rc;
}

static int start_ring(int disk, const uint8_t *ops, size_t nr_ops)
{
    uint8_t all[OPS] = {IORING_OP_NOP, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_POLL_ADD};
    const int files[FILES] = {[FILE_LOCK] = process_lock(),
                              [FILE_DISK] = disk,
                              [FILE_EVT] = evt_take_over(unmask),
                              [FILE_EPOLL] = loop_wait_by(wait)};
    if (files[FILE_EVT] < 0)
        return files[FILE_EVT];
    if (nr_ops > OPS - OWN_OPS)
        return -E2BIG;
    memcpy(all + OWN_OPS, ops, nr_ops);
    int rc = io_uring_register_files(&ring, files, FILES);
    if (!rc)
        rc = restrict_to(all, nr_ops + OWN_OPS);
    return rc ? rc : ring_register(IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

int uring_open(unsigned depth, int disk, const uint8_t *ops, size_t nr_ops)
{
    int rc = make_ring(depth);
    if (rc)
        return rc;
    can_lend = io_uring_register_buffers_sparse(&ring, URING_LENT) == 0;
    return start_ring(disk, ops, nr_ops);
}
