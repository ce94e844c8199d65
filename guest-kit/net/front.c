/*
 * The data path of a network interface: packets between lwIP and the rings.
 *
 * Sending copies into pages that stay granted: small packets are cheaper to copy than a grant is
 * to give and end, and nothing else of ours ever lies in a page that the back-end can read.
 * Receiving ends the grant of a full page and lends the page to lwIP; short packets are copied out
 * and their page goes straight back.
 */
#include <string.h>

#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>

#include "lwip/priv/tcp_priv.h"
#include "evt/evt.h"
#include "net/if.h"
#include "time/clock.h"

#define GATHER_TIME (GK_MS / 2)
#define COPY_BELOW  512U /* bytes: shorter packets are copied, so that they do not hold a page */

void net_if_die(struct net_if *nif, const char *why)
{
    if (nif->dead)
        return;
    nif->dead = true;
    gk_printf("net%u: the back-end is at fault: %s; interface stopped\n", nif->index, why);
    if (nif->added)
        netif_set_link_down(&nif->netif);
}

/* ---- buffers ---- */

static struct net_buf *buf_new(struct net_if *nif)
{
    struct net_buf *buf = gk_zalloc(sizeof *buf);
    if (!buf)
        return NULL;
    buf->page = gk_page_zalloc(1);
    if (!buf->page || gk_gnt_reserve(&buf->ref)) {
        gk_page_free(buf->page);
        gk_free(buf);
        return NULL;
    }
    buf->owner = nif;
    nif->buf_count++;
    return buf;
}

static void buf_put(struct net_buf *buf)
{
    buf->next = buf->owner->bufs;
    buf->owner->bufs = buf;
}

/* One whose grant is not set. */
static struct net_buf *buf_get(struct net_if *nif)
{
    struct net_buf *buf = nif->bufs;
    if (buf) {
        nif->bufs = buf->next;
        return buf;
    }
    /* The limit is what the queues need, and as much again to be lent to lwIP. */
    return nif->buf_count < nif->buf_limit ? buf_new(nif) : NULL;
}

/* After this nobody else can write the page. False: it is stuck, and kept apart. */
static bool buf_end(struct net_buf *buf)
{
    if (!buf->granted)
        return true;
    if (gk_gnt_clear(buf->ref) == 0) {
        buf->granted = false;
        return true;
    }
    buf->next = buf->owner->stuck;
    buf->owner->stuck = buf;
    return false;
}

/* The interface's stuck pages, once the back-end has let go of them. */
static void buf_retry(struct net_if *nif)
{
    struct net_buf *buf = nif->stuck;
    nif->stuck = NULL;
    while (buf) {
        struct net_buf *next = buf->next;
        if (buf_end(buf))
            buf_put(buf);
        buf = next;
    }
}

static void pbuf_done(struct pbuf *p)
{
    struct net_buf *buf = (struct net_buf *)(void *)p;
    buf_put(buf);
}

/* ---- receiving ---- */

static void refill(struct net_queue *queue)
{
    struct net_if *nif = queue->nif;
    unsigned int posted = queue->rx.req_prod - queue->rx.rsp_cons;
    for (; posted < nif->rx_target; posted++) {
        int slot = net_rx_next(&queue->rx);
        struct net_buf *buf = slot < 0 ? NULL : buf_get(nif);
        if (!buf)
            break;
        gk_gnt_set(buf->ref, nif->dev.backend_id, buf->page, false);
        buf->granted = true;
        queue->rx_buf[slot] = buf;
        net_rx_post(&queue->rx, buf->ref);
    }
    /* Pages that went straight back are shown here too. */
    if (queue->rx.req_prod != queue->rx.shared->req_prod && net_rx_publish(&queue->rx))
        queue->kick = true;
}

/* The buffer of a slot goes back into the ring as it is, its grant still set. */
static void repost(struct net_queue *queue, struct net_buf *buf)
{
    int slot = net_rx_next(&queue->rx);
    queue->rx_buf[slot] = buf;
    net_rx_post(&queue->rx, buf->ref);
}

