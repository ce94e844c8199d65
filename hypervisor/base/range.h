/* Half-open ranges [start, end) of any 64-bit quantity. start <= end always holds; both equal means
 * empty. The range that ends at 2^64 cannot be written: no user of this needs it. */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include "base/bits.h"

struct range {
    uint64_t start, end;
};

/* False when start + length does not fit. */
NODISCARD static inline bool range_make(uint64_t start, uint64_t length, struct range *r)
{
    r->start = start;
    return !__builtin_add_overflow(start, length, &r->end);
}

static inline uint64_t range_length(struct range r)
{
    return r.end - r.start;
}

static inline bool range_empty(struct range r)
{
    return r.start >= r.end;
}

static inline bool range_contains(struct range r, uint64_t v)
{
    return v >= r.start && v < r.end;
}

/* Is [start, start + length) within r? Safe for any values; an empty range at r.end is within. */
static inline bool range_covers(struct range r, uint64_t start, uint64_t length)
{
    return start >= r.start && start <= r.end && length <= r.end - start;
}

static inline bool range_overlaps(struct range a, struct range b)
{
    return a.start < b.end && b.start < a.end;
}

#endif
