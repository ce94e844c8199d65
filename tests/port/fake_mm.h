/* Frames, page tables and TLBs of native tests: what core/frame and core/pgtype ask of a machine.
 */
#ifndef TESTS_PORT_FAKE_MM_H
#define TESTS_PORT_FAKE_MM_H

#include "core/pgtype/pgtype.h"
#include "fake.h"

/* `frames` frames of RAM, all given to the allocator but those below `reserved`. */
void mm_init(uint64_t frames, uint64_t reserved);

/* A domain with one vcpu, without tables; may have max_pages frames. */
struct domain *mm_domain(domid_t id, uint64_t max_pages);
void mm_domain_end(struct domain *d); /* its pages must be 0 */

/* As a processor that runs on a copy of an L4: which (0: none), and the copy. */
extern uint64_t mm_l4_watched, mm_l4_copy[512];
extern unsigned int mm_flushes; /* whole-TLB flushes asked for */
extern unsigned int mm_cache_flushes;
extern unsigned int mm_reaps;
extern uint64_t mm_io_full,
    mm_io_read_only; /* device frames that dom0 may map; others are denied */

#endif
