/* TLB flushes.
 *
 * A CPU mask is a plain bit set of up to 64 CPUs. Waiting for others is by spinning; a CPU that
 * spins for a lock or a flush serves what others ask of it (tlb_serve), so this may be called with
 * locks held. Flushes reach a CPU in idle or in guest mode by IPI. */
#ifndef PORT_TLB_H
#define PORT_TLB_H

#include "base/num.h"

typedef uint64_t cpumask_t;

#define TLB_ALL_VA (~0UL)

/* This CPU: one address (must be canonical), or all non-global entries. */
void tlb_flush_local(void);
void tlb_flush_va_local(uint64_t va);

/* Every CPU of mask, this one included if its bit is set; va may be TLB_ALL_VA. Waits. */
void tlb_flush_mask(cpumask_t mask, uint64_t va);

/* A coarse clock that ticks with each flush of everything, to leave out flushes that a CPU has done
 * anyway: remember tlb_stamp() when the last use of a mapping ends; tlb_filter() then drops from
 * mask the CPUs that have flushed everything since. */
uint32_t tlb_stamp(void);
cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp);

void tlb_serve(void);
/* One turn of waiting for another CPU, shoot-downs served. */
void tlb_wait_turn(void);

/* Write back and invalidate caches of every CPU (for frames that a guest mapped uncached). */
void cache_flush_all(void);

#endif
