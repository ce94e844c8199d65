/*
 * hostile: the back-end's side of one disk or interface of a guest, and it lies.
 *
 *   hostile vbd|vif DOMID INDEX CASE
 *
 * The script has written the front-end's nodes, whose `backend` will be
 * /local/domain/0/lie/TYPE/DOMID/INDEX; here features, states, ring and answers are made up. Exit 0
 * when the lie could be told; what the guest makes of it, its console tells.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/abi.h"
#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/loop.h"
#include "dkit/xb.h"
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

static const char *type;
static unsigned domid, index_;
static char front[96], back[96];

static void die(const char *what)
{
    printf("hostile: %s %u: %s\n", type, index_, what);
    exit(1);
}

static void state(unsigned s)
{
    if (xb_write_number(s, "%s/state", back))
        die("no state");
}

/* Until the front-end's state is one of `wanted` (bits), at most 30 s. */
static void wait_front(unsigned wanted)
{
    for (unsigned i = 0; i < 600; i++) {
        if (wanted >> xb_number(0, 8, "%s/state", front) & 1)
            return;
        usleep(50000);
    }
    die("the front-end does not come");
}

static void *map(const char *name)
{
    uint32_t ref = (uint32_t)xb_number(0, UINT32_MAX, "%s/%s", front, name);
    void *page = ref ? gnt_map(domid, &ref, 1, true) : NULL;

    if (!page)
        die("a ring cannot be mapped");
    return page;
}

static void raised(struct evt *e)
{
    (void)e;
}
static struct evt event = {.raised = raised, .port = -1};

static void bind_event(void)
{
    uint32_t port = (uint32_t)xb_number(0, UINT32_MAX, "%s/event-channel", front);

    if (!port || evt_bind(&event, domid, port))
        die("no event channel");
}

/* --- disks --- */

static blkif_sring_t *ring;
static uint32_t consumed, produced;

static void features(const char *sectors, const char *size)
{
    xb_write(sectors, "%s/sectors", back);
    xb_write(size, "%s/sector-size", back);
    xb_write("0", "%s/info", back);
}

static void disk_connect(const char *sectors, const char *size)
{
    features(sectors, size);
    state(2);
    wait_front(1 << 3);
    ring = map("ring-ref");
    bind_event();
    state(4);
}

static blkif_request_t request(void)
{
    for (unsigned i = 0; i < 600; i++, usleep(50000)) {
        uint32_t there = __atomic_load_n(&ring->req_prod, __ATOMIC_ACQUIRE);
        if (there != consumed) {
            blkif_request_t r = ring->ring[consumed++ % 32].req;
            ring->req_event = consumed + 1;
            return r;
        }
    }
    die("no request comes");
    exit(1);
}

static void answer(uint64_t id, int16_t status)
{
    blkif_response_t r = {.id = id, .status = status};

    ring->ring[produced++ % 32].rsp = r;
    __atomic_store_n(&ring->rsp_prod, produced, __ATOMIC_RELEASE);
    evt_notify(&event);
}

/* Answers as one should. */
static void honest(unsigned requests)
{
    while (requests--)
        answer(request().id, 0);
}

static void disk_index(void)
{
    honest(2);
    request();
    __atomic_store_n(&ring->rsp_prod, produced + 100000, __ATOMIC_RELEASE);
    evt_notify(&event);
}

