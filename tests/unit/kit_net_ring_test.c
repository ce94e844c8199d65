/*
 * The network rings of guest-kit: an honest back-end moves what it should, each lie is refused, and
 * a random walk with a back-end of both kinds keeps the audits true.
 */
#include "check.h"

#include <stdlib.h>
#include <xen/errno.h>

#include "net/gather.h"
#include "net/offload.h"
#include "net/ring.h"

static uint8_t tx_page[NET_PAGE] __attribute__((aligned(4096)));
static uint8_t rx_page[NET_PAGE] __attribute__((aligned(4096)));
#define TX_RING ((struct netif_tx_sring *)(void *)tx_page)
#define RX_RING ((struct netif_rx_sring *)(void *)rx_page)
static struct net_tx tx;
static struct net_rx rx;

static void start(void)
{
    net_tx_init(&tx, tx_page);
    net_rx_init(&rx, rx_page);
}

/* ---- the back-end ---- */

static void tx_respond(uint16_t id, int16_t status)
{
    TX_RING->ring[TX_RING->rsp_prod++ % NET_SLOTS].rsp =
        (struct netif_tx_response){.id = id, .status = status};
}

static void rx_respond(struct netif_rx_response rsp)
{
    RX_RING->ring[RX_RING->rsp_prod++ % NET_SLOTS].rsp = rsp;
}

static void rx_extra(uint8_t flags)
{
    union {
        struct netif_extra_info extra;
        struct netif_rx_response rsp;
    } slot = {.extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO, .flags = flags}};
    rx_respond(slot.rsp);
}

static void rx_data(uint16_t offset, uint16_t flags, int16_t status)
{
    rx_respond((struct netif_rx_response){
        .id = RX_RING->rsp_prod % NET_SLOTS, .offset = offset, .flags = flags, .status = status});
}

/* ---- sending ---- */

static void send(unsigned int parts, unsigned int length, uint16_t segment_size)
{
    struct net_tx_packet packet = {.count = parts, .segment_size = segment_size};
    for (unsigned int i = 0; i < parts; i++) {
        int id = net_tx_take_id(&tx);
        CHECK(id >= 0);
        packet.part[i] = (struct net_tx_part){
            .id = (uint16_t)id, .length = (uint16_t)length, .ref = 1000 + (uint32_t)id};
        packet.total += length;
    }
    net_tx_put(&tx, &packet);
}

static void test_send(void)
{
    start();
    CHECK(net_tx_room(&tx, NET_FRAGS));
    TX_RING->req_event = 1;
    send(3, 100, 1448);
    CHECK_EQ(TX_RING->req_prod, 0);
    CHECK(net_tx_publish(&tx));
    CHECK_EQ(TX_RING->req_prod, 4);
    const struct netif_tx_request *first = &TX_RING->ring[0].req;
    CHECK_EQ(first->size, 300);
    CHECK_EQ(first->flags, NETTXF_extra_info | NETTXF_more_data);
    CHECK_EQ(first->gref, 1000 + first->id);
    const struct netif_extra_info *extra = (const void *)&TX_RING->ring[1];
    CHECK_EQ(extra->type, XEN_NETIF_EXTRA_TYPE_GSO);
    CHECK_EQ(extra->u.gso.size, 1448);
    CHECK_EQ(TX_RING->ring[2].req.flags, NETTXF_more_data);
    CHECK_EQ(TX_RING->ring[2].req.size, 100);
    CHECK_EQ(TX_RING->ring[3].req.flags, 0);
    send(1, 60, 0);
    CHECK(!net_tx_publish(&tx)); /* req_event was 1: nobody asked again */
    CHECK(net_tx_audit(&tx));

    uint16_t ids[] = {first->id, TX_RING->ring[2].req.id, TX_RING->ring[3].req.id};
    tx_respond(ids[0], NETIF_RSP_OKAY);
    tx_respond(0xffff, NETIF_RSP_NULL); /* for the extra slot: no id */
    tx_respond(ids[2], NETIF_RSP_ERROR);
    CHECK_EQ(net_tx_reap(&tx), 3);
    CHECK_EQ(tx.errors, 1);
    CHECK_EQ(tx.out, 2);
    CHECK(net_tx_audit(&tx));
    CHECK(!net_tx_arm(&tx));
    tx_respond(ids[1], NETIF_RSP_OKAY);
    CHECK(net_tx_arm(&tx));
    CHECK_EQ(net_tx_reap(&tx), 1);
}

