/*
 * evil: a guest whose front-ends of one disk and one interface do to Argon's back-ends whatever a
 * guest can: nonsense in the xenstore, references of nothing, impossible indices, requests of
 * random bytes, pages whose grants end under way, states in any order. After each it comes back and
 * asks for something honest, which must be answered. The disk's first sector holds 'E's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <gk/err.h>
#include <gk/evt.h>
#include <gk/gnt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>

#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#define NOBODY 0x10000U /* no reference of ours reaches so far */

static const char *node;
static char back[96];
static gk_gref ring_ref, rx_ref, data_ref;
static void *ring_page, *rx_page;
static uint8_t *data;
static int port;
static uint32_t produced;

static uint32_t chance(void)
{
    static uint64_t seed = 88172645463325252;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static void told(const char *what, bool right)
{
    gk_printf("evil: %s: %s%s\n", node, right ? "" : "WRONG: ", what);
}

static void put(const char *key, const char *format, ...)
{
    char path[96], value[64];
    va_list ap;

    va_start(ap, format);
    vsnprintf(value, sizeof value, format, ap);
    va_end(ap);
    snprintf(path, sizeof path, "%s/%s", node, key);
    if (gk_xs_write(GK_XS_NONE, path, value))
        told("a node cannot be written", false);
}

static void state(unsigned int s)
{
    put("state", "%u", s);
}

/* Until the back-end's state is one of `wanted` (bits), a minute at most. */
static bool wait_back(unsigned int wanted)
{
    char path[128];

    snprintf(path, sizeof path, "%s/state", back);
    for (unsigned int i = 0; i < 6000; i++, gk_sleep(10 * GK_MS))
        if (wanted >> (gk_xs_read_or(path, 0) & 15) & 1)
            return true;
    return false;
}

/* Closed, whatever it was before, and begun again. */
static void reopen(void)
{
    static const char *const keys[] = {"protocol", "multi-queue-num-queues", "ring-page-order"};

    state(6);
    if (!wait_back(1 << 6))
        told("the back-end does not close", false);
    for (unsigned int i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", node, keys[i]);
        gk_xs_rm(GK_XS_NONE, path);
    }
    memset(ring_page, 0, GK_PAGE_SIZE);
    memset(rx_page, 0, GK_PAGE_SIZE);
    ((blkif_sring_t *)ring_page)->req_event = ((blkif_sring_t *)ring_page)->rsp_event = 1;
    ((netif_rx_sring_t *)rx_page)->req_event = ((netif_rx_sring_t *)rx_page)->rsp_event = 1;
    produced = 0;
    put("ring-ref", "%u", ring_ref);
    put("tx-ring-ref", "%u", ring_ref);
    put("rx-ring-ref", "%u", rx_ref);
    put("event-channel", "%d", port);
    put("request-rx-copy", "1");
    put("feature-rx-notify", "1");
    put("feature-sg", "1");
    state(1);
    if (!wait_back(1 << 2))
        told("the back-end does not come back", false);
}

static void connect(void)
{
    reopen();
    state(4);
    if (!wait_back(1 << 4))
        told("the back-end does not connect", false);
}

/* What must make the back-end give up this device, and say so. */
static void refused(const char *key, const char *value)
{
    reopen();
    put(key, "%s", value);
    state(4);
    told(key, wait_back(1 << 5 | 1 << 6));
}

static void states(void)
{
    static const char *const order[] = {"4", "2", "7", "8", "0", "abc", "77", "-1", "", "3", "5"};

    for (unsigned int i = 0; i < 44; i++, gk_sleep(5 * GK_MS)) {
        char path[96];
        put("state", "%s", order[i % (sizeof order / sizeof order[0])]);
        snprintf(path, sizeof path, "%s/state", node);
        if (i % 11 == 7)
            gk_xs_rm(GK_XS_NONE, path);
    }
}

/* The shared indices of either ring lie alike (xen/io/ring.h). */
static void push(void *ring, uint32_t to)
{
    __atomic_store_n(&((blkif_sring_t *)ring)->req_prod, to, __ATOMIC_RELEASE);
    gk_evt_send((uint32_t)port);
}

static bool answered(void *ring, uint32_t to)
{
    for (unsigned int i = 0; i < 6000; i++, gk_sleep(5 * GK_MS))
        if (__atomic_load_n(&((blkif_sring_t *)ring)->rsp_prod, __ATOMIC_ACQUIRE) == to)
            return true;
    return false;
}

static void noise(void *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)at)[i] = (uint8_t)chance();
}

