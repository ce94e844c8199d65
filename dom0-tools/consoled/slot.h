/*
 * What a later life of the daemon has to know of each guest, in a mapped file: how far its output
 * was taken, and how long its log was then. Both are one word, so they change together:
 *
 *   S1  bytes go to the log first, then the word changes, then the guest sees that they are taken
 *   S2  a log longer than its word says has bytes of a write that did not count: they are cut off,
 *       and come again from the ring; one that is shorter was just begun (rotation)
 */
#ifndef CONSOLED_SLOT_H
#define CONSOLED_SLOT_H

#include "base/bits.h"

struct slot {
    uint64_t key; /* whose it is: a domain number is used again */
    uint64_t at;  /* out_cons << 32 | bytes of the log */
};

/* Maps the file, made if need be, and locks it: -EBUSY when another daemon has it. */
int slot_open(const char *path) NODISCARD;
struct slot *slot_of(unsigned domid);
/* Never 0. */
uint64_t slot_key(const char *vm, uint32_t port);

static inline void slot_set(struct slot *s, uint32_t cons, uint32_t size)
{
    __atomic_store_n(&s->at, (uint64_t)cons << 32 | size, __ATOMIC_RELEASE);
}

#endif