static void disk_case(const char *what)
{
    if (!strcmp(what, "nothing")) {
        disk_connect("0", "512");
    } else if (!strcmp(what, "odd")) {
        disk_connect("1000", "1000");
    } else if (!strcmp(what, "huge")) {
        disk_connect("18446744073709551615", "512");
    } else if (!strcmp(what, "early")) {
        features("1000", "512");
        state(4);
        sleep(1);
    } else if (!strcmp(what, "storm")) {
        for (unsigned i = 0; i < 60; i++, usleep(20000))
            state((i * 5 + i / 7) % 9);
        state(5);
        wait_front(1 << 1 | 1 << 6);
        disk_connect("1000", "512");
        honest(3);
        answer(request().id, -1);
        honest(1);
    } else {
        disk_connect("1000", "512");
        if (!strcmp(what, "index"))
            disk_index();
        else if (!strcmp(what, "id"))
            request(), answer(0xdead, 0);
        else if (!strcmp(what, "twice"))
            answer(request().id, 0), answer(0, 0), answer(0, 0), answer(0, 0);
        else if (!strcmp(what, "status"))
            honest(1), answer(request().id, -1), honest(1);
        else if (!strcmp(what, "gone"))
            request(), state(5), usleep(300000), state(6);
        else if (!strcmp(what, "holds")) {
            honest(1), answer(request().id, -1), honest(1);
            wait_front(1 << 6);
            for (unsigned i = 0; i < 40; i++, usleep(50000))
                memset(ring, (int)i, 4096); /* closed long since, and the page still is ours */
        } else
            die("no such case");
    }
}

/* --- interfaces --- */

static netif_tx_sring_t *tx;
static netif_rx_sring_t *rx;

static void net_connect(void)
{
    xb_write("1", "%s/feature-rx-copy", back);
    xb_write("1", "%s/feature-sg", back);
    state(2);
    wait_front(1 << 4);
    tx = map("tx-ring-ref");
    rx = map("rx-ring-ref");
    bind_event();
    state(4);
}

static netif_tx_request_t packet(void)
{
    for (unsigned i = 0; i < 600; i++, usleep(50000))
        if (__atomic_load_n(&tx->req_prod, __ATOMIC_ACQUIRE))
            return tx->ring[0].req;
    die("no packet comes");
    exit(1);
}

static void tx_answer(uint16_t id, uint32_t shown)
{
    netif_tx_response_t r = {.id = id, .status = NETIF_RSP_OKAY};

    tx->ring[0].rsp = r;
    __atomic_store_n(&tx->rsp_prod, shown, __ATOMIC_RELEASE);
    evt_notify(&event);
}

static void rx_answer(uint16_t id, uint16_t offset, int16_t status, uint32_t shown)
{
    netif_rx_response_t r = {.id = id, .offset = offset, .status = status};

    rx->ring[0].rsp = r;
    __atomic_store_n(&rx->rsp_prod, shown, __ATOMIC_RELEASE);
    evt_notify(&event);
}

static void net_case(const char *what)
{
    net_connect();
    uint16_t id = packet().id;
    uint16_t rx_id = rx->ring[0].req.id;
    if (!strcmp(what, "tx-id"))
        tx_answer((uint16_t)(id + 100), 1);
    else if (!strcmp(what, "tx-index"))
        tx_answer(id, 50000);
    else if (!strcmp(what, "rx-index"))
        rx_answer(rx_id, 0, 60, 50000);
    else if (!strcmp(what, "rx-length"))
        rx_answer(rx_id, 4000, 4000, 1);
    else if (!strcmp(what, "rx-id"))
        rx_answer((uint16_t)(rx_id + 1), 0, 60, 1);
    else
        die("no such case");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    type = argv[1];
    domid = (unsigned)atoi(argv[2]);
    index_ = (unsigned)atoi(argv[3]);
    snprintf(front, sizeof front, "/local/domain/%u/device/%s/%u", domid, type, index_);
    snprintf(back, sizeof back, "/local/domain/0/lie/%s/%u/%u", type, domid, index_);
    if (loop_open() || xb_open() || gnt_open() || evt_open())
        die("no xenstore, grants or events");
    if (!strcmp(type, "vbd"))
        disk_case(argv[4]);
    else
        net_case(argv[4]);
    usleep(500000); /* what the guest does of it, it does while we are there */
    if (!strcmp(type, "vbd"))
        state(6); /* it need not wait for us when it closes */
    return 0;
}
