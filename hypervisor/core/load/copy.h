/* Copies of matches, for the unpackers whose output buffer is their dictionary. Private to them. */
#ifndef CORE_LOAD_COPY_H
#define CORE_LOAD_COPY_H

#include "base/bits.h"

/* copy_match() writes up to this many bytes behind the end of its copy. */
enum { COPY_OVERRUN = 24 };

/* To out from out - dist, a byte after the other: where the two overlap, a pattern repeats. */
static inline uint8_t *copy_carefully(uint8_t *out, size_t dist, size_t len)
{
    const uint8_t *from = out - dist;

    while (len--)
        *out++ = *from++;
    return out;
}

/* The same in words; whoever calls makes sure of room for the overrun. A distance below 8 first
 * repeats its pattern often enough to be one of 8 or more. */
static inline __attribute__((always_inline)) uint8_t *copy_match(uint8_t *out, size_t dist,
                                                                 size_t len)
{
    const uint8_t *from = out - dist;
    uint8_t *end = out + len;

    if (unlikely(dist < 8)) {
        static const uint8_t multiple[8] = {0, 8, 8, 9, 8, 10, 12, 14};
        for (unsigned i = 0; i < 8; i++)
            out[i] = from[i];
        out += 8;
        from = out - multiple[dist];
    }
    while (out < end) {
        __builtin_memcpy(out, from, 8);
        __builtin_memcpy(out + 8, from + 8, 8);
        out += 16;
        from += 16;
    }
    return end;
}

#endif
