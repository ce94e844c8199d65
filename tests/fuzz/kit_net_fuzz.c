/*
 * A mischievous back-end on both network rings: the fuzzer's bytes are its acts and ours, taken in
 * turn; it may write any word of the shared pages. The audits hold after each act.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/offload.h"
#include "net/ring.h"

static uint8_t tx_page[NET_PAGE] __attribute__((aligned(4096)));
static uint8_t rx_page[NET_PAGE] __attribute__((aligned(4096)));
static struct net_tx tx;
static struct net_rx rx;

struct input {
    const uint8_t *at, *end;
};

static unsigned int next(struct input *in, unsigned int bytes)
{
    unsigned int value = 0;
    while (bytes--)
        value = value << 8 | (in->at < in->end ? *in->at++ : 0U);
    return value;
}

static void send(unsigned int dice)
{
    struct net_tx_packet packet = {.count = dice % NET_FRAGS + 1,
                                   .segment_size = dice & 0x80 ? 1448 : 0};
    if (!net_tx_room(&tx, packet.count) || tx.free_count < packet.count)
        return;
    for (unsigned int i = 0; i < packet.count; i++) {
        packet.part[i] = (struct net_tx_part){.id = (uint16_t)net_tx_take_id(&tx), .length = 60};
        packet.total += 60;
    }
    net_tx_put(&tx, &packet);
    net_tx_publish(&tx);
}

/* Reads all that a packet claims, from buffers of their true size. */
static int receive(void)
{
    struct net_rx_packet packet;
    int got = net_rx_take(&rx, &packet);
    if (got <= 0 || packet.bad)
        return got;
    unsigned int total = 0;
    for (unsigned int i = 0; i < packet.count; i++) {
        const struct net_rx_frag *frag = &packet.frag[i];
        if (frag->slot >= NET_SLOTS || frag->offset + frag->length > NET_PAGE)
            abort();
        total += frag->length;
    }
    if (total != packet.total || packet.slots < packet.count)
        abort();
    return got;
}

/* Two frames of the fuzzer's, in buffers that end where they end. */
static void offload(struct input *in)
{
    size_t half = (size_t)(in->end - in->at) / 2;
    uint8_t *a = malloc(half + 1), *b = malloc(half + 1);
    struct net_flow a_flow, b_flow;
    memcpy(a, in->at, half);
    memcpy(b, in->at + half, half);
    if (net_flow_find(a, half, half, &a_flow) && net_flow_find(b, half, half, &b_flow)) {
        if (net_flow_joins(a, &a_flow, a_flow.payload, a_flow.payload, b, &b_flow))
            net_flow_join(a, &a_flow, b);
        net_flow_seal(a, &a_flow, (size_t)a_flow.payload + b_flow.payload, true);
    }
    free(a);
    free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    bool dead = false;
    net_tx_init(&tx, tx_page);
    net_rx_init(&rx, rx_page);
    while (in.at < in.end && !dead) {
        unsigned int act = next(&in, 1), word = next(&in, 2), value;
        switch (act % 8) {
        case 0:
            send(word);
            break;
        case 1:
            dead = net_tx_reap(&tx) < 0;
            break;
        case 2:
            for (unsigned int n = word % 64; n && net_rx_next(&rx) >= 0; n--)
                net_rx_post(&rx, word);
            net_rx_publish(&rx);
            break;
        case 3:
            dead = receive() < 0;
            break;
        case 4: /* the next index that it should be, or near it */
            value = ((struct netif_tx_sring *)tx_page)->rsp_prod + (act >> 3);
            ((struct netif_tx_sring *)tx_page)->rsp_prod = value;
            break;
        case 5:
            value = ((struct netif_rx_sring *)rx_page)->rsp_prod + (act >> 3);
            ((struct netif_rx_sring *)rx_page)->rsp_prod = value;
            break;
        case 6:
            value = next(&in, 4);
            memcpy((word & 1 ? tx_page : rx_page) + word % (NET_PAGE / 4) * 4, &value, 4);
            break;
        default:
            net_tx_arm(&tx);
            net_rx_arm(&rx, 1);
            if (act >> 3 == 31)
                offload(&in);
        }
        if (!net_tx_audit(&tx) || !net_rx_audit(&rx))
            abort();
    }
    return 0;
}
