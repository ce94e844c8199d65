/*
 * A limit on what a guest sends (`rate=`): so many bytes in each interval. Pure.
 */
#ifndef NETD_RATE_H
#define NETD_RATE_H

#include "base/bits.h"

struct rate {
    uint64_t bytes; /* in each interval; 0: no limit */
    uint32_t usecs;
    uint64_t left;
    int64_t start; /* of this interval, in microseconds */
};

/* The back-end's node: "BYTES,MICROSECONDS". False: not that (then there is no limit). */
bool rate_parse(struct rate *r, const char *text) NODISCARD;
/*
 * May `bytes` go at `now` (microseconds of a clock that only goes forward)? 0: yes, they are taken
 * from what is left. Else: ask again after so many microseconds. A packet larger than what an
 * interval has may use up a whole one.
 */
uint64_t rate_take(struct rate *r, uint32_t bytes, int64_t now) NODISCARD;

#endif
