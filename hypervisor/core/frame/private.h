/* What the files of core/frame and core/pgtype share with each other and nobody else. */
#ifndef CORE_FRAME_PRIVATE_H
#define CORE_FRAME_PRIVATE_H

#include "core/frame/frame.h"

struct domain;
struct lock;

/* Words of frames that nobody uses: owner 0, not LIVE. */
#define FREE         FRAME_BUSY
#define FREE_HEAD    FRAME_VALID /* first of a chunk; its order in the low bits */
#define FREE_DIRTY   FRAME_UNCACHED
#define FREE_OF_DOM0 FRAME_PINNED /* with DIRTY: the contents are dom0's own */
#define FREE_DIRT    (FREE_DIRTY | FREE_OF_DOM0)
#define NOT_RAM      (~(uint64_t)0)

extern struct lock frame_lock;

/* See "mark" in frame.h. */
extern uint32_t *frame_marks;

/* Domain of the owner slot in a word; NULL: none. */
struct domain *frame_word_owner(uint64_t word);

void frame_wipe(mfn_t m);
/* The last count of a frame without LIVE is gone: frees it. word: as it was, for owner and
 * flags. */
void frame_gone(mfn_t m, uint64_t word);

void mem_init(void);
/* d owns frame n now: its chunk will be looked at when d is taken apart. */
void mem_chunk_note(struct domain *d, uint64_t n);

static inline bool word_cas(uint64_t *word, uint64_t was, uint64_t becomes)
{
    return __atomic_compare_exchange_n(word, &was, becomes, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline uint64_t word_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Ends a last use: from now on stale TLB entries matter. The word is BUSY with one use. */
void frame_use_over(mfn_t m);

#endif
