/* A network queue's rings: what goes in, and whether what comes out can be true. */
#include "net/ring.h"

#include <xen/errno.h>

/* Shared words: one load or store each, never repeated by the compiler. */
static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/*
 * Shows requests up to `prod` and tells whether the other side asked for an event for one of them.
 * The fence partners with the one between its writing req_event and its last look at req_prod.
 */
static bool publish(uint32_t *shared_prod, const uint32_t *event, uint32_t old, uint32_t prod)
{
    store(shared_prod, prod);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return prod - load(event) < prod - old;
}

static bool arm(uint32_t *event, const uint32_t *shared_prod, uint32_t cons, uint32_t ahead)
{
    store(event, cons + ahead);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load(shared_prod) - cons >= ahead;
}

/* ---- sending ---- */

void net_tx_init(struct net_tx *tx, void *shared)
{
    __builtin_memset(shared, 0, NET_PAGE);
    __builtin_memset(tx, 0, sizeof *tx);
    tx->shared = shared;
    for (unsigned int id = 0; id < NET_SLOTS; id++)
        tx->free[id] = (uint16_t)(NET_SLOTS - 1 - id); /* low ids first: few buffers are touched */
    tx->free_count = NET_SLOTS;
}

int net_tx_take_id(struct net_tx *tx)
{
    if (tx->free_count == 0)
        return -1;
    uint16_t id = tx->free[--tx->free_count];
    tx->state[id] = NET_ID_HELD;
    return id;
}

void net_tx_put_back(struct net_tx *tx, unsigned int id)
{
    tx->state[id] = NET_ID_FREE;
    tx->free[tx->free_count++] = (uint16_t)id;
}

bool net_tx_room(const struct net_tx *tx, unsigned int count)
{
    return NET_SLOTS - (tx->req_prod - tx->rsp_cons) >= count + 1;
}

static void put_extra(struct net_tx *tx, uint16_t segment_size)
{
    struct netif_extra_info *slot =
        (struct netif_extra_info *)&tx->shared->ring[tx->req_prod++ % NET_SLOTS].req;
    *slot = (struct netif_extra_info){
        .type = XEN_NETIF_EXTRA_TYPE_GSO,
        .u.gso = {.size = segment_size, .type = XEN_NETIF_GSO_TYPE_TCPV4},
    };
    tx->extras++;
}

void net_tx_put(struct net_tx *tx, const struct net_tx_packet *packet)
{
    for (unsigned int i = 0; i < packet->count; i++) {
        const struct net_tx_part *part = &packet->part[i];
        struct netif_tx_request *slot = &tx->shared->ring[tx->req_prod++ % NET_SLOTS].req;
        bool extra = i == 0 && packet->segment_size;
        unsigned int flags = (i == 0 ? packet->flags : 0U) | (extra ? NETTXF_extra_info : 0U) |
                             (i + 1 < packet->count ? NETTXF_more_data : 0U);
        *slot = (struct netif_tx_request){
            .gref = part->ref,
            .flags = (uint16_t)flags,
            .id = part->id,
            .size = i == 0 ? (uint16_t)packet->total : part->length,
        };
        tx->state[part->id] = NET_ID_OUT;
        tx->out++;
        if (extra)
            put_extra(tx, packet->segment_size);
    }
}

bool net_tx_publish(struct net_tx *tx)
{
    struct netif_tx_sring *ring = tx->shared;
    uint32_t old = ring->req_prod; /* only we write it; a lie costs an event */
    return publish(&ring->req_prod, &ring->req_event, old, tx->req_prod);
}

/* One response: frees its id. */
static int take_response(struct net_tx *tx, struct netif_tx_response response)
{
    if (response.status == NETIF_RSP_NULL) {
        if (tx->extras == 0)
            return -XEN_EIO;
        tx->extras--;
        return 0;
    }
    if (response.id >= NET_SLOTS || tx->state[response.id] != NET_ID_OUT)
        return -XEN_EIO;
    if (response.status != NETIF_RSP_OKAY)
        tx->errors++;
    tx->out--;
    net_tx_put_back(tx, response.id);
    return 0;
}

int net_tx_reap(struct net_tx *tx)
{
    struct netif_tx_sring *ring = tx->shared;
    uint32_t count = load(&ring->rsp_prod) - tx->rsp_cons;
    if (count > tx->req_prod - tx->rsp_cons)
        return -XEN_EIO;
    for (uint32_t i = 0; i < count; i++) {
        union {
            uint32_t word;
            struct netif_tx_response response;
        } copy = {.word =
                      __atomic_load_n((const uint32_t *)&ring->ring[tx->rsp_cons % NET_SLOTS].rsp,
                                      __ATOMIC_RELAXED)};
        if (take_response(tx, copy.response))
            return -XEN_EIO;
        tx->rsp_cons++;
    }
    /* Not one ahead: no event until net_tx_arm() asks for it. */
    store(&ring->rsp_event, tx->rsp_cons);
    return (int)count;
}

bool net_tx_arm(struct net_tx *tx)
{
    return arm(&tx->shared->rsp_event, &tx->shared->rsp_prod, tx->rsp_cons, 1);
}