static void test_send_full(void)
{
    start();
    for (unsigned int i = 0; i < NET_SLOTS; i++)
        send(1, 60, 0);
    CHECK_EQ(net_tx_take_id(&tx), -1);
    CHECK(!net_tx_room(&tx, 1));
    CHECK(net_tx_audit(&tx));
    net_tx_publish(&tx);
    tx_respond(5, NETIF_RSP_OKAY);
    CHECK_EQ(net_tx_reap(&tx), 1);
    CHECK_EQ(net_tx_take_id(&tx), 5);
    net_tx_put_back(&tx, 5);
    CHECK(net_tx_audit(&tx));
}

static void lie_too_many(void)
{
    TX_RING->rsp_prod = 3;
}
static void lie_behind(void)
{
    TX_RING->rsp_prod = -1U;
}
static void lie_wild_id(void)
{
    tx_respond(256, NETIF_RSP_OKAY);
}
static void lie_free_id(void)
{
    tx_respond(77, NETIF_RSP_OKAY);
}
static void lie_twice(void)
{
    tx_respond(TX_RING->ring[0].req.id, NETIF_RSP_OKAY);
    tx_respond(TX_RING->ring[0].rsp.id, NETIF_RSP_OKAY);
}
static void lie_no_extra(void)
{
    tx_respond(0, NETIF_RSP_NULL);
}

static void test_send_lies(void)
{
    void (*const lie[])(void) = {lie_too_many, lie_behind, lie_wild_id,
                                 lie_free_id,  lie_twice,  lie_no_extra};
    for (unsigned int i = 0; i < sizeof lie / sizeof *lie; i++) {
        start();
        send(2, 100, 0);
        net_tx_publish(&tx);
        lie[i]();
        if (!CHECK_EQ(net_tx_reap(&tx), -XEN_EIO))
            printf("  lie %u was believed\n", i);
        CHECK(net_tx_audit(&tx));
    }
}

/* ---- receiving ---- */

static void post(unsigned int count)
{
    while (count--) {
        CHECK_EQ(net_rx_next(&rx), rx.req_prod % NET_SLOTS);
        net_rx_post(&rx, 1);
    }
    net_rx_publish(&rx);
}

static void test_receive(void)
{
    struct net_rx_packet packet;
    start();
    post(NET_SLOTS);
    CHECK_EQ(net_rx_next(&rx), -1);
    CHECK_EQ(net_rx_take(&rx, &packet), 0);
    rx_data(0, NETRXF_data_validated, 60);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK_EQ(packet.slots, 1);
    CHECK_EQ(packet.count, 1);
    CHECK_EQ(packet.total, 60);
    CHECK(packet.checked && !packet.bad);

    rx_data(16, NETRXF_more_data | NETRXF_extra_info, 4080);
    rx_extra(XEN_NETIF_EXTRA_FLAG_MORE);
    rx_extra(0);
    CHECK_EQ(net_rx_take(&rx, &packet), 0); /* its last fragment is missing */
    rx_data(0, 0, 4096);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK_EQ(packet.first, 1);
    CHECK_EQ(packet.slots, 4);
    CHECK_EQ(packet.count, 2);
    CHECK_EQ(packet.total, 8176);
    CHECK_EQ(packet.frag[1].slot, 4);
    CHECK(!packet.checked && !packet.bad);

    rx_data(0, 0, NETIF_RSP_ERROR);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK(packet.bad);
    for (unsigned int i = 0; i < 17; i++) /* more bytes than a packet can have */
        rx_data(0, i < 16 ? NETRXF_more_data : 0, 4096);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK(packet.bad);
    CHECK_EQ(packet.slots, 17);
    for (unsigned int i = 0; i < NET_FRAGS + 1; i++)
        rx_data(0, i < NET_FRAGS ? NETRXF_more_data : 0, 0);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK(packet.bad);
    CHECK(!net_rx_arm(&rx, 1));
    rx_data(0, 0, 60);
    CHECK(net_rx_arm(&rx, 1));
    CHECK_EQ(net_rx_there(&rx), 1);
    CHECK(!net_rx_arm(&rx, 3));
    CHECK_EQ(RX_RING->rsp_event, rx.rsp_cons + 3);
    rx_data(0, 0, 60);
    CHECK(!net_rx_arm(&rx, 3));
    rx_data(0, 0, 60);
    CHECK(net_rx_arm(&rx, 3));
    CHECK(net_rx_audit(&rx));
}

static void lie_rx_too_many(void)
{
    RX_RING->rsp_prod = 9;
}
static void lie_rx_order(void)
{
    rx_respond((struct netif_rx_response){.id = 1, .status = 60});
}
static void lie_rx_offset(void)
{
    rx_data(4097, 0, 0);
}
static void lie_rx_length(void)
{
    rx_data(4000, 0, 97);
}
static void lie_rx_late_extra(void)
{
    rx_data(0, NETRXF_more_data, 60);
    rx_data(0, NETRXF_extra_info, 60);
}
static void lie_rx_endless(void)
{
    for (unsigned int i = 0; i < 8; i++)
        rx_data(0, NETRXF_more_data, 60);
}
static void lie_rx_extras(void)
{
    rx_data(0, NETRXF_extra_info, 60);
    for (unsigned int i = 0; i < 7; i++)
        rx_extra(XEN_NETIF_EXTRA_FLAG_MORE);
}