static struct net_buf *slot_take(struct net_queue *queue, uint32_t index)
{
    struct net_buf *buf = queue->rx_buf[index % NET_SLOTS];
    queue->rx_buf[index % NET_SLOTS] = NULL;
    return buf;
}

/* A short packet, copied; its page goes back. NULL without memory. */
static struct pbuf *receive_copy(struct net_queue *queue, const struct net_rx_packet *packet)
{
    const struct net_rx_frag *frag = &packet->frag[0];
    struct net_buf *buf = queue->rx_buf[frag->slot];
    struct pbuf *p = pbuf_alloc(PBUF_RAW, frag->length, PBUF_RAM);
    if (p)
        memcpy(p->payload, buf->page + frag->offset, frag->length);
    for (unsigned int i = 0; i < packet->slots; i++)
        repost(queue, slot_take(queue, packet->first + i));
    return p;
}

/* A packet whose pages are lent. NULL: one of them is stuck. */
static struct pbuf *receive_lend(struct net_queue *queue, const struct net_rx_packet *packet)
{
    struct pbuf *head = NULL;
    bool bad = packet->bad;
    for (unsigned int i = 0, f = 0; i < packet->slots; i++) {
        const struct net_rx_frag *frag = &packet->frag[f];
        bool data = f < packet->count && frag->slot == (packet->first + i) % NET_SLOTS;
        struct net_buf *buf = slot_take(queue, packet->first + i);
        f += data;
        if (!buf_end(buf)) {
            bad = true;
            continue;
        }
        if (!data || bad || frag->length == 0) {
            buf_put(buf);
            continue;
        }
        buf->pbuf.custom_free_function = pbuf_done;
        struct pbuf *p = pbuf_alloced_custom(PBUF_RAW, frag->length, PBUF_REF, &buf->pbuf,
                                             buf->page + frag->offset, frag->length);
        if (head)
            pbuf_cat(head, p);
        else
            head = p;
    }
    if (bad && head) {
        pbuf_free(head);
        head = NULL;
    }
    return head;
}

static void receive(struct net_queue *queue, const struct net_rx_packet *packet)
{
    struct net_if *nif = queue->nif;
    bool copy = packet->count == 1 && packet->total < COPY_BELOW && !packet->bad;
    struct pbuf *p = copy ? receive_copy(queue, packet) : receive_lend(queue, packet);
    if (!p || p->len < NET_ETHER) {
        if (p)
            pbuf_free(p);
        nif->rx_dropped++;
        return;
    }
    nif->rx_packets++;
    if (packet->checked)
        nif->netif.chksum_flags &= ~(NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP);
    else
        nif->netif.chksum_flags |= NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    if (nif->netif.input(p, &nif->netif) != ERR_OK)
        pbuf_free(p);
}

static void reap(struct net_queue *queue)
{
    if (net_tx_reap(&queue->tx) < 0) {
        net_if_die(queue->nif, "wrong transmit response");
    } else if (queue->starved && queue->tx.free_count >= NET_SLOTS / 4) {
        queue->starved = false;
        tcp_txnow();
    }
}

bool net_queue_poll(struct net_queue *queue, unsigned int budget)
{
    struct net_if *nif = queue->nif;
    struct net_rx_packet packet;
    int got = 0;
    reap(queue);
    while (!nif->dead && nif->connected && budget && (got = net_rx_take(&queue->rx, &packet)) > 0) {
        receive(queue, &packet);
        budget--;
    }
    if (got < 0)
        net_if_die(nif, "wrong receive response");
    if (nif->dead || !nif->connected)
        return false;
    if (nif->stuck)
        buf_retry(nif);
    refill(queue);
    return got > 0;
}

void net_queue_gather(struct net_queue *queue)
{
    /* Half of what waits to be filled, so that the back-end is never short of it. */
    unsigned int have = net_rx_there(&queue->rx), most = queue->nif->rx_target / 2;
    unsigned int want = net_gather_want(&queue->gather, have, most);
    if (want == 0)
        return;
    if (!net_rx_arm(&queue->rx, want)) {
        kit_nap(GATHER_TIME);
        kit_evt_dispatch();
    }
    net_gather_learn(&queue->gather, have, want, net_rx_there(&queue->rx));
}

