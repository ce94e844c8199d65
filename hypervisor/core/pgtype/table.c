/* Fills (validates) and drains whole tables. The frame is BUSY with this CPU throughout; each
 * function ends that state in one step that also says what the frame is from then on.
 *
 * One pass, lowest entry first; draining goes the other way, so that in between it is always the
 * first `mark` entries that hold something. L1 tables are done without a pause (512 short steps);
 * above, after every few hundred steps somebody else may want the CPU. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/pgtype/pgtype.h"
#include "core/pgtype/entry.h"
#include "port/clock.h"

/* Entries between two looks at what else is to do; an L1 table counts as ENTRIES. Tests set it to
 * 1. */
unsigned int table_look_every = 1024;

static bool is_hv_slot(unsigned int level, unsigned int i)
{
    return level == 4 && i - HV_SLOT < ARRAY_SIZE(hv_l4_slots);
}

static bool time_to_look(struct table_walk *t, unsigned int work)
{
    t->work += work;
    if (likely(t->work < table_look_every))
        return false;
    t->work = 0;
    return preempt_wanted();
}

#define RUN 8u

/* Are the entries from i, a multiple of RUN, all 0? Most of most tables is. */
static inline bool run_empty(const uint64_t *table, unsigned int i)
{
    return !(table[i] | table[i + 1] | table[i + 2] | table[i + 3] | table[i + 4] | table[i + 5] |
             table[i + 6] | table[i + 7]);
}

static void drain_l1(uint64_t *table, unsigned int n)
{
    while (n > 0) {
        if (!(n % RUN) && run_empty(table, n - RUN)) {
            n -= RUN;
            continue;
        }
        uint64_t e = table[--n];

        if (e & PTE_P)
            l1_drop(e);
    }
}

/* All entries or none. */
static int fill_l1(uint64_t *table, struct domain *d)
{
    const struct l1_ctx c = l1_ctx(d, d);

    for (unsigned int i = 0; i < ENTRIES; i++) {
        uint64_t e = table[i], held;
        int error = -XEN_EINVAL;

        if (!(i % RUN) && run_empty(table, i)) {
            i += RUN - 1;
            continue;
        }
        if (!(e & PTE_P)) {
            if (likely(!l1tf_bad(d, e)))
                continue;
        } else {
            held = l1_adjust(e);
            error = l1_hold(&c, &held);
            if (likely(!error)) {
                if (held != e)
                    table[i] = held;
                continue;
            }
        }
        drain_l1(table, i);
        return error;
    }
    return 0;
}

/* One entry of a table above L1. Results as table_get(), 1: nothing there. */
static long fill_entry(uint64_t *slot, struct domain *d, unsigned int level, struct table_walk *t,
                       bool *held)
{
    uint64_t e = *slot;

    *held = false;
    if (!(e & PTE_P))
        return l1tf_bad(d, e) ? -XEN_EINVAL : 1;
    if (e & LN_BAD)
        return -XEN_EINVAL;
    if (!(e & PTE_US))
        *slot = e | PTE_US;
    return table_get(mfn(pte_frame(e)), d, level - 1, t, held);
}

/* The frame becomes partial: its first n entries hold theirs. */
static void leave_partial(mfn_t m, unsigned int n, uint64_t uses)
{
    frame_marks[m.n] = n;
    __atomic_fetch_add(frame_word(m), uses - FRAME_BUSY, __ATOMIC_ACQ_REL);
}

long table_fill(mfn_t m, struct domain *d, unsigned int level, unsigned int from,
                struct table_walk *t, bool *held)
{
    uint64_t *table = mfn_ptr(m);
    long result = 0;
    unsigned int i;

    if (level == 1) {
        t->work += ENTRIES;
        result = fill_l1(table, d);
        if (unlikely(result)) {
            frame_use_over(m);
            return result;
        }
    }
    for (i = level == 1 ? ENTRIES : from; i < ENTRIES; i++) {
        bool child;

        if (is_hv_slot(level, i))
            continue;
        result = fill_entry(&table[i], d, level, t, &child);
        if (result < 0) {
            if (child)
                i++; /* its use is this entry's now, and is dropped with the others */
            break;
        }
        if (!result && time_to_look(t, 1)) {
            i++;
            result = HC_AGAIN;
            break;
        }
        result = 0;
    }
    if (result == HC_AGAIN) {
        leave_partial(m, i, 0);
        return HC_AGAIN;
    }
    if (result) {
        *held = true;
        leave_partial(m, i, FRAME_USE1);
        return result;
    }
    if (level == 4) {
        memcpy(table + HV_SLOT, hv_l4_slots, sizeof(hv_l4_slots));
        __atomic_fetch_add(&d->mem.upper_changes, 1, __ATOMIC_RELEASE);
    }
    __atomic_fetch_add(frame_word(m), FRAME_VALID - FRAME_BUSY, __ATOMIC_ACQ_REL);
    return 0;
}

long table_drain(mfn_t m, unsigned int level, unsigned int n, struct table_walk *t)
{
    uint64_t *table = mfn_ptr(m);

    if (level == 1) {
        t->work += ENTRIES;
        drain_l1(table, n);
        n = 0;
    }
    while (n > 0) {
        uint64_t e = table[n - 1];

        if ((e & PTE_P) && !is_hv_slot(level, n - 1)) {
            if (table_put(mfn(pte_frame(e)), t) == HC_AGAIN)
                break; /* this entry still has its use */
            if (time_to_look(t, 1)) {
                n--;
                break;
            }
        }
        n--;
    }
    if (n > 0) {
        /* The caller keeps its use; one more is the state's own. */
        leave_partial(m, n, FRAME_USE1);
        return HC_AGAIN;
    }
    if (unlikely(pgt_l4_copied) && level == 4)
        pgt_l4_gone(m);
    frame_use_over(m);
    return 0;
}
