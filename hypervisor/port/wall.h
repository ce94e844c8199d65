/* The wall clock (UTC). */
#ifndef PORT_WALL_H
#define PORT_WALL_H

#include "base/num.h"

struct domain;

/* Writes the wc_ fields of d's shared_info. When vcpu 0 gets its context, and after each change. */
void wall_publish(struct domain *d);
/* The wall clock at system time `at` is secs, nsecs (since 1970). Tells all domains. */
void wall_set(uint64_t secs, uint32_t nsecs, ns_t at);

#endif