bool net_queue_arm(struct net_queue *queue)
{
    bool more = net_rx_arm(&queue->rx, 1);
    if (queue->starved)
        more |= net_tx_arm(&queue->tx);
    return more;
}

/* ---- sending ---- */

/* A page for a ring or for sending, and its grant. */
static int page_open(const struct net_if *nif, bool readonly, void **page, gk_gref *ref)
{
    *page = gk_page_zalloc(1);
    int error = *page ? gk_gnt_allow(nif->dev.backend_id, *page, readonly, ref) : -XEN_ENOMEM;
    if (error) {
        gk_page_free(*page);
        *page = NULL;
    }
    return error;
}

/* Puts the pending packet into the ring; it had its room kept. */
static void emit(struct net_queue *queue)
{
    struct net_pending *pending = &queue->pending;
    struct net_tx_packet *packet = &pending->packet;
    if (packet->count == 0)
        return;
    if (pending->flow_known && queue->nif->checksum) {
        net_flow_seal(queue->tx_page[packet->part[0].id].page, &pending->flow, pending->payload,
                      pending->joined);
        packet->flags = NETTXF_csum_blank | NETTXF_data_validated;
        packet->segment_size = pending->joined ? pending->segment : 0;
    }
    net_tx_put(&queue->tx, packet);
    queue->nif->tx_packets++;
    packet->count = 0;
}

void net_queue_flush(struct net_queue *queue)
{
    emit(queue);
    if (queue->tx.req_prod != queue->tx.shared->req_prod && net_tx_publish(&queue->tx))
        queue->kick = true;
    if (queue->kick) {
        queue->kick = false;
        gk_evt_send(queue->port);
    }
}

/* How many more pages `bytes` take behind what the packet has. */
static unsigned int parts_for(const struct net_tx_packet *packet, unsigned int bytes)
{
    unsigned int room = packet->count * NET_PAGE - packet->total;
    return bytes <= room ? 0 : (bytes - room + NET_PAGE - 1) / NET_PAGE;
}

static bool have_slots(const struct net_queue *queue, unsigned int parts)
{
    return queue->tx.free_count >= parts &&
           net_tx_room(&queue->tx, queue->pending.packet.count + parts);
}

/* Slots for `parts` more pages, and the pages: those of the next ids, made when first used. */
static bool have_room(struct net_queue *queue, unsigned int parts)
{
    if (!have_slots(queue, parts))
        reap(queue);
    if (!have_slots(queue, parts))
        return false;
    for (unsigned int i = 1; i <= parts; i++) {
        struct net_tx_page *tx = &queue->tx_page[queue->tx.free[queue->tx.free_count - i]];
        if (!tx->page && page_open(queue->nif, true, &tx->page, &tx->ref))
            return false;
    }
    return true;
}

/* Where the next byte goes; a new page when the last is full. */
static uint8_t *tail(struct net_queue *queue, unsigned int *room)
{
    struct net_tx_packet *packet = &queue->pending.packet;
    if (packet->total == packet->count * NET_PAGE) {
        uint16_t id = (uint16_t)net_tx_take_id(&queue->tx);
        packet->part[packet->count++] =
            (struct net_tx_part){.id = id, .ref = queue->tx_page[id].ref};
    }
    struct net_tx_part *last = &packet->part[packet->count - 1];
    *room = NET_PAGE - last->length;
    return (uint8_t *)queue->tx_page[last->id].page + last->length;
}

/* Copies `p` from byte `skip` on behind the pending packet. The room was looked for before. */
static void append(struct net_queue *queue, const struct pbuf *p, unsigned int skip)
{
    struct net_tx_packet *packet = &queue->pending.packet;
    for (; p; p = p->next) {
        const uint8_t *from = (const uint8_t *)p->payload + (skip < p->len ? skip : p->len);
        unsigned int left = skip < p->len ? p->len - skip : 0U, room;
        skip -= skip < p->len ? skip : p->len;
        while (left) {
            uint8_t *to = tail(queue, &room);
            unsigned int n = left < room ? left : room;
            memcpy(to, from, n);
            packet->part[packet->count - 1].length += (uint16_t)n;
            packet->total += n;
            from += n;
            left -= n;
        }
    }
}

