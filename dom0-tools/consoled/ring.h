/*
 * The daemon's side of a guest's console ring (xen/io/console.h). Pure: the page is the guest's,
 * who may write to any word of it at any time.
 *
 *   C1  what the guest writes (out_prod, in_cons) is read once per use, and checked before it
 *   C2  our positions are here; they are written to the page and never read back from it
 *   C3  bytes count as taken only with cons_ring_taken(): until then they are in the ring, also for
 *       another life of the daemon
 */
#ifndef CONSOLED_RING_H
#define CONSOLED_RING_H

#include "base/bits.h"

struct xencons_interface;

enum { CONS_OUT = 2048, CONS_IN = 1024 };

struct cons_ring {
    struct xencons_interface *page;
    uint32_t out_cons; /* of the guest's output, what we have taken */
    uint32_t in_prod;  /* of its input, what we have put */
};

/* Where a page whose positions nobody has kept is to be taken up: at its first byte not taken. */
uint32_t cons_ring_first(const struct xencons_interface *page);
void cons_ring_init(struct cons_ring *r, struct xencons_interface *page, uint32_t out_cons);

/* How many bytes of output wait, at most CONS_OUT; -EPROTO: an index no honest guest writes. */
int cons_ring_waiting(const struct cons_ring *r) NODISCARD;
/* Copies the next `len` (at most as many as wait); they stay in the ring. */
void cons_ring_peek(const struct cons_ring *r, char *to, uint32_t len);
void cons_ring_taken(struct cons_ring *r, uint32_t len);

/* For how many bytes of input there is room; -EPROTO as above. */
int cons_ring_room(const struct cons_ring *r) NODISCARD;
void cons_ring_put(struct cons_ring *r, const char *from, uint32_t len);

#endif
