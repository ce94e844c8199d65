/* A domain's memory account, inside struct domain. */
#ifndef CORE_FRAME_MEM_H
#define CORE_FRAME_MEM_H

#include "base/num.h"

#define MEM_SLOTS 2048u /* domains that can own frames at one time, slots 0 and 1 not used */

struct dom_mem {
    uint64_t pages;     /* frames it owns, shared hypervisor frames not counted; atomic */
    uint64_t max_pages; /* pages may not grow beyond it */
    uint64_t claimed;   /* of the free frames, how many are kept for it (XENMEM_claim_pages) */
    uint64_t owner;     /* its owner slot, in place in the frame word: DOMID_IO's, which is in no
                         * word, while it cannot own any (0 would be the hypervisor's) */
    uint64_t *chunks;   /* one bit per chunk of RAM in which it has ever owned a frame */
    uint64_t cursor;    /* relinquish: next frame to look at */
    uint64_t upper_changes; /* of entries above L1, and L4 tables made (struct pgt_hint); atomic */
    uint32_t filling;       /* allocations that have been counted but not all handed out; atomic */
    bool io_caches; /* may map RAM and devices with other cache attributes than write-back */
};

#endif
