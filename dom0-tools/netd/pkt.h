/*
 * Packets of a network interface, in the two forms they have: slots of a ring (xen/io/netif.h) and
 * a frame behind a virtio_net_hdr, as a tap device takes and gives them. Pure: what comes in was
 * copied from the guest's pages once, and is a guest's.
 */
#ifndef NETD_PKT_H
#define NETD_PKT_H

#include <linux/virtio_net.h>

#include "base/bits.h"

#include "abi/abi.h"
#include <xen/io/netif.h>

enum {
    PKT_SLOTS = 20,     /* of one packet, extras not counted: two more than any front-end needs */
    PKT_EXTRAS = 4,     /* one of each type is as much as makes sense */
    PKT_BYTES = 65535,  /* netif.h: a slot's 16-bit size counts the whole packet */
    PKT_FRAME_MIN = 14, /* an Ethernet header */
    PKT_PAGE = 4096,    /* of a grant */
};

/* A slot of the guest's transmit ring: the request, or the extra information behind it. */
union pkt_slot {
    struct netif_tx_request req;
    struct netif_extra_info extra;
};

struct pkt_piece {
    uint32_t gref;
    uint16_t offset, len;
};

/* One packet that a guest sends. */
struct pkt {
    struct pkt_piece piece[PKT_SLOTS];
    unsigned nr_pieces;
    unsigned nr_slots, nr_extras; /* of the ring, together; extras are slots 1..nr_extras */
    uint16_t id[PKT_SLOTS];       /* of the requests, in order, extras not among them */
    uint32_t bytes;
    bool csum_blank;
    uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_* */
    uint16_t gso_size;
    bool bad; /* to be answered with an error; nothing of it is to be copied */
};

/*
 * Puts a packet together out of the `n` slots that wait. Returns 0; -EPROTO with a sentence: no
 * honest front-end does this, and what follows in the ring means nothing.
 */
int pkt_gather(struct pkt *p, const union pkt_slot *slots, unsigned n, const char **why) NODISCARD;

/*
 * The header for a frame that the guest has sent; false: it asks for what its frame does not allow,
 * and is dropped. May write the checksum of TCP's pseudo header into the frame.
 */
bool pkt_to_tap(const struct pkt *p, uint8_t *frame, struct virtio_net_hdr *h) NODISCARD;

/* What goes to the guest with a frame that the tap gave. */
struct pkt_info {
    uint16_t flags; /* NETRXF_csum_blank, _data_validated */
    uint8_t gso_type;
    uint16_t gso_size;
};
/*
 * `no_csum_v4`, `no_csum_v6`: the guest wants complete checksums there: they are put in. False: the
 * header makes no sense with this frame (the kernel's word is taken for nothing).
 */
bool pkt_from_tap(const struct virtio_net_hdr *h, uint8_t *frame, uint32_t len, bool no_csum_v4,
                  bool no_csum_v6, struct pkt_info *info) NODISCARD;

/* Ring slots of the guest's that the frame takes. */
static inline unsigned pkt_slots_for(const struct pkt_info *info, uint32_t len)
{
    return (len + PKT_PAGE - 1) / PKT_PAGE + (info->gso_type != XEN_NETIF_GSO_TYPE_NONE);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Where a frame's headers are, as far as they are whole and known. */
struct pkt_frame {
    uint16_t ethertype; /* behind VLAN tags */
    uint16_t l3, l4;    /* offsets; l4 is 0 if there is none to be found (a fragment, say) */
    uint8_t protocol;   /* IPPROTO_* at l4 */
};
/* False: shorter than its own headers say. */
bool pkt_parse(const uint8_t *frame, uint32_t len, struct pkt_frame *f) NODISCARD;

#endif