static void test_receive_lies(void)
{
    void (*const lie[])(void) = {lie_rx_too_many,   lie_rx_order,   lie_rx_offset, lie_rx_length,
                                 lie_rx_late_extra, lie_rx_endless, lie_rx_extras};
    for (unsigned int i = 0; i < sizeof lie / sizeof *lie; i++) {
        struct net_rx_packet packet;
        start();
        post(8);
        lie[i]();
        if (!CHECK_EQ(net_rx_take(&rx, &packet), -XEN_EIO))
            printf("  lie %u was believed\n", i);
        CHECK_EQ(rx.rsp_cons, 0);
    }
}

/* ---- offload ---- */

/* A TCP frame with `payload` bytes at sequence number `seq`. */
static struct net_flow frame_make(uint8_t *frame, uint32_t seq, unsigned int payload, uint8_t flags)
{
    static const uint8_t header[54] = {
        1,    2,  3, 4, 5, 6, 7, 8, 9,  10, 11, 12, 8,    0,                        /* Ethernet */
        0x45, 0,  0, 0, 0, 1, 0, 0, 64, 6,  0,  0,  10,   0,    0,  1, 10, 0, 0, 2, /* IPv4 */
        0,    80, 4, 0, 0, 0, 0, 0, 0,  0,  0,  9,  0x50, 0x10, 16, 0, 0,  0, 0, 0  /* TCP */
    };
    struct net_flow flow = {0};
    memcpy(frame, header, sizeof header);
    frame[16] = (uint8_t)((40 + payload) >> 8);
    frame[17] = (uint8_t)(40 + payload);
    frame[38] = (uint8_t)(seq >> 24);
    frame[39] = (uint8_t)(seq >> 16);
    frame[40] = (uint8_t)(seq >> 8);
    frame[41] = (uint8_t)seq;
    frame[47] = flags;
    CHECK(net_flow_find(frame, 54, 54 + payload, &flow));
    return flow;
}

