/* One grant entry. Pure. */
#include "gnt/gnt.h"

#define IN_USE (GTF_reading | GTF_writing)

void gnt_entry_set(struct grant_entry_v1 *e, uint16_t domid, uint64_t mfn, bool readonly)
{
    e->frame = (uint32_t)mfn;
    e->domid = domid;
    /* The flags make the entry valid: last. */
    __atomic_store_n(&e->flags, GTF_permit_access | (readonly ? GTF_readonly : 0),
                     __ATOMIC_RELEASE);
}

bool gnt_entry_in_use(const struct grant_entry_v1 *e)
{
    return __atomic_load_n(&e->flags, __ATOMIC_RELAXED) & IN_USE;
}

bool gnt_entry_clear(struct grant_entry_v1 *e)
{
    uint16_t flags = __atomic_load_n(&e->flags, __ATOMIC_RELAXED);

    do {
        if (flags & IN_USE)
            return false;
    } while (!__atomic_compare_exchange_n(&e->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    return true;
}
