/* What all sockets have in common: making, waiting, ending, and being files. */
#include "net/socket/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <gk/mem.h>
#include <gk/time.h>

#include "lwip/tcp.h"
#include "net/stack.h"

struct sock *sock_new(int type)
{
    struct sock *sock = gk_zalloc(sizeof *sock);
    if (!sock)
        return NULL;
    sock->file = (struct fd_file){.ops = &sock_ops, .flags = O_RDWR};
    sock->type = type;
    sock->waiting_end = &sock->waiting;
    sock->datagrams_end = &sock->datagrams;
    return sock;
}

struct sock *sock_get(int fd)
{
    struct fd_file *file = fd_get(fd);
    if (file && file->ops == &sock_ops)
        return (struct sock *)file;
    errno = file ? ENOTSOCK : EBADF;
    return NULL;
}

int sock_errno(err_t error)
{
    switch (error) {
    case ERR_OK:
        return 0;
    case ERR_MEM:
    case ERR_BUF:
        return ENOBUFS;
    case ERR_TIMEOUT:
        return ETIMEDOUT;
    case ERR_RTE:
        return EHOSTUNREACH;
    case ERR_USE:
        return EADDRINUSE;
    case ERR_ALREADY:
        return EALREADY;
    case ERR_ISCONN:
        return EISCONN;
    case ERR_CONN:
    case ERR_CLSD:
        return ENOTCONN;
    case ERR_IF:
        return ENETDOWN;
    case ERR_ABRT:
        return ECONNABORTED;
    case ERR_RST:
        return ECONNRESET;
    default:
        return EINVAL;
    }
}

uint64_t sock_deadline(const struct sock *sock, int flags, uint64_t timeout)
{
    if (sock->file.flags & O_NONBLOCK || flags & MSG_DONTWAIT)
        return 0;
    return timeout ? gk_time_mono() + timeout : GK_FOREVER;
}

int sock_wait(struct gk_waitq *queue, uint64_t deadline)
{
    net_flush_now();
    if (deadline == 0)
        return -EAGAIN;
    return gk_waitq_wait(queue, deadline) ? 0 : -EAGAIN;
}

void sock_wake_readers(struct sock *sock)
{
    gk_waitq_wake_all(&sock->readers);
    fd_changed();
}

void sock_wake_writers(struct sock *sock)
{
    gk_waitq_wake_all(&sock->writers);
    fd_changed();
}

/* ---- a socket as a file ---- */

static ssize_t sock_read(struct fd_file *file, void *to, size_t size)
{
    struct sock *sock = (struct sock *)file;
    uint32_t address;
    uint16_t port;
    if (sock->type == SOCK_STREAM)
        return stream_recv(sock, to, size, 0);
    return datagram_recv(sock, to, size, 0, &address, &port);
}

static ssize_t sock_write(struct fd_file *file, const void *from, size_t size)
{
    struct sock *sock = (struct sock *)file;
    if (sock->type == SOCK_STREAM)
        return stream_send(sock, from, size, 0);
    if (!sock->connected)
        return -EDESTADDRREQ;
    return datagram_send(sock, from, size, sock->peer, sock->peer_port);
}

static int sock_stat(struct fd_file *file, struct stat *stat)
{
    (void)file;
    __builtin_memset(stat, 0, sizeof *stat);
    stat->st_mode = S_IFSOCK | 0600;
    return 0;
}

static short sock_ready(struct fd_file *file)
{
    struct sock *sock = (struct sock *)file;
    short ready = 0;
    if (sock->type == SOCK_DGRAM)
        return (short)(POLLOUT | (sock->datagrams ? POLLIN : 0));
    if (sock->first || sock->waiting || sock->eof || sock->shut_read || sock->error)
        ready |= POLLIN;
    if (sock->connected && (!sock->tcp || tcp_sndbuf(sock->tcp) >= TCP_SNDLOWAT))
        ready |= POLLOUT;
    if (sock->error)
        ready |= POLLERR | POLLOUT;
    if (sock->eof && (sock->shut_write || !sock->tcp))
        ready |= POLLHUP;
    return ready;
}

static int sock_ioctl(struct fd_file *file, unsigned long request, void *argument)
{
    struct sock *sock = (struct sock *)file;
    unsigned int bytes = 0;
    if (request != FIONREAD)
        return -EINVAL;
    for (const struct pbuf *p = sock->first; p; p = p->next)
        bytes += p->len;
    if (sock->datagrams)
        bytes = sock->datagrams->data->tot_len;
    *(int *)argument = (int)(bytes - sock->skip);
    return 0;
}

static void sock_close(struct fd_file *file)
{
    struct sock *sock = (struct sock *)file;
    if (sock->type == SOCK_STREAM)
        stream_close(sock);
    else
        datagram_close(sock);
    gk_free(sock);
}

const struct fd_ops sock_ops = {
    .read = sock_read,
    .write = sock_write,
    .stat = sock_stat,
    .ready = sock_ready,
    .ioctl = sock_ioctl,
    .close = sock_close,
};
