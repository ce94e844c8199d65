/*
 * argon-netd's pure parts: packets out of slots, headers for the tap and from it, the filter of a
 * guest's addresses, the rate, and what is kept for the next process.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "netd/filter.h"
#include "netd/kept.h"
#include "netd/pkt.h"
#include "netd/rate.h"
#include "unit/check.h"

/* --- slots ------------------------------------------------------------------------------------ */

static union pkt_slot request(uint16_t id, uint16_t offset, uint16_t size, uint16_t flags)
{
    return (union pkt_slot){
        .req = {.gref = 100u + id, .offset = offset, .flags = flags, .id = id, .size = size}};
}

static union pkt_slot gso(uint8_t type, uint16_t size, bool more)
{
    union pkt_slot s = {
        .extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0}};
    s.extra.u.gso.type = type;
    s.extra.u.gso.size = size;
    return s;
}

static int gather(struct pkt *p, const union pkt_slot *slots, unsigned n)
{
    const char *why = NULL;
    /* Exactly as many as there are, so that ASan sees one more being read. */
    union pkt_slot *copy = malloc(n * sizeof *copy + 1);
    memcpy(copy, slots, n * sizeof *copy);
    int rc = pkt_gather(p, copy, n, &why);
    CHECK((rc == 0) == (why == NULL));
    free(copy);
    return rc;
}

static void test_good_packets(void)
{
    struct pkt p;
    const union pkt_slot one[] = {request(7, 64, 60, 0), request(8, 0, 1, 0)};
    CHECK_EQ(gather(&p, one, 2), 0);
    CHECK(p.nr_slots == 1 && p.nr_pieces == 1 && p.bytes == 60 && !p.bad && !p.csum_blank);
    CHECK(p.piece[0].gref == 107 && p.piece[0].offset == 64 && p.piece[0].len == 60);

    const union pkt_slot three[] = {
        request(1, 4000, 96 + 4096 + 10, NETTXF_more_data | NETTXF_extra_info | NETTXF_csum_blank),
        gso(XEN_NETIF_GSO_TYPE_TCPV4, 1448, false), request(2, 0, 4096, NETTXF_more_data),
        request(3, 4086, 10, 0)};
    CHECK_EQ(gather(&p, three, 4), 0);
    CHECK(p.nr_slots == 4 && p.nr_extras == 1 && p.nr_pieces == 3 && p.csum_blank && !p.bad);
    CHECK(p.gso_type == XEN_NETIF_GSO_TYPE_TCPV4 && p.gso_size == 1448);
    CHECK(p.piece[0].len == 96 && p.piece[1].len == 4096 && p.piece[2].len == 10);
    CHECK(p.id[0] == 1 && p.id[1] == 2 && p.id[2] == 3);
}

static void test_bad_packets(void)
{
    struct pkt p;
    union pkt_slot s[PKT_SLOTS + 2];

    s[0] = request(1, 4090, 60, 0);
    CHECK_EQ(gather(&p, s, 1), -EPROTO); /* across its page */
    s[0] = request(1, 0, 60, NETTXF_more_data);
    CHECK_EQ(gather(&p, s, 1), -EPROTO); /* its end is missing */
    s[0] = request(1, 0, 60, NETTXF_extra_info);
    CHECK_EQ(gather(&p, s, 1), -EPROTO);
    s[1] = gso(9, 1448, false);
    CHECK_EQ(gather(&p, s, 2), -EPROTO);
    s[1] = gso(XEN_NETIF_GSO_TYPE_TCPV4, 0, false);
    CHECK_EQ(gather(&p, s, 2), -EPROTO);
    for (unsigned i = 1; i < 8; i++)
        s[i] = gso(XEN_NETIF_GSO_TYPE_TCPV4, 1448, true);
    CHECK_EQ(gather(&p, s, 8), -EPROTO); /* without end */
    s[1].extra.type = 200;
    CHECK_EQ(gather(&p, s, 8), -EPROTO);
    for (unsigned i = 0; i < PKT_SLOTS + 2; i++)
        s[i] = request((uint16_t)i, 0, i ? 10 : 1000, NETTXF_more_data);
    CHECK_EQ(gather(&p, s, PKT_SLOTS + 2), -EPROTO); /* too many slots */

    s[0] = request(1, 0, 60, NETTXF_more_data);
    s[1] = request(2, 0, 61, 0); /* more than all of it: dropped, but answered */
    CHECK_EQ(gather(&p, s, 2), 0);
    CHECK(p.bad && p.nr_slots == 2);
    s[0] = request(1, 0, 13, 0);
    CHECK_EQ(gather(&p, s, 1), 0);
    CHECK(p.bad && p.nr_slots == 1);
}

