/* The states of one frame as a table: see entry.h. Each step here is one compare-exchange; who
 * makes a frame BUSY does the work of table.c and ends it there. */
#include "core/pgtype/entry.h"

#include "abi/abi.h"
#include "core/pgtype/pgtype.h"
#include "port/tlb.h"

/* Another CPU has the frame BUSY. Above L1 that may take as long as that CPU is left alone: true
 * when this one should rather give up and come again. */
static bool wait_busy(uint64_t w, unsigned int *spins)
{
    tlb_serve();
    return table_level(w) > 1 && !(++*spins % 256) && preempt_wanted();
}

long table_get(mfn_t m, struct domain *d, unsigned int level, struct table_walk *t, bool *held)
{
    uint64_t as = (uint64_t)level << FRAME_TYPE_SHIFT;
    uint64_t *word = frame_word(m);
    unsigned int spins = 0;

    *held = false;
    if (m.n >= frame_max)
        return -XEN_EINVAL;
    for (;;) {
        uint64_t w = word_load(word);

        /* A domain's tables are its own: there is no table of another's, and none of the shared. */
        if ((w & (FRAME_OWNER | FRAME_LIVE | FRAME_USES_TOP)) != (d->mem.owner | FRAME_LIVE))
            return -XEN_EINVAL;
        if (!(w & FRAME_USES)) {
            if (!word_cas(word, w, (w & ~FRAME_TYPE) | as | FRAME_BUSY | FRAME_USE1))
                continue;
            /* Claimed: nobody can map it writable any more. Flush who could; then check. */
            if ((w & FRAME_TYPE) != as)
                frame_claim_flush(m);
            return table_fill(m, d, level, 0, t, held);
        }
        if ((w & FRAME_TYPE) != as)
            return -XEN_EINVAL;
        if (w & FRAME_VALID) {
            if (word_cas(word, w, w + FRAME_USE1))
                return 0;
        } else if (w & FRAME_BUSY) {
            if (wait_busy(w, &spins))
                return HC_AGAIN;
        } else if (word_cas(word, w, w | FRAME_BUSY)) {
            return table_fill(m, d, level, frame_marks[m.n], t, held);
        }
    }
}

long table_put(mfn_t m, struct table_walk *t)
{
    uint64_t *word = frame_word(m);
    unsigned int spins = 0;

    for (;;) {
        uint64_t w = word_load(word);
        uint64_t uses = w & FRAME_USES;

        if (w & FRAME_VALID) {
            if (uses != FRAME_USE1) {
                if (word_cas(word, w, w - FRAME_USE1))
                    return 0;
            } else if (word_cas(word, w, (w & ~FRAME_VALID) | FRAME_BUSY)) {
                return table_drain(m, table_level(w), ENTRIES, t);
            }
        } else if (w & FRAME_BUSY) {
            if (wait_busy(w, &spins))
                return HC_AGAIN;
        } else if (uses != 2 * FRAME_USE1) {
            if (word_cas(word, w, w - FRAME_USE1))
                return 0;
        } else if (word_cas(word, w, (w | FRAME_BUSY) - FRAME_USE1)) {
            /* Ours was the last beside the state's own: both end when it is empty. */
            return table_drain(m, table_level(w), frame_marks[m.n], t);
        }
    }
}

bool pgt_held_by_itself(uint64_t w)
{
    if (w & FRAME_PINNED)
        return true;
    return is_table(w) && !(w & FRAME_VALID) &&
           ((w & FRAME_BUSY) || (w & FRAME_USES) == FRAME_USE1) && (w & FRAME_USES);
}

/* Unpins, or drains a partial table that nobody else has a use of. A pin stands for the use that is
 * being dropped as long as that is not finished. */
long pgt_let_go(mfn_t m, uint64_t w)
{
    uint64_t *word = frame_word(m);
    struct table_walk t = {0};

    if (w & FRAME_BUSY) {
        tlb_serve();
        return 0;
    }
    if (!(w & FRAME_PINNED)) {
        (void)word_cas(word, w, (w | FRAME_PINNED) + FRAME_USE1);
        return 0;
    }
    if (!word_cas(word, w, w & ~FRAME_PINNED))
        return 0;
    if (table_put(m, &t) != HC_AGAIN)
        return 0;
    __atomic_fetch_or(word, FRAME_PINNED, __ATOMIC_ACQ_REL);
    return HC_AGAIN;
}
