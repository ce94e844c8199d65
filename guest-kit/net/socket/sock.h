/*
 * A socket: the descriptor's side of one of lwIP's control blocks.
 *
 * lwIP calls back in the network's thread; the callbacks put what came into the socket and wake
 * who waits. Threads are cooperative, so between two blocking calls nothing changes. A thread that
 * blocks looks at the socket anew afterwards: it may have been closed under it.
 */
#ifndef GUEST_KIT_NET_SOCKET_SOCK_H
#define GUEST_KIT_NET_SOCKET_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include <gk/thread.h>

#include "lwip/err.h"
#include "lwip/pbuf.h"
#include "libc/fd.h"

struct tcp_pcb;
struct udp_pcb;

struct sock_datagram {
    struct sock_datagram *next;
    struct pbuf *data;
    uint32_t address;
    uint16_t port;
};

struct sock {
    struct fd_file file; /* first */
    int type;            /* SOCK_STREAM or SOCK_DGRAM */
    struct tcp_pcb *tcp; /* NULL when lwIP has ended it */
    struct udp_pcb *udp;
    int error; /* an errno to be told once */
    bool listening, connecting, connected, eof, shut_read, shut_write;
    uint32_t address; /* the bound and the other end, as they were; network byte order */
    uint32_t peer;
    uint16_t port, peer_port; /* host byte order */

    /* Received by TCP: pbufs one by one, of the first some bytes may have been read. */
    struct pbuf *first, *last;
    unsigned int skip;
    /* Received by UDP. */
    struct sock_datagram *datagrams, **datagrams_end;
    unsigned int datagram_count;
    /* Connections that wait for accept(). */
    struct sock *waiting, **waiting_end, *next;

    struct gk_waitq readers, writers;
    uint64_t read_timeout, write_timeout; /* ns; 0: none */
};

extern const struct fd_ops sock_ops;

/* A new one of that type; NULL without memory. Not yet installed. */
struct sock *sock_new(int type);
/* The socket of a descriptor, or NULL with errno set. */
struct sock *sock_get(int fd);
int sock_errno(err_t error);
/* Until when a call may wait: 0 if it must not. */
uint64_t sock_deadline(const struct sock *sock, int flags, uint64_t timeout);
void sock_wake_readers(struct sock *sock);
void sock_wake_writers(struct sock *sock);
/* Waits; 0, or -EAGAIN at the deadline. What was sent goes out before. */
int sock_wait(struct gk_waitq *queue, uint64_t deadline);

/* ---- tcp.c: each returns 0 or more, or -errno ---- */
int stream_open(struct sock *sock);
int stream_listen(struct sock *sock, int backlog);
struct sock *stream_accept(struct sock *sock);
int stream_connect(struct sock *sock, uint32_t address, uint16_t port);
ssize_t stream_recv(struct sock *sock, void *to, size_t size, int flags);
ssize_t stream_send(struct sock *sock, const void *from, size_t size, int flags);
int stream_shutdown(struct sock *sock, int how);
void stream_close(struct sock *sock);

/* ---- udp.c ---- */
int datagram_open(struct sock *sock);
ssize_t datagram_recv(struct sock *sock, void *to, size_t size, int flags, uint32_t *address,
                      uint16_t *port);
ssize_t datagram_send(struct sock *sock, const void *from, size_t size, uint32_t address,
                      uint16_t port);
void datagram_close(struct sock *sock);

#endif
