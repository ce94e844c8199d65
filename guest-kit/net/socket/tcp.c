/* Stream sockets over lwIP's TCP. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include <gk/mem.h>
#include <gk/net.h>
#include <gk/time.h>

#include "lwip/tcp.h"
#include "net/socket/sock.h"
#include "net/stack.h"

#define ADDRESS_WAIT (30 * GK_S) /* that connect() gives the network to come up */

/* ---- what lwIP calls ---- */

static err_t on_received(void *argument, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
    struct sock *sock = argument;
    (void)error;
    if (!p) {
        sock->eof = true;
    } else if (sock->shut_read) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
        return ERR_OK;
    } else {
        /* The list may grow beyond what a pbuf's tot_len can say, so that is not kept up. */
        if (sock->first)
            sock->last->next = p;
        else
            sock->first = p;
        while (p->next)
            p = p->next;
        sock->last = p;
    }
    sock_wake_readers(sock);
    return ERR_OK;
}

static err_t on_sent(void *argument, struct tcp_pcb *pcb, uint16_t length)
{
    struct sock *sock = argument;
    (void)length;
    if (sock->writers.first || tcp_sndbuf(pcb) >= TCP_SNDLOWAT)
        sock_wake_writers(sock);
    return ERR_OK;
}

static err_t on_connected(void *argument, struct tcp_pcb *pcb, err_t error)
{
    struct sock *sock = argument;
    (void)error; /* always ERR_OK: a failure comes by on_error */
    sock->connecting = false;
    sock->connected = true;
    sock->address = ip4_addr_get_u32(ip_2_ip4(&pcb->local_ip));
    sock->port = pcb->local_port;
    sock_wake_writers(sock);
    return ERR_OK;
}

/* The connection is over, and the control block with it. */
static void on_error(void *argument, err_t error)
{
    struct sock *sock = argument;
    sock->tcp = NULL;
    sock->error = sock->connecting && error == ERR_RST ? ECONNREFUSED
                  : sock->connecting                   ? ETIMEDOUT
                                                       : sock_errno(error);
    sock->connecting = false;
    sock->eof = true;
    sock_wake_readers(sock);
    sock_wake_writers(sock);
}

static void attach(struct sock *sock, struct tcp_pcb *pcb)
{
    sock->tcp = pcb;
    tcp_arg(pcb, sock);
    tcp_recv(pcb, on_received);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
}

static err_t on_accept(void *argument, struct tcp_pcb *pcb, err_t error)
{
    struct sock *listener = argument;
    if (error != ERR_OK || !pcb)
        return ERR_VAL;
    struct sock *sock = sock_new(SOCK_STREAM);
    if (!sock)
        return ERR_MEM; /* lwIP aborts the connection */
    attach(sock, pcb);
    tcp_backlog_delayed(pcb); /* counts against the backlog until accept() */
    sock->connected = true;
    sock->address = ip4_addr_get_u32(ip_2_ip4(&pcb->local_ip));
    sock->port = pcb->local_port;
    sock->peer = ip4_addr_get_u32(ip_2_ip4(&pcb->remote_ip));
    sock->peer_port = pcb->remote_port;
    *listener->waiting_end = sock;
    listener->waiting_end = &sock->next;
    sock_wake_readers(listener);
    return ERR_OK;
}

/* ---- what sockets call ---- */

int stream_open(struct sock *sock)
{
    struct tcp_pcb *pcb = tcp_new();
    if (!pcb)
        return -ENOBUFS;
    attach(sock, pcb);
    return 0;
}

int stream_listen(struct sock *sock, int backlog)
{
    err_t error;
    if (sock->listening)
        return 0;
    if (!sock->tcp || sock->connected)
        return -EINVAL;
    if (backlog < 1)
        backlog = 1;
    struct tcp_pcb *pcb = tcp_listen_with_backlog_and_err(
        sock->tcp, (uint8_t)(backlog < 255 ? backlog : 255), &error);
    if (!pcb)
        return -sock_errno(error);
    sock->tcp = pcb;
    sock->listening = true;
    tcp_arg(pcb, sock);
    tcp_accept(pcb, on_accept);
    return 0;
}

struct sock *stream_accept(struct sock *sock)
{
    struct sock *got = sock->waiting;
    if (!got)
        return NULL;
    sock->waiting = got->next;
    if (!sock->waiting)
        sock->waiting_end = &sock->waiting;
    got->next = NULL;
    if (got->tcp)
        tcp_backlog_accepted(got->tcp);
    return got;
}

int stream_connect(struct sock *sock, uint32_t address, uint16_t port)
{
    if (sock->connecting)
        return -EALREADY;
    if (sock->connected || sock->listening)
        return -EISCONN;
    if (!sock->tcp)
        return -EINVAL;
    bool blocking = !(sock->file.flags & O_NONBLOCK);
    if (address != htonl(INADDR_LOOPBACK) &&
        !gk_net_wait(blocking ? gk_time_mono() + ADDRESS_WAIT : 0))
        return -ENETUNREACH;
    ip_addr_t ip;
    ip_addr_set_ip4_u32(&ip, address);
    sock->peer = address;
    sock->peer_port = port;
    sock->connecting = true;
    err_t error = tcp_connect(sock->tcp, &ip, port, on_connected);
    if (error != ERR_OK) {
        sock->connecting = false;
        return -sock_errno(error);
    }
    net_flush();
    if (!blocking)
        return -EINPROGRESS;
    while (sock->connecting)
        sock_wait(&sock->writers, GK_FOREVER);
    int failed = sock->error;
    sock->error = 0;
    return -failed;
}