/* The sum of 16-bit words, which a right checksum makes 0xffff. */
static unsigned int sum16(const uint8_t *p, unsigned int length)
{
    unsigned int sum = 0;
    for (unsigned int i = 0; i < length; i += 2)
        sum += (unsigned int)(p[i] << 8 | p[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void test_offload(void)
{
    uint8_t a[54], b[54];
    struct net_flow fa = frame_make(a, 0xfffffff0, 1460, 0x10), fb = frame_make(b, 1444, 700, 0x18);
    CHECK_EQ(fa.payload, 1460);
    CHECK_EQ(fa.headers, 54);
    CHECK(net_flow_joins(a, &fa, 1460, 1460, b, &fb));
    CHECK(!net_flow_joins(a, &fa, 1460, 1400, b, &fb)); /* not whole parts */
    CHECK(!net_flow_joins(a, &fa, 1460, 0, b, &fb));
    net_flow_join(a, &fa, b);
    CHECK_EQ(a[47], 0x18);
    CHECK(!net_flow_joins(a, &fa, 2920, 1460, b, &fb)); /* pushed: the end */
    net_flow_seal(a, &fa, 2160, true);
    CHECK_EQ(a[16] << 8 | a[17], 2200);
    CHECK_EQ(sum16(a + 14, 20), 0xffff);
    uint8_t pseudo[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 6, 2180 >> 8, 2180 & 255};
    CHECK_EQ(a[50] << 8 | a[51], sum16(pseudo, 12));

    /* Whatever differs keeps two segments apart. */
    static const struct {
        unsigned int at;
        const char *what;
    } differ[] = {{0, "address"},     {15, "service"},  {22, "TTL"},
                  {33, "IP address"}, {35, "port"},     {41, "number"},
                  {45, "ack"},        {47, "TCP flag"}, {48, "window"}};
    for (unsigned int i = 0; i < sizeof differ / sizeof *differ; i++) {
        fa = frame_make(a, 0, 1460, 0x10), fb = frame_make(b, 1460, 1460, 0x10);
        b[differ[i].at] ^= 1;
        if (!CHECK(!net_flow_joins(a, &fa, 1460, 1460, b, &fb)))
            printf("  in spite of another %s\n", differ[i].what);
    }
    /* Malformed, or none of ours. */
    static const uint8_t spoil[][2] = {{12, 9},    {14, 0x65}, {14, 0x44},
                                       {20, 0x20}, {23, 1},    {46, 0x40}};
    for (unsigned int i = 0; i < sizeof spoil / sizeof *spoil; i++) {
        fa = frame_make(a, 0, 0, 0x10);
        a[spoil[i][0]] = spoil[i][1];
        CHECK(!net_flow_find(a, 54, 54, &fa));
    }
    frame_make(a, 0, 0, 0x10);
    for (unsigned int length = 0; length < 54; length++)
        CHECK(!net_flow_find(a, length, 54, &fa));
}

/* ---- both, at random, over the wrap of the indices ---- */

static void walk_send(unsigned int dice)
{
    unsigned int parts = dice % NET_FRAGS + 1;
    if (dice % 3 == 0 && net_tx_room(&tx, parts) && tx.free_count >= parts)
        send(parts, 64, dice % 2 ? 1448 : 0);
    net_tx_publish(&tx);
    /* The back-end answers in order what was asked. */
    for (unsigned int n = dice / 64 % 24; n && TX_RING->rsp_prod != TX_RING->req_prod; n--) {
        uint32_t slot = TX_RING->rsp_prod % NET_SLOTS;
        static bool extra;
        struct netif_tx_request req = TX_RING->ring[slot].req;
        tx_respond(req.id, extra ? NETIF_RSP_NULL : NETIF_RSP_OKAY);
        extra = !extra && req.flags & NETTXF_extra_info;
    }
    CHECK(net_tx_reap(&tx) >= 0);
    CHECK(net_tx_audit(&tx));
}

static void walk_receive(unsigned int dice)
{
    struct net_rx_packet packet;
    while (net_rx_next(&rx) >= 0)
        net_rx_post(&rx, 1);
    net_rx_publish(&rx);
    for (unsigned int n = dice % 20 + 1; n--;)
        rx_data(0, n ? NETRXF_more_data : 0, 100);
    CHECK_EQ(net_rx_take(&rx, &packet), 1);
    CHECK_EQ(packet.slots, dice % 20 + 1);
    CHECK_EQ(packet.bad, dice % 20 + 1 > NET_FRAGS);
    CHECK(net_rx_audit(&rx));
}

static void test_walk(void)
{
    unsigned int seed = getenv("SEED") ? (unsigned int)atoi(getenv("SEED")) : 1;
    printf("seed %u\n", seed);
    srand(seed);
    start();
    tx.req_prod = tx.rsp_cons = TX_RING->req_prod = TX_RING->rsp_prod = -1000U;
    rx.req_prod = rx.rsp_cons = RX_RING->req_prod = RX_RING->rsp_prod = -1024U;
    for (unsigned int i = 0; i < 20000; i++) {
        walk_send((unsigned int)rand());
        walk_receive((unsigned int)rand());
    }
}

/* `burst` packets come together, of which the first is there: how many of 4000 of them wait alone.
 * `waits`: occasions on which time was spent. */
static unsigned int gather_rounds(struct net_gather *g, unsigned int burst, unsigned int *waits)
{
    unsigned int alone = 0;
    for (unsigned int i = 0; i < 4000; i++) {
        unsigned int want = net_gather_want(g, 1, 32);
        CHECK(want != 1 && want <= 32);
        alone += want == 0;
        *waits += want != 0;
        if (want)
            net_gather_learn(g, 1, want, want < burst ? want : burst);
    }
    return alone;
}

static void test_gather(void)
{
    struct net_gather g = {0};
    unsigned int waits = 0;
    CHECK_EQ(net_gather_want(&g, 0, 32), 0);
    CHECK_EQ(net_gather_want(&g, 32, 32), 0);
    gather_rounds(&g, 1, &waits); /* lone requests: tried ever less often */
    CHECK(waits < 30);
    gather_rounds(&g, 20, &waits);
    CHECK_EQ(g.expect, 20); /* found out, */
    CHECK_EQ(gather_rounds(&g, 20, &waits), 0);
    waits = 0;
    gather_rounds(&g, 1, &waits); /* and forgotten */
    CHECK(waits < 30);
    /* Nonsense from the ring, and a walk. */
    net_gather_learn(&g, 1, 32, -5U);
    for (unsigned int i = 0; i < 20000; i++) {
        unsigned int have = (unsigned int)rand() % 40, most = (unsigned int)rand() % 40;
        unsigned int want = net_gather_want(&g, have, most);
        CHECK(want == 0 || (want > have && want <= most));
        if (want)
            net_gather_learn(&g, have, want, have + (unsigned int)rand() % 40);
        CHECK(g.skip <= NET_GATHER_PAUSE && g.pause <= NET_GATHER_PAUSE);
    }
}

int main(void)
{
    test_gather();
    test_send();
    test_send_full();
    test_send_lies();
    test_receive();
    test_receive_lies();
    test_offload();
    test_walk();
    return check_result();
}
