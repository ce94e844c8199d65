/*
 * Packets in the forms of ring and tap (see pkt.h).
 *
 * A frame's own lengths are believed only as far as the bytes that are there: each offset is
 * checked against the frame's end before it is used.
 */
#include "netd/pkt.h"

#include <errno.h>
#include <string.h>

enum {
    ETH_TYPE = 12,
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_VLAN_OUTER = 0x88a8,
    VLAN_TAGS_MAX = 2,
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    IPV6_EXTENSIONS_MAX = 8,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    TCP_HEADER = 20,
    TCP_CSUM = 16,
    UDP_CSUM = 6,
};

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put_be16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* --- slots ------------------------------------------------------------------------------------ */

static int bad(const char *text, const char **why)
{
    *why = text;
    return -EPROTO;
}

static int take_extra(struct pkt *p, const struct netif_extra_info *e, const char **why)
{
    if (e->type == XEN_NETIF_EXTRA_TYPE_NONE || e->type >= XEN_NETIF_EXTRA_TYPE_MAX)
        return bad("extra information of an unknown type", why);
    if (e->type != XEN_NETIF_EXTRA_TYPE_GSO)
        return 0; /* multicast lists and hashes: we have offered neither, and need neither */
    if ((e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 && e->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6) ||
        e->u.gso.size == 0)
        return bad("segmentation of an unknown type, or into nothing", why);
    p->gso_type = e->u.gso.type;
    p->gso_size = e->u.gso.size;
    return 0;
}

/* The slots behind the first that hold extra information. */
static int take_extras(struct pkt *p, const union pkt_slot *slots, unsigned n, const char **why)
{
    bool more = slots[0].req.flags & NETTXF_extra_info;
    while (more) {
        if (p->nr_extras == PKT_EXTRAS)
            return bad("too much extra information", why);
        if (1 + p->nr_extras >= n)
            return bad("extra information is missing", why);
        const struct netif_extra_info *e = &slots[1 + p->nr_extras++].extra;
        int rc = take_extra(p, e, why);
        if (rc)
            return rc;
        more = e->flags & XEN_NETIF_EXTRA_FLAG_MORE;
    }
    return 0;
}

static int add_piece(struct pkt *p, const struct netif_tx_request *r, uint32_t len,
                     const char **why)
{
    if (p->nr_pieces == PKT_SLOTS)
        return bad("a packet of too many slots", why);
    if (r->offset + len > PKT_PAGE)
        return bad("a slot reaches across its page", why);
    p->id[p->nr_pieces] = r->id;
    p->piece[p->nr_pieces++] = (struct pkt_piece){r->gref, r->offset, (uint16_t)len};
    return 0;
}

int pkt_gather(struct pkt *p, const union pkt_slot *slots, unsigned n, const char **why)
{
    uint32_t rest = 0; /* bytes in the slots behind the first */
    *p = (struct pkt){0};
    if (n == 0)
        return bad("no slot", why);
    const struct netif_tx_request *first = &slots[0].req;
    p->bytes = first->size;
    p->csum_blank = first->flags & NETTXF_csum_blank;
    int rc = take_extras(p, slots, n, why);
    /* The first one's own length is known when the others' are. */
    if (!rc)
        rc = add_piece(p, first, 0, why);
    bool more = first->flags & NETTXF_more_data;
    for (unsigned i = 1 + p->nr_extras; !rc && more; i++) {
        if (i >= n)
            return bad("a packet's end is missing", why);
        rc = add_piece(p, &slots[i].req, slots[i].req.size, why);
        rest += slots[i].req.size;
        more = slots[i].req.flags & NETTXF_more_data;
    }
    if (rc)
        return rc;
    p->nr_slots = p->nr_pieces + p->nr_extras;
    if (rest > p->bytes || p->bytes < PKT_FRAME_MIN) {
        p->bad = true;
        return 0;
    }
    uint32_t own = p->bytes - rest;
    if (own > PKT_PAGE || first->offset + own > PKT_PAGE)
        return bad("a slot reaches across its page", why);
    p->piece[0].len = (uint16_t)own;
    return 0;
}

/* --- frames ----------------------------------------------------------------------------------- */

static bool parse_ipv4(const uint8_t *frame, uint32_t len, struct pkt_frame *f)
{
    const uint8_t *ip = frame + f->l3;
    if (len - f->l3 < IPV4_HEADER)
        return false;
    unsigned header = (ip[0] & 15u) * 4;
    if (ip[0] >> 4 != 4 || header < IPV4_HEADER || header > len - f->l3)
        return false;
    if (be16(ip + 6) & 0x3fff) /* more fragments, or not the first */
        return true;
    f->protocol = ip[9];
    f->l4 = (uint16_t)(f->l3 + header);
    return true;
}

/* Behind the extension headers that may stand before TCP or UDP (RFC 8200, 4.1). */
static bool parse_ipv6(const uint8_t *frame, uint32_t len, struct pkt_frame *f)
{
    enum { HOP_BY_HOP = 0, ROUTING = 43, DESTINATION = 60 };
    if (len - f->l3 < IPV6_HEADER || frame[f->l3] >> 4 != 6)
        return false;
    uint8_t next = frame[f->l3 + 6];
    uint32_t at = f->l3 + IPV6_HEADER;
    for (unsigned i = 0; next == HOP_BY_HOP || next == ROUTING || next == DESTINATION; i++) {
        if (i == IPV6_EXTENSIONS_MAX || len - at < 8)
            return false;
        uint32_t size = ((uint32_t)frame[at + 1] + 1) * 8;
        if (size > len - at)
            return false;
        next = frame[at];
        at += size;
    }
    f->protocol = next;
    f->l4 = (uint16_t)at;
    return true;
}