/* Copies what has come, at most `size` bytes, and unless `peek` drops it. */
static size_t take(struct sock *sock, uint8_t *to, size_t size, bool peek)
{
    size_t done = 0;
    unsigned int skip = sock->skip;
    struct pbuf *p = sock->first;
    while (p && done < size) {
        size_t n = p->len - skip < size - done ? p->len - skip : size - done;
        memcpy(to + done, (const uint8_t *)p->payload + skip, n);
        done += n;
        skip += (unsigned int)n;
        if (skip < p->len)
            break;
        struct pbuf *next = p->next;
        skip = 0;
        if (!peek) {
            p->next = NULL;
            p->tot_len = p->len;
            pbuf_free(p);
        }
        p = next;
    }
    if (!peek) {
        sock->first = p;
        sock->skip = skip;
    }
    return done;
}

/* Lets the other side send as much again. */
static void received(struct sock *sock, size_t bytes)
{
    while (bytes && sock->tcp) {
        uint16_t n = bytes < 0xffff ? (uint16_t)bytes : 0xffff;
        tcp_recved(sock->tcp, n);
        bytes -= n;
    }
}

ssize_t stream_recv(struct sock *sock, void *to, size_t size, int flags)
{
    uint64_t deadline = sock_deadline(sock, flags, sock->read_timeout);
    size_t done = 0;
    if (!sock->connected && !sock->connecting && !sock->first)
        return sock->error ? -sock->error : -ENOTCONN;
    while (size) {
        size_t n = take(sock, (uint8_t *)to + done, size - done, flags & MSG_PEEK);
        if (!(flags & MSG_PEEK))
            received(sock, n);
        done += n;
        if (done == size || (done && !(flags & MSG_WAITALL)) || sock->shut_read)
            break;
        if (sock->error && !done) {
            int error = sock->error;
            sock->error = 0;
            return -error;
        }
        if (sock->eof)
            break;
        int error = sock_wait(&sock->readers, deadline);
        if (error)
            return done ? (ssize_t)done : error;
    }
    return (ssize_t)done;
}

ssize_t stream_send(struct sock *sock, const void *from, size_t size, int flags)
{
    uint64_t deadline = sock_deadline(sock, flags, sock->write_timeout);
    size_t done = 0;
    while (done < size || size == 0) {
        if (sock->error && !done) {
            int error = sock->error;
            sock->error = 0;
            return -error;
        }
        if (!sock->tcp || sock->shut_write || (!sock->connected && !sock->connecting))
            return done ? (ssize_t)done : -EPIPE;
        size_t n = size - done, room = sock->connected ? tcp_sndbuf(sock->tcp) : 0;
        n = n < room ? n : room;
        n = n < 0xffff ? n : 0xffff;
        err_t error = ERR_MEM;
        if (n || size == 0) {
            uint8_t how = TCP_WRITE_FLAG_COPY;
            if (done + n < size || flags & MSG_MORE)
                how |= TCP_WRITE_FLAG_MORE;
            error = tcp_write(sock->tcp, (const uint8_t *)from + done, (uint16_t)n, how);
        }
        if (error == ERR_OK) {
            done += n;
            if (!(flags & MSG_MORE))
                tcp_output(sock->tcp);
            net_flush_soon();
            if (size == 0)
                break;
            continue;
        }
        if (error != ERR_MEM)
            return done ? (ssize_t)done : -sock_errno(error);
        int late = sock_wait(&sock->writers, deadline);
        if (late)
            return done ? (ssize_t)done : late;
    }
    return (ssize_t)done;
}

int stream_shutdown(struct sock *sock, int how)
{
    if (!sock->tcp || !sock->connected)
        return -ENOTCONN;
    if (how != SHUT_WR)
        sock->shut_read = true;
    if (how == SHUT_RD || sock->shut_write) {
        sock_wake_readers(sock);
        return 0;
    }
    sock->shut_write = true;
    err_t error = tcp_shutdown(sock->tcp, 0, 1);
    net_flush_soon();
    sock_wake_readers(sock);
    return -sock_errno(error);
}

/* lwIP goes on by itself with what is to be sent; it must not call us any more. */
static void detach(struct tcp_pcb *pcb, bool listening)
{
    tcp_arg(pcb, NULL);
    if (listening) {
        tcp_accept(pcb, NULL);
    } else {
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
    }
    if (tcp_close(pcb) != ERR_OK)
        tcp_abort(pcb); /* no memory for a FIN: the other side learns it by RST */
}

void stream_close(struct sock *sock)
{
    while (sock->waiting) {
        struct sock *next = sock->waiting->next;
        stream_close(sock->waiting);
        gk_free(sock->waiting);
        sock->waiting = next;
    }
    while (sock->first) {
        struct pbuf *p = sock->first;
        sock->first = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        pbuf_free(p);
    }
    if (sock->tcp)
        detach(sock->tcp, sock->listening);
    sock->tcp = NULL;
    net_flush_soon();
}