bool net_tx_audit(const struct net_tx *tx)
{
    uint32_t slots = tx->req_prod - tx->rsp_cons, out = 0, listed[NET_SLOTS / 32] = {0};
    if (slots > NET_SLOTS || tx->out + tx->extras != slots || tx->free_count > NET_SLOTS)
        return false;
    for (unsigned int i = 0; i < tx->free_count; i++) {
        unsigned int id = tx->free[i];
        if (id >= NET_SLOTS || listed[id / 32] >> id % 32 & 1 || tx->state[id] != NET_ID_FREE)
            return false;
        listed[id / 32] |= 1U << id % 32;
    }
    for (unsigned int id = 0; id < NET_SLOTS; id++) {
        out += tx->state[id] == NET_ID_OUT;
        if (tx->state[id] == NET_ID_FREE && !(listed[id / 32] >> id % 32 & 1))
            return false;
    }
    return out == tx->out;
}

/* ---- receiving ---- */

void net_rx_init(struct net_rx *rx, void *shared)
{
    __builtin_memset(shared, 0, NET_PAGE);
    *rx = (struct net_rx){.shared = shared};
}

int net_rx_next(const struct net_rx *rx)
{
    if (rx->req_prod - rx->rsp_cons >= NET_SLOTS)
        return -1;
    return (int)(rx->req_prod % NET_SLOTS);
}

void net_rx_post(struct net_rx *rx, uint32_t ref)
{
    unsigned int slot = rx->req_prod++ % NET_SLOTS;
    rx->shared->ring[slot].req = (struct netif_rx_request){.id = (uint16_t)slot, .gref = ref};
}

bool net_rx_publish(struct net_rx *rx)
{
    struct netif_rx_sring *ring = rx->shared;
    uint32_t old = ring->req_prod;
    return publish(&ring->req_prod, &ring->req_event, old, rx->req_prod);
}

/* A slot of the ring, read once, as either thing that it may be. */
union rx_slot {
    uint64_t word;
    struct netif_rx_response response;
    struct netif_extra_info extra;
};

static union rx_slot read_slot(const struct net_rx *rx, uint32_t index)
{
    const void *at = &rx->shared->ring[index % NET_SLOTS].rsp;
    return (union rx_slot){.word = __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED)};
}

/*
 * Extra slots behind the first, of which none tells us anything we need: a big packet is taken
 * whole. Returns how many, or -1: they do not end within `have`.
 */
static int skip_extras(const struct net_rx *rx, uint32_t index, uint32_t have)
{
    for (uint32_t i = 0; i < have; i++)
        if (!(read_slot(rx, index + i).extra.flags & XEN_NETIF_EXTRA_FLAG_MORE))
            return (int)i + 1;
    return -1;
}

/* One response with data: into the packet. -XEN_EIO: it cannot be true. */
static int add_frag(struct net_rx_packet *packet, uint32_t index, struct netif_rx_response rsp)
{
    if (rsp.id != index % NET_SLOTS)
        return -XEN_EIO;
    if (rsp.status < 0) {
        packet->bad = true;
        return 0;
    }
    if (rsp.offset > NET_PAGE || (unsigned int)rsp.status > NET_PAGE - rsp.offset)
        return -XEN_EIO;
    packet->total += (unsigned int)rsp.status;
    if (packet->count == NET_FRAGS || packet->total > NET_MAX_BYTES) {
        packet->bad = true;
        return 0;
    }
    packet->frag[packet->count++] = (struct net_rx_frag){
        .slot = (uint16_t)(index % NET_SLOTS),
        .offset = rsp.offset,
        .length = (uint16_t)rsp.status,
    };
    return 0;
}

/* The rest of a packet is to come, unless it has taken every slot that it could. */
static int unfinished(const struct net_rx *rx, uint32_t have)
{
    return have && have == rx->req_prod - rx->rsp_cons ? -XEN_EIO : 0;
}

int net_rx_take(struct net_rx *rx, struct net_rx_packet *packet)
{
    uint32_t have = load(&rx->shared->rsp_prod) - rx->rsp_cons, used = 0;
    if (have > rx->req_prod - rx->rsp_cons)
        return -XEN_EIO;
    packet->first = rx->rsp_cons;
    packet->count = packet->total = 0;
    packet->bad = packet->checked = false;
    for (unsigned int flags = NETRXF_more_data; flags & NETRXF_more_data;) {
        if (used == have)
            return unfinished(rx, have);
        struct netif_rx_response rsp = read_slot(rx, rx->rsp_cons + used).response;
        if (add_frag(packet, rx->rsp_cons + used, rsp))
            return -XEN_EIO;
        flags = rsp.flags;
        if (used == 0)
            packet->checked = flags & (NETRXF_data_validated | NETRXF_csum_blank);
        used++;
        if (flags & NETRXF_extra_info) {
            if (used != 1)
                return -XEN_EIO;
            int extras = skip_extras(rx, rx->rsp_cons + used, have - used);
            if (extras < 0)
                return unfinished(rx, have);
            used += (uint32_t)extras;
        }
    }
    packet->slots = used;
    rx->rsp_cons += used;
    return 1;
}

unsigned int net_rx_there(const struct net_rx *rx)
{
    return load(&rx->shared->rsp_prod) - rx->rsp_cons;
}

bool net_rx_arm(struct net_rx *rx, unsigned int ahead)
{
    return arm(&rx->shared->rsp_event, &rx->shared->rsp_prod, rx->rsp_cons, ahead);
}

bool net_rx_audit(const struct net_rx *rx)
{
    return rx->req_prod - rx->rsp_cons <= NET_SLOTS;
}
