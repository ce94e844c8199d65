/* Datagram sockets over lwIP's UDP. */
#include "lwip/udp.h"

#include <errno.h>
#include <string.h>

#include <gk/mem.h>
#include <gk/net.h>
#include <gk/time.h>

#include "net/socket/sock.h"
#include "net/stack.h"

#define MOST_WAITING 64U /* datagrams; more are dropped, as UDP may */

static void on_received(void *argument, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
                        uint16_t port)
{
    struct sock *sock = argument;
    struct sock_datagram *datagram = NULL;
    (void)pcb;
    if (sock->datagram_count < MOST_WAITING && !sock->shut_read)
        datagram = gk_alloc(sizeof *datagram);
    if (!datagram) {
        pbuf_free(p);
        return;
    }
    *datagram = (struct sock_datagram){
        .data = p, .address = ip4_addr_get_u32(ip_2_ip4(from)), .port = port};
    *sock->datagrams_end = datagram;
    sock->datagrams_end = &datagram->next;
    sock->datagram_count++;
    sock_wake_readers(sock);
}

int datagram_open(struct sock *sock)
{
    sock->udp = udp_new();
    if (!sock->udp)
        return -ENOBUFS;
    udp_recv(sock->udp, on_received, sock);
    return 0;
}

static void drop_first(struct sock *sock)
{
    struct sock_datagram *datagram = sock->datagrams;
    sock->datagrams = datagram->next;
    if (!sock->datagrams)
        sock->datagrams_end = &sock->datagrams;
    sock->datagram_count--;
    pbuf_free(datagram->data);
    gk_free(datagram);
}

ssize_t datagram_recv(struct sock *sock, void *to, size_t size, int flags, uint32_t *address,
                      uint16_t *port)
{
    uint64_t deadline = sock_deadline(sock, flags, sock->read_timeout);
    while (!sock->datagrams) {
        if (sock->shut_read)
            return 0;
        int late = sock_wait(&sock->readers, deadline);
        if (late)
            return late;
    }
    struct sock_datagram *datagram = sock->datagrams;
    uint16_t most = size < 0xffff ? (uint16_t)size : 0xffff;
    ssize_t n = pbuf_copy_partial(datagram->data, to, most, 0);
    *address = datagram->address;
    *port = datagram->port;
    if (!(flags & MSG_PEEK))
        drop_first(sock);
    return n;
}

ssize_t datagram_send(struct sock *sock, const void *from, size_t size, uint32_t address,
                      uint16_t port)
{
    if (size > 65507)
        return -EMSGSIZE;
    if (address != htonl(INADDR_LOOPBACK))
        gk_net_wait(gk_time_mono() + 30 * GK_S);
    struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (uint16_t)size, PBUF_RAM);
    if (!p)
        return -ENOBUFS;
    memcpy(p->payload, from, size);
    ip_addr_t ip;
    ip_addr_set_ip4_u32(&ip, address);
    err_t error = udp_sendto(sock->udp, p, &ip, port);
    pbuf_free(p);
    net_flush_soon();
    return error == ERR_OK ? (ssize_t)size : -sock_errno(error);
}

void datagram_close(struct sock *sock)
{
    while (sock->datagrams)
        drop_first(sock);
    if (sock->udp)
        udp_remove(sock->udp);
    sock->udp = NULL;
}
