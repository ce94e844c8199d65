/*
 * How guest-kit uses lwIP: its raw interface without threads of its own (kit threads are
 * cooperative, so nothing needs a lock), memory from the kit's heap, IPv4 with DHCP and DNS.
 * What is not said here is lwIP's default.
 */
#ifndef GUEST_KIT_NET_LWIP_LWIPOPTS_H
#define GUEST_KIT_NET_LWIP_LWIPOPTS_H

#include <stddef.h>
#include <stdint.h>

/* The system below. */
#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0 /* the kit's own: net/socket */

/* Memory: no pools, so the guest's memory is the only limit. */
void *gk_alloc(size_t size);
void *gk_zalloc(size_t size);
void gk_free(void *block);
#define MEM_LIBC_MALLOC       1
#define MEMP_MEM_MALLOC       1
#define mem_clib_malloc       gk_alloc
#define mem_clib_calloc(n, s) gk_zalloc((size_t)(n) * (s))
#define mem_clib_free         gk_free
#define MEM_ALIGNMENT         16
#define MEM_SIZE              (1024 * 1024) /* unused, but its checks want it */
#define PBUF_POOL_SIZE        64
#define MEMP_NUM_TCP_SEG      1024
#define MEMP_NUM_REASSDATA    16

/* Link and IP. */
#define LWIP_SUPPORT_CUSTOM_PBUF       1
#define LWIP_CHECKSUM_CTRL_PER_NETIF   1
#define LWIP_NETIF_LOOPBACK            1
#define LWIP_HAVE_LOOPIF               1
#define LWIP_NETIF_HOSTNAME            1
#define LWIP_NETIF_EXT_STATUS_CALLBACK 0
#define ARP_TABLE_SIZE                 64
#define ARP_QUEUEING                   1
#define IP_REASS_MAX_PBUFS             48 /* a datagram of 64 KiB */
#define LWIP_BROADCAST_PING            0
#define LWIP_RAW                       0
#define LWIP_DHCP                      1
#define LWIP_DHCP_MAX_NTP_SERVERS      0
#define DHCP_DOES_ARP_CHECK            0 /* costs seconds; the server has tried the address */
#define LWIP_DNS                       1
#define DNS_TABLE_SIZE                 16
#define LWIP_IPV6                      0
#define LWIP_STATS                     0

/* TCP. A connection may have this much on its way in either direction. */
#define TCP_MSS                    1460
#define LWIP_WND_SCALE             1
#define TCP_RCV_SCALE              2
#define TCP_WND                    (128 * 1024)
#define TCP_SND_BUF                (128 * 1024)
#define TCP_SNDLOWAT               (32 * 1024)
#define TCP_SND_QUEUELEN           512
#define TCP_LISTEN_BACKLOG         1
#define TCP_DEFAULT_LISTEN_BACKLOG 255
#define LWIP_TCP_KEEPALIVE         1
#define LWIP_TCP_SACK_OUT          1
#define TCP_OOSEQ_MAX_BYTES        (64 * 1024)
#define TCP_OOSEQ_MAX_PBUFS        64
#define SO_REUSE                   1
#define IP_SOF_BROADCAST           1

/* Where a connection's numbers start must not be guessed (RFC 6528). */
uint32_t net_random(void);
uint32_t net_first_number(uint32_t local, uint16_t local_port, uint32_t remote,
                          uint16_t remote_port);
#define LWIP_RAND() net_random()
#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port)                                  \
    net_first_number(ip4_addr_get_u32(ip_2_ip4(local)), local_port,                                \
                     ip4_addr_get_u32(ip_2_ip4(remote)), remote_port)

#endif
