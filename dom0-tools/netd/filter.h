/*
 * Which frames a guest may send, when the configuration names its addresses (`ip=`): IPv4 and ARP
 * only from those, IPv6 only from those or link-local ones, anything else freely. Pure.
 */
#ifndef NETD_FILTER_H
#define NETD_FILTER_H

#include "base/bits.h"

enum { FILTER_ADDRESSES = 16 };

struct filter {
    unsigned nr_v4, nr_v6; /* both 0: everything passes */
    uint8_t v4[FILTER_ADDRESSES][4], v6[FILTER_ADDRESSES][16];
};

/* Addresses apart by blanks or commas. False: not an address, or too many (then nothing passes). */
bool filter_parse(struct filter *f, const char *text) NODISCARD;
bool filter_passes(const struct filter *f, const uint8_t *frame, uint32_t len) NODISCARD;

#endif