/* --- the disk --- */

#define DISK_SLOTS 32U
#define DISK_SLOT  (((blkif_sring_t *)ring_page)->ring[produced % DISK_SLOTS])

static void disk_honest(void)
{
    struct blkif_request r = {.operation = BLKIF_OP_READ, .nr_segments = 1, .id = 7};

    r.seg[0] = (struct blkif_request_segment){.gref = data_ref, .first_sect = 0, .last_sect = 0};
    memset(data, 0, 512);
    memcpy(&DISK_SLOT.req, &r, sizeof r);
    const struct blkif_response *answer = &DISK_SLOT.rsp;
    push(ring_page, ++produced);
    bool right = answered(ring_page, produced) && answer->status == BLKIF_RSP_OKAY;
    told("an honest read", right && data[0] == 'E' && data[511] == 'E');
}

/* Our own pages but the data's are out of its reach: the guest itself has to stay whole. */
static gk_gref some_ref(void)
{
    return chance() % 3 ? data_ref : NOBODY + chance() % 1000;
}

static void disk_noise(void)
{
    bool all = true;

    for (unsigned int round = 0; round < 100 && all; round++) {
        for (unsigned int i = 0; i < DISK_SLOTS; i++, produced++) {
            struct blkif_request r;
            noise(&r, sizeof r);
            if (chance() % 8)
                r.operation = (uint8_t)(chance() % 8);
            if (chance() % 2)
                r.nr_segments %= 12;
            if (chance() % 2)
                r.sector_number %= 64;
            r.sector_number |= 8; /* not the first sectors, which the honest read is of */
            for (unsigned int k = 0; k < BLKIF_MAX_SEGMENTS_PER_REQUEST; k++)
                r.seg[k].gref = some_ref();
            if (r.operation == BLKIF_OP_INDIRECT)
                for (unsigned int k = 0; k < BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST; k++)
                    ((blkif_request_indirect_t *)&r)->indirect_grefs[k] = some_ref();
            memcpy(&DISK_SLOT.req, &r, sizeof r);
        }
        noise(data, GK_PAGE_SIZE); /* what indirect requests find */
        push(ring_page, produced);
        all = answered(ring_page, produced);
    }
    told("random requests are all answered", all);
}

/* A page that is there when the request is seen, and gone when it is used, or before. */
static void disk_vanish(void)
{
    struct blkif_request r = {.operation = BLKIF_OP_READ, .nr_segments = 1};
    uint8_t *page = gk_page_zalloc(1);
    gk_gref ref;
    bool all = page && !gk_gnt_reserve(&ref);

    for (unsigned int round = 0; round < 300 && all; round++) {
        gk_gnt_set(ref, 0, page, false);
        r.seg[0] = (struct blkif_request_segment){.gref = ref, .last_sect = 7};
        memcpy(&DISK_SLOT.req, &r, sizeof r);
        push(ring_page, ++produced);
        for (uint32_t wait = chance() % 4000; wait--;)
            __asm__ volatile("pause");
        while (gk_gnt_clear(ref))
            gk_sleep(GK_MS);
        all = answered(ring_page, produced);
    }
    told("grants that end under way", all);
}

static void disk(void)
{
    char text[16];

    connect();
    disk_honest();
    refused("protocol", "x86_32-abi");
    refused("multi-queue-num-queues", "4294967295");
    refused("ring-page-order", "31");
    refused("ring-ref", "99999999999999999999");
    snprintf(text, sizeof text, "%u", NOBODY);
    refused("ring-ref", text);
    refused("event-channel", "-5");
    refused("event-channel", "3999");
    connect();
    push(ring_page, 1000);
    told("an index that cannot be", wait_back(1 << 5));
    connect();
    disk_noise();
    disk_honest();
    disk_vanish();
    disk_honest();
    states();
    connect();
    disk_honest();
    state(6); /* the interface has its port and pages next */
    told("it closes", wait_back(1 << 6));
}

/* --- the interface --- */

#define NET_SLOTS 256U
#define TX_SLOT   (((netif_tx_sring_t *)ring_page)->ring[produced % NET_SLOTS])

