/*
 * What a guest's disks and network interfaces have moved: by Argon's back-ends or the kernel's.
 */
#ifndef AXL_COUNTERS_H
#define AXL_COUNTERS_H

#include <stdint.h>

#include "lib/store.h"

enum { RD_REQ, WR_REQ, OO_REQ, F_REQ, DS_REQ, RD_SECT, WR_SECT, BLOCK_COUNTERS };
enum { RX_BYTES, TX_BYTES = 4, NETWORK_COUNTERS = 8 };

extern const char *const block_names[BLOCK_COUNTERS];
extern const char *const network_names[NETWORK_COUNTERS];

/* -1: not known. */
void read_block_counters(uint32_t domid, int devid, int64_t v[BLOCK_COUNTERS]);
/* As the guest sees them; `vif` gets the name of the interface in dom0. */
void read_network_counters(struct store *s, uint32_t domid, int devid, char vif[64],
                           int64_t v[NETWORK_COUNTERS]);

/* All disks and interfaces of a domain together; a counter that is not known counts as 0. */
struct traffic {
    unsigned disks, nics;
    int64_t block[BLOCK_COUNTERS], network[NETWORK_COUNTERS];
};
void read_traffic(struct store *s, uint32_t domid, struct traffic *t);

#endif