bool pkt_parse(const uint8_t *frame, uint32_t len, struct pkt_frame *f)
{
    uint32_t at = ETH_TYPE;
    *f = (struct pkt_frame){0};
    if (len < PKT_FRAME_MIN || len > PKT_BYTES)
        return false;
    f->ethertype = (uint16_t)be16(frame + at);
    for (unsigned i = 0; f->ethertype == TYPE_VLAN || f->ethertype == TYPE_VLAN_OUTER; i++) {
        at += 4;
        if (i == VLAN_TAGS_MAX || len < at + 2)
            return false;
        f->ethertype = (uint16_t)be16(frame + at);
    }
    f->l3 = (uint16_t)(at + 2);
    if (f->ethertype == TYPE_IPV4)
        return parse_ipv4(frame, len, f);
    if (f->ethertype == TYPE_IPV6)
        return parse_ipv6(frame, len, f);
    return true;
}

/* Offset of the checksum in the header at l4; 0: there is none, or it is not whole. */
static unsigned csum_offset(const struct pkt_frame *f, uint32_t len)
{
    if (!f->l4)
        return 0;
    unsigned at = f->protocol == PROTO_TCP ? TCP_CSUM : f->protocol == PROTO_UDP ? UDP_CSUM : 0;
    return at && len - f->l4 >= at + 2 ? at : 0;
}

/* Sum of 16-bit words, the highest byte first; an odd last byte counts as a word's upper half. */
static uint32_t sum_words(const uint8_t *p, uint32_t len, uint32_t sum)
{
    for (; len >= 2; p += 2, len -= 2)
        sum += be16(p);
    if (len)
        sum += (uint32_t)*p << 8;
    return sum;
}

static unsigned fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* Addresses, protocol and length (RFC 9293, 3.1), not inverted: what a partial checksum holds. */
static unsigned pseudo_header_sum(const uint8_t *frame, uint32_t len, const struct pkt_frame *f)
{
    const uint8_t *ip = frame + f->l3;
    uint32_t sum = f->protocol + (len - f->l4);
    return f->ethertype == TYPE_IPV4 ? fold(sum_words(ip + 12, 8, sum))
                                     : fold(sum_words(ip + 8, 32, sum));
}

static bool segments(const struct pkt *p, const uint8_t *frame, const struct pkt_frame *f,
                     struct virtio_net_hdr *h)
{
    bool v4 = p->gso_type == XEN_NETIF_GSO_TYPE_TCPV4;
    if (f->protocol != PROTO_TCP || f->ethertype != (v4 ? TYPE_IPV4 : TYPE_IPV6) ||
        p->bytes - f->l4 < TCP_HEADER)
        return false;
    unsigned tcp = (frame[f->l4 + 12] >> 4) * 4u;
    if (tcp < TCP_HEADER || tcp > p->bytes - f->l4)
        return false;
    h->gso_type = v4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    h->gso_size = p->gso_size;
    h->hdr_len = (uint16_t)(f->l4 + tcp);
    return true;
}

bool pkt_to_tap(const struct pkt *p, uint8_t *frame, struct virtio_net_hdr *h)
{
    struct pkt_frame f;
    *h = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (!p->csum_blank && !p->gso_type)
        return true;
    if (!pkt_parse(frame, p->bytes, &f))
        return false;
    unsigned at = csum_offset(&f, p->bytes);
    if (!at || (p->gso_type && !segments(p, frame, &f, h)))
        return false;
    /* Each segment gets a checksum of its own, for which this is where to begin. */
    if (!p->csum_blank)
        put_be16(frame + f.l4 + at, pseudo_header_sum(frame, p->bytes, &f));
    h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    h->csum_start = f.l4;
    h->csum_offset = (uint16_t)at;
    return true;
}

static void complete_csum(uint8_t *frame, uint32_t len, unsigned start, unsigned offset)
{
    unsigned sum = ~fold(sum_words(frame + start, len - start, 0)) & 0xffff;
    put_be16(frame + start + offset, sum ? sum : 0xffff); /* UDP: 0 would mean none */
}

bool pkt_from_tap(const struct virtio_net_hdr *h, uint8_t *frame, uint32_t len, bool no_csum_v4,
                  bool no_csum_v6, struct pkt_info *info)
{
    *info = (struct pkt_info){0};
    if (len < PKT_FRAME_MIN || len > PKT_BYTES)
        return false;
    switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        break;
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6:
        info->gso_type = (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4
                             ? XEN_NETIF_GSO_TYPE_TCPV4
                             : XEN_NETIF_GSO_TYPE_TCPV6;
        info->gso_size = h->gso_size;
        break;
    default:
        return false;
    }
    if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
        info->flags = NETRXF_data_validated;
    if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
        return true;
    if ((uint32_t)h->csum_start + h->csum_offset + 2 > len)
        return false;
    bool v6 = be16(frame + ETH_TYPE) == TYPE_IPV6;
    if (!info->gso_type && (v6 ? no_csum_v6 : no_csum_v4))
        complete_csum(frame, len, h->csum_start, h->csum_offset);
    else
        info->flags = NETRXF_csum_blank | NETRXF_data_validated;
    return true;
}
