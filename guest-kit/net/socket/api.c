/* The calls of <sys/socket.h>. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

#include <gk/mem.h>
#include <gk/net.h>
#include <gk/time.h>

#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "net/socket/sock.h"

#define RESULT(value) ((int)fd_result(value))

/* ---- addresses in and out ---- */

static int address_in(const struct sockaddr *from, socklen_t length, uint32_t *address,
                      uint16_t *port)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
    if (!from || length < sizeof *in)
        return -EINVAL;
    if (in->sin_family != AF_INET)
        return -EAFNOSUPPORT;
    *address = in->sin_addr.s_addr;
    *port = ntohs(in->sin_port);
    return 0;
}

static void address_out(struct sockaddr *to, socklen_t *length, uint32_t address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    in.sin_addr.s_addr = address;
    if (!to || !length)
        return;
    memcpy(to, &in, *length < sizeof in ? *length : sizeof in);
    *length = sizeof in;
}

/* ---- making and joining ---- */

int socket(int family, int type, int protocol)
{
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (family != AF_INET)
        return RESULT(-EAFNOSUPPORT);
    if (kind == SOCK_STREAM ? protocol && protocol != IPPROTO_TCP
                            : kind != SOCK_DGRAM || (protocol && protocol != IPPROTO_UDP))
        return RESULT(-EPROTONOSUPPORT);
    if (gk_net_start())
        return RESULT(-ENETDOWN);
    struct sock *sock = sock_new(kind);
    if (!sock)
        return RESULT(-ENOBUFS);
    if (type & SOCK_NONBLOCK)
        sock->file.flags |= O_NONBLOCK;
    int fd = kind == SOCK_STREAM ? stream_open(sock) : datagram_open(sock);
    if (fd == 0)
        fd = fd_install(&sock->file);
    if (fd < 0)
        sock_ops.close(&sock->file);
    return RESULT(fd);
}

int bind(int fd, const struct sockaddr *where, socklen_t length)
{
    struct sock *sock = sock_get(fd);
    uint32_t address;
    uint16_t port;
    if (!sock)
        return -1;
    int error = address_in(where, length, &address, &port);
    if (error)
        return RESULT(error);
    ip_addr_t ip;
    ip_addr_set_ip4_u32(&ip, address);
    if (sock->type == SOCK_STREAM ? !sock->tcp || sock->connected || sock->listening : !sock->udp)
        return RESULT(-EINVAL);
    err_t result =
        sock->type == SOCK_STREAM ? tcp_bind(sock->tcp, &ip, port) : udp_bind(sock->udp, &ip, port);
    if (result == ERR_OK) {
        sock->address = address;
        sock->port = sock->type == SOCK_STREAM ? sock->tcp->local_port : sock->udp->local_port;
    }
    return RESULT(-sock_errno(result));
}

int listen(int fd, int backlog)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    return RESULT(sock->type == SOCK_STREAM ? stream_listen(sock, backlog) : -EOPNOTSUPP);
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    struct sock *sock = sock_get(fd), *got;
    if (!sock)
        return -1;
    if (!sock->listening)
        return RESULT(-EINVAL);
    uint64_t deadline = sock_deadline(sock, 0, sock->read_timeout);
    fd_hold(&sock->file);
    int result = 0;
    while (!(got = stream_accept(sock)) && !result)
        result = sock_wait(&sock->readers, deadline);
    fd_release(&sock->file);
    if (!got)
        return RESULT(result);
    if (flags & SOCK_NONBLOCK)
        got->file.flags |= O_NONBLOCK;
    result = fd_install(&got->file);
    if (result < 0)
        sock_ops.close(&got->file);
    else
        address_out(address, length, got->peer, got->peer_port);
    return RESULT(result);
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return accept4(fd, address, length, 0);
}

int connect(int fd, const struct sockaddr *where, socklen_t length)
{
    struct sock *sock = sock_get(fd);
    uint32_t address;
    uint16_t port;
    if (!sock)
        return -1;
    int error = address_in(where, length, &address, &port);
    if (error)
        return RESULT(error);
    if (sock->type == SOCK_DGRAM) {
        sock->peer = address;
        sock->peer_port = port;
        sock->connected = true;
        return 0;
    }
    fd_hold(&sock->file);
    error = stream_connect(sock, address, port);
    fd_release(&sock->file);
    return RESULT(error);
}

int shutdown(int fd, int how)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    if (sock->type == SOCK_STREAM)
        return RESULT(stream_shutdown(sock, how));
    sock->shut_read |= how != SHUT_WR;
    sock_wake_readers(sock);
    return 0;
}

/* ---- data ---- */

ssize_t sendto(int fd, const void *from, size_t size, int flags, const struct sockaddr *where,
               socklen_t length)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    uint32_t address = sock->peer;
    uint16_t port = sock->peer_port;
    ssize_t result = 0;
    if (sock->type == SOCK_DGRAM) {
        if (where)
            result = address_in(where, length, &address, &port);
        else if (!sock->connected)
            result = -EDESTADDRREQ;
    }
    if (result)
        return fd_result(result);
    fd_hold(&sock->file);
    result = sock->type == SOCK_STREAM ? stream_send(sock, from, size, flags)
                                       : datagram_send(sock, from, size, address, port);
    fd_release(&sock->file);
    return fd_result(result);
}

