/* A running PV guest's memory: its p2m list, read from the guest itself (so all of it is hostile).
 */
#ifndef LIB_PVMEM_H
#define LIB_PVMEM_H

#include "lib/hyp.h"

struct pvmem {
    uint32_t domid;
    uint64_t nr;        /* pfns are below this */
    uint64_t *p2m;      /* nr entries; ~0: none */
    uint64_t *list_mfn; /* machine frames of the list itself */
    uint64_t nr_list;
    const uint64_t *m2p;
    uint64_t nr_m2p;
    shared_info_t *shared; /* mapped, read-only */
};

int pvmem_open(struct hyp *h, uint32_t domid, struct pvmem *m, struct why *w);
void pvmem_close(struct hyp *h, struct pvmem *m);

/* The guest's number of a machine frame; ~0: not its own. */
static inline uint64_t pvmem_pfn(const struct pvmem *m, uint64_t mfn)
{
    if (mfn >= m->nr_m2p)
        return ~0ul;
    uint64_t pfn = m->m2p[mfn];
    return pfn < m->nr && m->p2m[pfn] == mfn ? pfn : ~0ul;
}

#endif
