/* The platform timer: one counter for the whole machine, slow to read, steady. */
#ifndef X86_PTIMER_H
#define X86_PTIMER_H

#include "base/num.h"

struct machine_info;

enum ptimer_kind { PTIMER_NONE, PTIMER_HPET, PTIMER_PM, PTIMER_PIT };

extern enum ptimer_kind ptimer_kind;
extern uint64_t ptimer_hz;

/* Picks and starts one: `want` if it is there, else the best. */
void ptimer_init(const struct machine_info *m, enum ptimer_kind want);

/* The counter as it is; wraps at ptimer_mask. */
uint64_t ptimer_read(void);
extern uint64_t ptimer_mask;

/* ns since ptimer_init(), of a counter value read just before by the caller. Must be called more
 * often than the counter wraps (4 s for a 24-bit PM timer). Takes a lock. */
ns_t ptimer_ns(uint64_t counter);

const char *ptimer_name(void);

/* Is that frame the HPET's? dom0 may only read it. */
bool ptimer_frame(mfn_t frame);

#endif