ssize_t send(int fd, const void *from, size_t size, int flags)
{
    return sendto(fd, from, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t total = 0;
    if (message->msg_iovlen != 1 && sock_get(fd) && sock_get(fd)->type == SOCK_DGRAM)
        return fd_result(-EOPNOTSUPP);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        int more = i + 1 < message->msg_iovlen ? MSG_MORE : 0;
        const struct iovec *part = &message->msg_iov[i];
        ssize_t n = sendto(fd, part->iov_base, part->iov_len, flags | more, message->msg_name,
                           message->msg_namelen);
        if (n < 0)
            return total ? total : n;
        total += n;
        if ((size_t)n < part->iov_len)
            break;
    }
    return total;
}

ssize_t recvfrom(int fd, void *to, size_t size, int flags, struct sockaddr *where,
                 socklen_t *length)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    uint32_t address = sock->peer;
    uint16_t port = sock->peer_port;
    fd_hold(&sock->file);
    ssize_t n = sock->type == SOCK_STREAM ? stream_recv(sock, to, size, flags)
                                          : datagram_recv(sock, to, size, flags, &address, &port);
    fd_release(&sock->file);
    if (n >= 0)
        address_out(where, length, address, port);
    return fd_result(n);
}

ssize_t recv(int fd, void *to, size_t size, int flags)
{
    return recvfrom(fd, to, size, flags, NULL, NULL);
}

/* ---- names and options ---- */

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    address_out(address, length, sock->address, sock->port);
    return 0;
}

int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    if (!sock->connected)
        return RESULT(-ENOTCONN);
    address_out(address, length, sock->peer, sock->peer_port);
    return 0;
}

static void set_ip_option(struct sock *sock, unsigned int option, bool on)
{
    struct ip_pcb *pcb =
        sock->type == SOCK_STREAM ? (struct ip_pcb *)sock->tcp : (struct ip_pcb *)sock->udp;
    if (on)
        ip_set_option(pcb, option);
    else
        ip_reset_option(pcb, option);
}

static uint64_t timeval_ns(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * GK_S + (uint64_t)time->tv_usec * GK_US;
}

static int set_socket_option(struct sock *sock, int name, const void *value, socklen_t length)
{
    bool timeout = name == SO_RCVTIMEO || name == SO_SNDTIMEO;
    if (length < (timeout ? sizeof(struct timeval) : sizeof(int)))
        return -EINVAL;
    if (!sock->tcp && !sock->udp)
        return -EINVAL;
    switch (name) {
    case SO_REUSEADDR:
    case SO_REUSEPORT:
        set_ip_option(sock, SOF_REUSEADDR, *(const int *)value);
        return 0;
    case SO_KEEPALIVE:
        set_ip_option(sock, SOF_KEEPALIVE, *(const int *)value);
        return 0;
    case SO_BROADCAST:
        set_ip_option(sock, SOF_BROADCAST, *(const int *)value);
        return 0;
    case SO_RCVTIMEO:
        sock->read_timeout = timeval_ns(value);
        return 0;
    case SO_SNDTIMEO:
        sock->write_timeout = timeval_ns(value);
        return 0;
    case SO_SNDBUF: /* as large as they are, whatever is asked for */
    case SO_RCVBUF:
    case SO_LINGER:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_tcp_option(struct sock *sock, int name, int value)
{
    if (sock->type != SOCK_STREAM)
        return -ENOPROTOOPT;
    if (!sock->tcp || sock->listening)
        return name == TCP_NODELAY ? 0 : -EINVAL;
    switch (name) {
    case TCP_NODELAY:
        if (value)
            tcp_nagle_disable(sock->tcp);
        else
            tcp_nagle_enable(sock->tcp);
        return 0;
    case TCP_KEEPIDLE:
        sock->tcp->keep_idle = (uint32_t)value * 1000;
        return 0;
    case TCP_KEEPINTVL:
        sock->tcp->keep_intvl = (uint32_t)value * 1000;
        return 0;
    case TCP_KEEPCNT:
        sock->tcp->keep_cnt = (uint32_t)value;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    struct sock *sock = sock_get(fd);
    if (!sock)
        return -1;
    if (level == SOL_SOCKET)
        return RESULT(set_socket_option(sock, name, value, length));
    if (length < sizeof(int))
        return RESULT(-EINVAL);
    if (level == IPPROTO_TCP)
        return RESULT(set_tcp_option(sock, name, *(const int *)value));
    return RESULT(level == IPPROTO_IP && (name == IP_TOS || name == IP_TTL) ? 0 : -ENOPROTOOPT);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    struct sock *sock = sock_get(fd);
    int got;
    if (!sock)
        return -1;
    if (*length < sizeof got)
        return RESULT(-EINVAL);
    if (level == SOL_SOCKET && name == SO_ERROR) {
        got = sock->error;
        sock->error = 0;
    } else if (level == SOL_SOCKET && name == SO_TYPE) {
        got = sock->type;
    } else if (level == SOL_SOCKET && name == SO_ACCEPTCONN) {
        got = sock->listening;
    } else if (level == SOL_SOCKET && name == SO_SNDBUF) {
        got = TCP_SND_BUF;
    } else if (level == SOL_SOCKET && name == SO_RCVBUF) {
        got = TCP_WND;
    } else if (level == IPPROTO_TCP && name == TCP_NODELAY && sock->tcp && !sock->listening) {
        got = tcp_nagle_disabled(sock->tcp) != 0;
    } else {
        return RESULT(-ENOPROTOOPT);
    }
    memcpy(value, &got, sizeof got);
    *length = sizeof got;
    return 0;
}
