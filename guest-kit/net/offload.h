/*
 * What a frame needs before it is sent with checksum and segmentation left to the other side.
 * Pure. Ethernet with IPv4 only; other frames are sent as they are.
 */
#ifndef GUEST_KIT_NET_OFFLOAD_H
#define GUEST_KIT_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_ETHER 14U /* bytes of the Ethernet header */

/* The places of a TCP or UDP frame that count. */
struct net_flow {
    uint16_t l4;      /* offset of the TCP or UDP header */
    uint16_t headers; /* bytes in front of the payload */
    uint16_t payload;
    bool tcp;
};

/*
 * Finds the flow of a frame, of which the first `length` bytes are at `frame` and which has `total`
 * bytes in all. False: not TCP or UDP over IPv4, a piece of a datagram, or malformed.
 */
bool net_flow_find(const uint8_t *frame, size_t length, size_t total, struct net_flow *flow);

/*
 * Would `b`, sent right after `a`, be the rest of one big segment? `segment` is the payload of each
 * part of `a` so far, `a_payload` of all.
 */
bool net_flow_joins(const uint8_t *a, const struct net_flow *a_flow, size_t a_payload,
                    size_t segment, const uint8_t *b, const struct net_flow *b_flow);
/* Takes over what the joined segment `b` says beyond its payload. */
void net_flow_join(uint8_t *a, const struct net_flow *a_flow, const uint8_t *b);

/* Makes the headers true for `payload` bytes, joined ones if `joined`; the TCP or UDP checksum
 * becomes that of the pseudo header, as the other side wants it. */
void net_flow_seal(uint8_t *frame, const struct net_flow *flow, size_t payload, bool joined);

#endif
