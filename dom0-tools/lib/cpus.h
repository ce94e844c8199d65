/* Sets of cpus and the text that names them ("0-3,^2", "all"): pure. */
#ifndef LIB_CPUS_H
#define LIB_CPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CPUS_MAX = 512 };

struct cpus {
    uint8_t bits[CPUS_MAX / 8];
};

static inline bool cpus_has(const struct cpus *c, unsigned cpu)
{
    return cpu < CPUS_MAX && (c->bits[cpu / 8] >> (cpu % 8) & 1);
}

static inline void cpus_add(struct cpus *c, unsigned cpu)
{
    if (cpu < CPUS_MAX)
        c->bits[cpu / 8] |= (uint8_t)(1u << (cpu % 8));
}

static inline void cpus_drop(struct cpus *c, unsigned cpu)
{
    if (cpu < CPUS_MAX)
        c->bits[cpu / 8] &= (uint8_t) ~(1u << (cpu % 8));
}

void cpus_all(struct cpus *c);
bool cpus_none(const struct cpus *c);
/* Are all of the first n cpus in it? */
bool cpus_full(const struct cpus *c, unsigned n);

/*
 * Reads a list of "N", "N-M", "all", each perhaps after '^' (taken away again). The order counts.
 * False: not such a list, or a number beyond CPUS_MAX, or nothing is left.
 */
bool cpus_parse(struct cpus *c, const char *text);
/* Writes "0-2,5", "all" (of n) or "none"; always terminated, cut at room. */
void cpus_format(const struct cpus *c, unsigned n, char *out, size_t room);

#endif