/* Makes the segment part of the pending packet, if it is its continuation. */
static bool join(struct net_queue *queue, const struct pbuf *p, const struct net_flow *flow)
{
    struct net_pending *pending = &queue->pending;
    struct net_tx_packet *packet = &pending->packet;
    if (!queue->nif->gso || packet->count == 0 || !pending->flow_known)
        return false;
    uint8_t *first = queue->tx_page[packet->part[0].id].page;
    unsigned int parts = parts_for(packet, flow->payload);
    if (packet->total + flow->payload > NET_MAX_BYTES - NET_ETHER ||
        packet->count + parts > queue->nif->sg || !have_room(queue, parts) ||
        !net_flow_joins(first, &pending->flow, pending->payload, pending->segment, p->payload,
                        flow))
        return false;
    net_flow_join(first, &pending->flow, p->payload);
    append(queue, p, flow->headers);
    pending->payload += flow->payload;
    pending->joined = true;
    return true;
}

/* The queue that a flow's packets leave by: always the same. */
static struct net_queue *choose(struct net_if *nif, const struct pbuf *p)
{
    const uint8_t *frame = p->payload;
    if (nif->queue_count == 1 || p->len < NET_ETHER + 24)
        return nif->queue[0];
    unsigned int hash = 0;
    for (unsigned int i = NET_ETHER + 12; i < NET_ETHER + 24; i++) /* addresses and ports */
        hash = hash * 31 + frame[i];
    return nif->queue[(hash >> 3) % nif->queue_count];
}

err_t net_output(struct netif *netif, struct pbuf *p)
{
    struct net_if *nif = netif->state;
    if (!nif->connected || nif->dead)
        return ERR_IF;
    struct net_queue *queue = choose(nif, p);
    struct net_pending *pending = &queue->pending;
    struct net_flow flow = {0};
    bool known = net_flow_find(p->payload, p->len, p->tot_len, &flow);
    if (known && join(queue, p, &flow))
        return ERR_OK;
    emit(queue);
    if (p->tot_len > NET_PAGE * nif->sg ||
        !have_room(queue, (p->tot_len + NET_PAGE - 1) / NET_PAGE)) {
        nif->tx_dropped++;
        queue->starved = true;
        return ERR_MEM; /* TCP tries again: by itself, and when there is room */
    }
    pending->packet.total = pending->packet.count = 0;
    pending->packet.flags = pending->packet.segment_size = 0;
    pending->flow = flow;
    pending->flow_known = known;
    pending->joined = false;
    pending->segment = flow.payload;
    pending->payload = flow.payload;
    append(queue, p, 0);
    return ERR_OK;
}

/* ---- making and ending ---- */

static void page_close(void **page, gk_gref ref)
{
    if (*page)
        gk_gnt_end_later(ref, *page); /* frees it, when the back-end lets go */
    *page = NULL;
}

int net_queue_open(struct net_queue *queue)
{
    struct net_if *nif = queue->nif;
    int error = page_open(nif, false, &queue->tx_shared, &queue->tx_ref);
    if (!error)
        error = page_open(nif, false, &queue->rx_shared, &queue->rx_ref);
    if (error)
        return error;
    net_tx_init(&queue->tx, queue->tx_shared);
    net_rx_init(&queue->rx, queue->rx_shared);
    queue->pending.packet.count = 0;
    queue->kick = queue->starved = false;
    return 0;
}

void net_queue_close(struct net_queue *queue)
{
    for (unsigned int slot = 0; slot < NET_SLOTS; slot++) {
        struct net_buf *buf = slot_take(queue, slot);
        if (buf && buf_end(buf))
            buf_put(buf);
        page_close(&queue->tx_page[slot].page, queue->tx_page[slot].ref);
    }
    page_close(&queue->tx_shared, queue->tx_ref);
    page_close(&queue->rx_shared, queue->rx_ref);
    queue->pending.packet.count = 0;
}
