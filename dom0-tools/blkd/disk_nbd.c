/*
 * An NBD export by libnbd: whatever qemu-nbd, nbdkit or a remote server keeps there.
 *
 * A command takes one buffer, so data goes through one of ours. When the connection is lost the
 * process ends: its successor connects again and carries out what has not been answered.
 */
#include "blkd/disk.h"

#include <errno.h>
#include <libnbd.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "dkit/log.h"
#include "dkit/loop.h"

static struct nbd_handle *nbd;
static struct source source;
static uint32_t wanted;

static const int calls[] = {
    SCMP_SYS(getsockopt),  SCMP_SYS(setsockopt),  SCMP_SYS(shutdown),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

static int failed(const char *target, char *why, size_t room)
{
    int error = nbd_get_errno();
    const char *text = nbd_get_error();
    snprintf(why, room, "'%s': %s", target, text ? text : "no reason is given");
    return error ? -error : -EIO;
}

/* --- the connection in the loop -------------------------------------------------------------- */

static void check_alive(void)
{
    if (!nbd_aio_is_dead(nbd) && !nbd_aio_is_closed(nbd))
        return;
    log_line("the NBD connection is lost: trying again");
    exit(1);
}

/* libnbd says which way it waits; epoll is told when that changes. */
static void set_direction(void)
{
    unsigned dir = nbd_aio_get_direction(nbd);
    uint32_t events = (dir & LIBNBD_AIO_DIRECTION_READ ? (uint32_t)EPOLLIN : 0u) |
                      (dir & LIBNBD_AIO_DIRECTION_WRITE ? (uint32_t)EPOLLOUT : 0u);
    if (events != wanted)
        loop_change(&source, events);
    wanted = events;
}

static void ready(struct source *s, uint32_t events)
{
    (void)s;
    unsigned dir = nbd_aio_get_direction(nbd);
    int rc = 0;
    /* A failed notification leaves the connection dead, which is looked at below. */
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && (dir & LIBNBD_AIO_DIRECTION_READ))
        rc = nbd_aio_notify_read(nbd);
    else if ((events & EPOLLOUT) && (dir & LIBNBD_AIO_DIRECTION_WRITE))
        rc = nbd_aio_notify_write(nbd);
    if (rc)
        log_line("NBD: %s", nbd_get_error());
    check_alive();
    disk_kick();
}

int disk_nbd_open(const char *target, bool readonly, bool discard, struct disk_info *info,
                  char *why, size_t room)
{
    nbd = nbd_create();
    if (!nbd || nbd_connect_uri(nbd, target))
        return failed(target, why, room);
    int64_t size = nbd_get_size(nbd);
    int64_t least = nbd_get_block_size(nbd, LIBNBD_SIZE_MINIMUM);
    if (size < 0)
        return failed(target, why, room);
    if (!readonly && nbd_is_read_only(nbd) > 0) {
        snprintf(why, room, "'%s': the server exports it read-only", target);
        return -EROFS;
    }
    info->limits = (struct req_limits){.sectors = (uint64_t)size / REQ_SECTOR,
                                       .readonly = readonly,
                                       .flush = nbd_can_flush(nbd) > 0,
                                       .discard = discard && !readonly && nbd_can_trim(nbd) > 0};
    info->sector_size = least > 512 && least <= 4096 ? (uint32_t)least : 512;
    info->physical_size = 4096;
    source = (struct source){.ready = ready, .fd = nbd_aio_get_fd(nbd)};
    wanted = EPOLLIN;
    return loop_add(&source, EPOLLIN);
}

/* --- commands -------------------------------------------------------------------------------- */

static int done(void *user, int *error)
{
    struct disk_io *io = user;
    /* The connection's end fails all commands: these are not to be answered, but done again. */
    if (*error && (nbd_aio_is_dead(nbd) || nbd_aio_is_closed(nbd)))
        return 1;
    io->done(io, *error ? -*error : 0);
    return 1; /* retires the command */
}

static int64_t start(struct disk_io *io)
{
    nbd_completion_callback cb = {.callback = done, .user_data = io};
    switch (io->kind) {
    case REQ_READ:
        return nbd_aio_pread(nbd, io->data, io->bytes, io->offset, cb, 0);
    case REQ_WRITE:
        return nbd_aio_pwrite(nbd, io->data, io->bytes, io->offset, cb, 0);
    case REQ_DISCARD:
        return nbd_aio_trim(nbd, io->bytes, io->offset, cb, 0);
    default:
        return nbd_aio_flush(nbd, cb, 0);
    }
}

static struct disk_io *first, **last = &first; /* to be started */

static void submit(struct disk_io *io)
{
    io->next = NULL;
    *last = io;
    last = &io->next;
}

static void start_or_fail(struct disk_io *io)
{
    if (start(io) >= 0)
        return;
    int error = nbd_get_errno();
    check_alive();
    log_line("NBD: %s", nbd_get_error());
    io->done(io, error ? -error : -EIO);
}

static void kick(void)
{
    while (first) {
        struct disk_io *io = first;
        first = io->next;
        if (!first)
            last = &first;
        start_or_fail(io);
    }
    check_alive();
    set_direction();
}

const struct disk_kind disk_nbd = {calls, ARRAY_SIZE(calls), submit, kick, NULL};