static void net_honest(void)
{
    memset(data, 0xff, 12);
    data[12] = 0x88, data[13] = 0xb5; /* for experiments */
    TX_SLOT.req = (netif_tx_request_t){.gref = data_ref, .size = 60, .id = 9};
    const netif_tx_response_t *answer = &TX_SLOT.rsp;
    push(ring_page, ++produced);
    told("an honest frame",
         answered(ring_page, produced) && answer->id == 9 && answer->status == NETIF_RSP_OKAY);
}

static void net_noise(void)
{
    bool all = true;

    for (unsigned int round = 0; round < 24 && all; round++) {
        unsigned int kind = round % 3; /* all is noise; sizes are; what a chain says of itself is */
        connect();
        for (unsigned int i = 0; i < 64; i++, produced++) {
            netif_tx_request_t r;
            noise(&r, sizeof r);
            r.gref = some_ref();
            if (kind == 1)
                r.flags = 0, r.offset %= 4096, r.size = (uint16_t)(r.size % (4097u - r.offset));
            if (kind == 2)
                r.offset = 0, r.size = (uint16_t)(r.size % 4097u), r.flags &= 7;
            if (kind == 2 && i == 63)
                r.flags = NETTXF_more_data; /* and no more comes */
            TX_SLOT.req = r;
        }
        push(ring_page, produced);
        /* A slot's place and size are sound in one kind: all are answered. Else it may give up. */
        all = kind == 1 ? answered(ring_page, produced) : wait_back(1 << 5);
    }
    told("random frames", all);
}

/* Room for frames that is none, then a page: dom0 asks for our address once a second. */
static void net_receive(void)
{
    enum { BAD = 6 };
    netif_rx_sring_t *rx = rx_page;
    union netif_rx_sring_entry *slot = rx->ring; /* which is declared as of one */
    bool right = true;

    for (unsigned int i = 0; i < BAD; i++)
        slot[i].req = (netif_rx_request_t){.id = (uint16_t)i, .gref = NOBODY + i};
    slot[BAD].req = (netif_rx_request_t){.id = BAD, .gref = data_ref};
    push(rx_page, BAD + 1);
    for (unsigned int i = 0; i < BAD + 1 && right; i++) {
        right = false;
        for (unsigned int k = 0; k < 6000 && !right; k++, gk_sleep(5 * GK_MS))
            right = (int32_t)(__atomic_load_n(&rx->rsp_prod, __ATOMIC_ACQUIRE) - i) > 0;
        right = right && (i < BAD ? slot[i].rsp.status < 0 : slot[i].rsp.status > 0);
    }
    told("frames for pages that are none, then one", right);
}

static void net(void)
{
    char text[16];

    connect();
    net_honest();
    refused("request-rx-copy", "0");
    refused("multi-queue-num-queues", "4294967295");
    refused("tx-ring-ref", "99999999999999999999");
    snprintf(text, sizeof text, "%u", NOBODY);
    refused("rx-ring-ref", text);
    refused("event-channel", "3999");
    connect();
    push(ring_page, 100000);
    told("an index that cannot be", wait_back(1 << 5));
    connect();
    push(rx_page, 100000);
    told("nor for receiving", wait_back(1 << 5));
    net_noise();
    connect();
    net_honest();
    net_receive();
    states();
    connect();
    net_honest();
}

static void raised(uint32_t p, void *unused)
{
    (void)p;
    (void)unused;
}

static void begin(const char *what)
{
    char path[96];

    node = what;
    snprintf(path, sizeof path, "%s/backend", node);
    while (gk_xs_read_into(GK_XS_NONE, path, back, sizeof back) <= 0)
        gk_sleep(10 * GK_MS);
}

int main(void)
{
    ring_page = gk_page_zalloc(1);
    rx_page = gk_page_zalloc(1);
    data = gk_page_zalloc(1);
    port = gk_evt_alloc(0, raised, NULL);
    if (!ring_page || !rx_page || !data || port < 0 ||
        gk_gnt_allow(0, ring_page, false, &ring_ref) || gk_gnt_allow(0, rx_page, false, &rx_ref) ||
        gk_gnt_allow(0, data, false, &data_ref))
        gk_panic("evil: no pages");
    begin("device/vbd/51712");
    disk();
    begin("device/vif/0");
    net();
    gk_printf("evil: end\n");
    for (;;)
        gk_sleep(GK_S);
}
