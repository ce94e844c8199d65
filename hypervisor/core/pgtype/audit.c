/* Recounts from the tables themselves what every frame's counts must at least be, and checks that
 * nothing is of two kinds. Counts that are not in tables (base pointers, descriptor frames, grants,
 * vcpu_info, ...) are passed in by whoever knows them: here only "no fewer than" is checked, which
 * is the direction in which an error lets a guest out. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/pgtype/entry.h"
#include "core/pgtype/pgtype.h"
#include "port/log.h"

static unsigned int complain(uint64_t n, const char *what, uint64_t w)
{
    log_err("pgtype: frame %lx (%016lx): %s\n", n, w, what);
    return 1;
}

/* How many entries of table `m` hold something. */
static unsigned int entries_held(mfn_t m, uint64_t w)
{
    if (!is_table(w) || !(w & FRAME_USES))
        return 0;
    return w & FRAME_VALID ? ENTRIES : w & FRAME_BUSY ? 0 : frame_marks[m.n];
}

static unsigned int audit_entry(uint64_t n, unsigned int level, unsigned int i, uint64_t e)
{
    uint64_t to = pte_frame(e), w;

    if (!(e & PTE_P) || (level == 4 && i - HV_SLOT < ARRAY_SIZE(hv_l4_slots)))
        return 0;
    if (to >= frame_max || frame_words[to] == NOT_RAM)
        return level == 1 ? 0 : complain(n, "names a table that is no RAM", e);
    w = frame_words[to];
    if (!(w & FRAME_OWNER))
        return complain(to, "is mapped by a guest but nobody's", w);
    if (level > 1) {
        if (table_level(w) != level - 1 || !(w & FRAME_USES))
            return complain(to, "is used as a table it is not", w);
        return !(w & FRAME_VALID) && (frame_words[n] & FRAME_VALID)
                   ? complain(to, "is a table in use but not valid", w)
                   : 0;
    }
    if (e & PTE_RW)
        return table_level(w) != PGT_WRITABLE || !(w & FRAME_USES)
                   ? complain(to, "is mapped writable but not of that type", w)
                   : 0;
    return 0;
}

/* Entries that name each frame, by kind: only while an audit runs. */
static struct pgt_tally *tallies;

static void tally_table(uint64_t n, uint64_t w)
{
    const uint64_t *table = mfn_ptr(mfn(n));
    unsigned int held = entries_held(mfn(n), w);

    for (unsigned int i = 0; i < held; i++) {
        uint64_t e = table[i], to = pte_frame(e);

        if (!(e & PTE_P) || to >= frame_max || frame_words[to] == NOT_RAM ||
            (table_level(w) == 4 && i - HV_SLOT < ARRAY_SIZE(hv_l4_slots)))
            continue;
        if (table_level(w) > 1 || (e & PTE_RW))
            tallies[to].uses++;
        else
            tallies[to].refs++;
    }
}

unsigned int pgt_audit_with(struct pgt_tally *room)
{
    unsigned int bad = 0;

    tallies = room;
    if (tallies) {
        for (uint64_t n = 0; n < frame_max; n++)
            if (frame_words[n] != NOT_RAM)
                tally_table(n, frame_words[n]);
    }
    for (uint64_t n = 0; n < frame_max; n++) {
        uint64_t w = frame_words[n];

        if (w == NOT_RAM || !(w & FRAME_OWNER))
            continue;
        if (w & FRAME_PINNED && (!is_table(w) || !(w & FRAME_USES)))
            bad += complain(n, "is pinned but no table", w);
        if (w & (FRAME_REFS_TOP | FRAME_USES_TOP))
            bad += complain(n, "has a count near its end", w);
        unsigned int held = entries_held(mfn(n), w);
        for (unsigned int i = 0; i < held; i++)
            bad += audit_entry(n, table_level(w), i, ((const uint64_t *)mfn_ptr(mfn(n)))[i]);
        if (tallies &&
            ((w & FRAME_USES) / FRAME_USE1 < tallies[n].uses || (w & FRAME_REFS) < tallies[n].refs))
            bad += complain(n, "has fewer counts than entries that name it", w);
    }
    tallies = NULL;
    return bad;
}

unsigned int pgt_audit(void)
{
    return pgt_audit_with(NULL);
}