/* --- frames ----------------------------------------------------------------------------------- */

enum { V4_TCP = 14 + 20 + 20, V6_TCP = 14 + 40 + 20 };

static uint32_t make_v4(uint8_t *f, uint8_t protocol, const char *from, uint32_t payload)
{
    memset(f, 0, V4_TCP + payload);
    f[12] = 8;
    f[14] = 0x45;
    f[14 + 9] = protocol;
    inet_pton(AF_INET, from, f + 14 + 12);
    inet_pton(AF_INET, "10.0.0.9", f + 14 + 16);
    f[34 + 12] = 5 << 4;
    for (uint32_t i = 0; i < payload; i++)
        f[V4_TCP + i] = (uint8_t)(i * 7 + 1);
    return V4_TCP + payload;
}

static uint32_t make_v6(uint8_t *f, uint8_t protocol, const char *from)
{
    memset(f, 0, V6_TCP);
    f[12] = 0x86;
    f[13] = 0xdd;
    f[14] = 0x60;
    f[14 + 6] = protocol;
    inet_pton(AF_INET6, from, f + 14 + 8);
    f[54 + 12] = 5 << 4;
    return V6_TCP;
}

/* What a receiver does: the whole sum, pseudo header included, must be all ones. */
static bool v4_sum_is_right(const uint8_t *f, uint32_t len)
{
    uint32_t sum = f[14 + 9] + (len - 34);
    for (unsigned i = 26; i < 34; i += 2)
        sum += (uint32_t)f[i] << 8 | f[i + 1];
    for (uint32_t i = 34; i < len; i++)
        sum += i % 2 ? f[i] : (uint32_t)f[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

static void test_to_tap(void)
{
    uint8_t f[2048];
    struct virtio_net_hdr h;
    struct pkt p = {.bytes = make_v4(f, 6, "10.0.0.2", 100)};

    CHECK(pkt_to_tap(&p, f, &h) && h.flags == 0 && h.gso_type == 0);
    p.csum_blank = true;
    CHECK(pkt_to_tap(&p, f, &h) && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
    CHECK(h.csum_start == 34 && h.csum_offset == 16 && h.gso_type == 0);
    p.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
    p.gso_size = 50;
    CHECK(pkt_to_tap(&p, f, &h) && h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && h.gso_size == 50 &&
          h.hdr_len == 54);
    p.gso_type = XEN_NETIF_GSO_TYPE_TCPV6; /* of another version than the frame */
    CHECK(!pkt_to_tap(&p, f, &h));
    p.gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
    p.csum_blank = false;
    CHECK(pkt_to_tap(&p, f, &h) && h.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM);
    CHECK(f[50] | f[51]); /* the pseudo header's sum */
    f[34 + 12] = 4 << 4;  /* a TCP header shorter than one */
    CHECK(!pkt_to_tap(&p, f, &h));
    make_v4(f, 1, "10.0.0.2", 100); /* ICMP has no such checksum */
    p.csum_blank = true;
    CHECK(!pkt_to_tap(&p, f, &h));
    make_v4(f, 6, "10.0.0.2", 100);
    f[14 + 6] = 0x20; /* a fragment */
    CHECK(!pkt_to_tap(&p, f, &h));
    make_v4(f, 6, "10.0.0.2", 100);
    f[14] = 0x4f; /* options up to beyond what is there */
    p.bytes = 60;
    CHECK(!pkt_to_tap(&p, f, &h));

    p = (struct pkt){.bytes = make_v6(f, 6, "fe80::1"), .csum_blank = true};
    CHECK(pkt_to_tap(&p, f, &h) && h.csum_start == 54 && h.csum_offset == 16);
    f[14 + 6] = 60; /* destination options of 8 bytes, then TCP */
    f[54] = 6;
    f[55] = 0;
    CHECK(!pkt_to_tap(&p, f, &h) || h.csum_start == 62);
    f[55] = 200;
    CHECK(!pkt_to_tap(&p, f, &h));
}

static void test_from_tap(void)
{
    uint8_t f[2048];
    struct pkt_info i;
    uint32_t len = make_v4(f, 17, "10.0.0.2", 101);
    struct virtio_net_hdr h = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6};

    CHECK(pkt_from_tap(&h, f, len, false, false, &i));
    CHECK(i.flags == (NETRXF_csum_blank | NETRXF_data_validated) && i.gso_type == 0);
    /* A guest that wants complete ones gets them: the kernel has left the pseudo header's sum. */
    uint32_t pseudo = 17 + len - 34;
    for (unsigned k = 26; k < 34; k += 2)
        pseudo += (uint32_t)f[k] << 8 | f[k + 1];
    pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    f[40] = (uint8_t)(pseudo >> 8);
    f[41] = (uint8_t)pseudo;
    CHECK(pkt_from_tap(&h, f, len, true, false, &i) && i.flags == 0);
    CHECK(v4_sum_is_right(f, len));
    f[100] ^= 1;
    CHECK(!v4_sum_is_right(f, len));

    h = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                .gso_size = 1448};
    CHECK(pkt_from_tap(&h, f, len, false, false, &i));
    CHECK(i.gso_type == XEN_NETIF_GSO_TYPE_TCPV4 && i.gso_size == 1448);
    CHECK_EQ(pkt_slots_for(&i, 4096), 2);
    CHECK_EQ(pkt_slots_for(&i, 4097), 3);
    h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    CHECK(pkt_from_tap(&h, f, len, false, false, &i) && i.gso_type == XEN_NETIF_GSO_TYPE_TCPV6);
    h.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    CHECK(!pkt_from_tap(&h, f, len, false, false, &i));
    h = (struct virtio_net_hdr){
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 200, .csum_offset = 6};
    CHECK(!pkt_from_tap(&h, f, len, true, true, &i));
}

/* --- filter and rate -------------------------------------------------------------------------- */

static void test_filter(void)
{
    uint8_t f[256];
    struct filter all = {0}, some;
    uint32_t len = make_v4(f, 6, "10.0.0.2", 0);

    CHECK(filter_parse(&some, " 10.0.0.2, 10.0.0.3 2001:db8::7 "));
    CHECK(some.nr_v4 == 2 && some.nr_v6 == 1);
    CHECK(filter_passes(&all, f, len) && filter_passes(&some, f, len));
    len = make_v4(f, 6, "10.0.0.4", 0);
    CHECK(filter_passes(&all, f, len) && !filter_passes(&some, f, len));
    len = make_v4(f, 17, "0.0.0.0", 0);
    CHECK(!filter_passes(&some, f, len));
    f[34 + 3] = 67; /* to a DHCP server */
    CHECK(filter_passes(&some, f, len));
    len = make_v6(f, 6, "2001:db8::7");
    CHECK(filter_passes(&some, f, len));
    len = make_v6(f, 6, "2001:db8::8");
    CHECK(!filter_passes(&some, f, len));
    len = make_v6(f, 58, "fe80::8");
    CHECK(filter_passes(&some, f, len));
    memset(f, 0, sizeof f);
    f[12] = 8, f[13] = 6; /* ARP */
    inet_pton(AF_INET, "10.0.0.4", f + 14 + 14);
    CHECK(!filter_passes(&some, f, 42));
    f[14 + 17] = 3;
    CHECK(filter_passes(&some, f, 42));
    CHECK(!filter_passes(&some, f, 41)); /* cut short */
    CHECK(!filter_parse(&some, "10.0.0.2 nonsense"));
    len = make_v4(f, 6, "10.0.0.2", 0);
    CHECK(!filter_passes(&some, f, len)); /* then nothing passes */
    CHECK(!filter_parse(&some, "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                               "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                               "1.1.1.1"));
}

static void test_rate(void)
{
    struct rate r;
    CHECK(!rate_parse(&r, "100") && !rate_parse(&r, "0,5") && !rate_parse(&r, "5,-1") &&
          !rate_parse(&r, "5,5x") && !rate_parse(&r, ""));
    CHECK_EQ(rate_take(&r, 60000, 0), 0); /* no limit */
    CHECK(rate_parse(&r, "10000,50000"));
    int64_t now = 7000000;
    uint64_t sent = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t wait = rate_take(&r, 1500, now);
        if (wait) {
            CHECK(wait <= 50000);
            now += (int64_t)wait;
        } else {
            sent += 1500;
        }
    }
    /* 6 packets in each interval, so never more than the limit. */
    CHECK(sent <= 10000ull * (uint64_t)((now - 7000000) / 50000 + 1) && sent > 500 * 1500);
    CHECK_EQ(rate_take(&r, 65000, now + 50000), 0); /* larger than an interval's: a whole one */
    CHECK(rate_take(&r, 60, now + 50001) > 0);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static _Alignas(4096) uint8_t page[4096], page_before[4096];

static void fresh(struct ring *r)
{
    ring_init(r, page, 4096, sizeof(struct netif_rx_response));
}

/* A process answers in batches and is killed at each of its stores in turn: nothing is skewed. */
static void test_kept(void)
{
    static struct kept_file f;
    const struct kept_rings rings = {.nr_queues = 1, .tx_ref = {5}};
    struct kept_ring *k = &f.queue[0].rx;
    struct ring r;

    CHECK(!kept_fits(&f, 3, &rings));
    kept_begin(&f, 3, &rings);
    CHECK(kept_fits(&f, 3, &rings) && !kept_fits(&f, 4, &rings));
    for (unsigned at = 0; at < 4; at++) {
        memset(page, 0, sizeof page);
        kept_begin(&f, 3, &rings);
        fresh(&r);
        r.head->req_prod = 20;
        uint32_t next = 0;
        r.cons = 10;
        for (uint16_t i = 0; i < 10; i++) {
            struct netif_rx_response rsp = {.id = i, .status = 100};
            kept_add(k, &next, &rsp, sizeof rsp);
        }
        memcpy(page_before, page, sizeof page);
        if (at >= 1) { /* `to` was stored; some slots were overwritten */
            k->to = next;
            memcpy(page + 64, k->rsp[0], 8 * 4);
        }
        if (at >= 2) { /* shown to the guest, `shown` not yet stored */
            k->to = 0;
            (void)!kept_answer(k, next, &r, sizeof(struct netif_rx_response));
            k->shown = at == 2 ? 0 : 10;
        }
        fresh(&r);
        CHECK(kept_recover(k, &r, sizeof(struct netif_rx_response)));
        uint32_t answered = at == 0 ? 0 : 10;
        CHECK(r.cons == answered && r.prod == answered && r.head->rsp_prod == answered);
        for (uint32_t i = 0; i < answered; i++) {
            struct netif_rx_response rsp;
            memcpy(&rsp, page + 64 + 8 * i, sizeof rsp);
            CHECK(rsp.id == i && rsp.status == 100);
        }
        CHECK_EQ(ring_waiting(&r), 20 - (int)answered);
    }
    k->to = k->shown + 1000;
    fresh(&r);
    CHECK(!kept_recover(k, &r, sizeof(struct netif_rx_response)));
}

int main(void)
{
    test_good_packets();
    test_bad_packets();
    test_to_tap();
    test_from_tap();
    test_filter();
    test_rate();
    test_kept();
    return check_result();
}
