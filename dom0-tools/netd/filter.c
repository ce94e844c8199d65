/*
 * The filter of a guest's own addresses (see filter.h).
 *
 * What stock Xen's vif-bridge script does with iptables, and ARP besides: a guest that may not send
 * from an address should not be able to claim it either. A DHCP client has no address yet: from
 * 0.0.0.0 it may send to UDP port 67, and from :: it may look for neighbours.
 */
#include "netd/filter.h"

#include <arpa/inet.h>
#include <string.h>

#include "netd/pkt.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_IPV6 = 0x86dd,
    ARP_SIZE = 28,
    ARP_SENDER_IP = 14,
    PROTO_UDP = 17,
    PROTO_ICMPV6 = 58,
    DHCP_SERVER = 67,
};

static bool add(struct filter *f, const char *word)
{
    if (f->nr_v4 + f->nr_v6 == FILTER_ADDRESSES)
        return false;
    if (inet_pton(AF_INET, word, f->v4[f->nr_v4]) == 1)
        f->nr_v4++;
    else if (inet_pton(AF_INET6, word, f->v6[f->nr_v6]) == 1)
        f->nr_v6++;
    else
        return false;
    return true;
}

bool filter_parse(struct filter *f, const char *text)
{
    char word[INET6_ADDRSTRLEN + 1];
    *f = (struct filter){0};
    for (;;) {
        text += strspn(text, " ,\t\n");
        size_t n = strcspn(text, " ,\t\n");
        if (n == 0)
            return true;
        if (n >= sizeof word)
            break;
        memcpy(word, text, n);
        word[n] = 0;
        if (!add(f, word))
            break;
        text += n;
    }
    memset(f, 0, sizeof *f); /* 0.0.0.0 is no address that a guest could use: nothing passes */
    f->nr_v4 = 1;
    return false;
}

static bool has(const void *list, unsigned n, size_t size, const uint8_t *address)
{
    for (unsigned i = 0; i < n; i++)
        if (memcmp((const uint8_t *)list + i * size, address, size) == 0)
            return true;
    return false;
}

static bool zero(const uint8_t *p, size_t n)
{
    while (n--)
        if (*p++)
            return false;
    return true;
}

static bool ipv4_passes(const struct filter *f, const uint8_t *frame, uint32_t len,
                        const struct pkt_frame *h)
{
    const uint8_t *from = frame + h->l3 + 12;
    if (!zero(from, 4))
        return has(f->v4, f->nr_v4, 4, from);
    return h->l4 && h->protocol == PROTO_UDP && len - h->l4 >= 4 && frame[h->l4 + 2] == 0 &&
           frame[h->l4 + 3] == DHCP_SERVER;
}

static bool ipv6_passes(const struct filter *f, const uint8_t *frame, const struct pkt_frame *h)
{
    const uint8_t *from = frame + h->l3 + 8;
    bool link_local = from[0] == 0xfe && (from[1] & 0xc0) == 0x80;
    return link_local || has(f->v6, f->nr_v6, 16, from) ||
           (zero(from, 16) && h->protocol == PROTO_ICMPV6);
}

/* A probe for an address (RFC 5227) has no sender yet. */
static bool arp_passes(const struct filter *f, const uint8_t *frame, uint32_t len,
                       const struct pkt_frame *h)
{
    const uint8_t *from = frame + h->l3 + ARP_SENDER_IP;
    return len - h->l3 >= ARP_SIZE && (zero(from, 4) || has(f->v4, f->nr_v4, 4, from));
}

bool filter_passes(const struct filter *f, const uint8_t *frame, uint32_t len)
{
    struct pkt_frame h;
    if (!f->nr_v4 && !f->nr_v6)
        return true;
    if (!pkt_parse(frame, len, &h))
        return false;
    switch (h.ethertype) {
    case TYPE_IPV4:
        return ipv4_passes(f, frame, len, &h);
    case TYPE_IPV6:
        return ipv6_passes(f, frame, &h);
    case TYPE_ARP:
        return arp_passes(f, frame, len, &h);
    default:
        return true;
    }
}
