/*
 * The state file: what makes a kill at any instant harmless.
 *
 * A journal of frames in a mapped file; whoever kills us, what was stored is in the page cache. A
 * frame counts from the moment the header's tail covers it. When the journal has grown well beyond
 * what a snapshot needs, a snapshot is written to the other of two files and that one is used.
 * Beside it lies a file with one slot per domain for what changes with every ring transfer.
 */
#ifndef IO_STATE_H
#define IO_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "base/bits.h"

struct xs;

/* Per domain: positions in its ring's two streams, and a request that is longer than the ring. */
struct ring_slot {
    uint32_t used;    /* positions are valid for this life + 1 */
    uint32_t in_len;  /* bytes in `in` */
    uint64_t in_base; /* position of in[0] */
    uint64_t out_sent;
    char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
};

/*
 * Open (or make) the files in `dir` and lock them. `size` is how much a journal may grow beyond its
 * snapshot. 0 or -errno; -EBUSY: another daemon has them.
 */
int state_open(const char *dir, uint64_t size) NODISCARD;

/*
 * Replay what an earlier daemon left since the machine started, into a fresh xs, then write a
 * snapshot. *found tells whether there was anything. 0 or -errno.
 */
int state_load(struct xs *xs, bool *found) NODISCARD;

/* Make the records gathered in xs one frame. Without a state file it does nothing. */
void state_commit(struct xs *xs);

/* The slot of a domain, with memory behind it, or NULL. */
struct ring_slot *state_slot(unsigned domid);

#endif
