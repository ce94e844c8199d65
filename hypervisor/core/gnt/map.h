/* Operations on grants, for hc/gnttab.c. Results are GNTST_*: 0 or negative, never positive. */
#ifndef CORE_GNT_MAP_H
#define CORE_GNT_MAP_H

#include "core/dom/domain.h"

/* Maps a grant of `from` for v; fills handle and dev_bus_addr. On failure nothing has changed. */
NODISCARD int gnt_map(struct vcpu *v, struct domain *from, struct gnttab_map_grant_ref *op);

/* An unmapping in two steps: a TLB flush of the domain's CPUs comes between them. */
struct gnt_unmap {
    struct domain *from; /* NULL: nothing to finish. A reference, unless it is the domain itself */
    uint32_t handle, ref;
    unsigned int done, failed; /* GNTMAP_host_map, GNTMAP_device_map */
    uint64_t pins;             /* that end with what is done */
};

/* Clears page-table entries; an address of 0 leaves that half of the mapping. Fills *u. */
NODISCARD int gnt_unmap_begin(struct vcpu *v, const struct gnttab_unmap_grant_ref *op,
                              struct gnt_unmap *u);
/* After the flush, also when begin failed. */
void gnt_unmap_finish(struct domain *d, const struct gnt_unmap *u);

/* One GNTTABOP_copy. */
NODISCARD int gnt_copy(struct domain *d, const struct gnttab_copy *op);

/* At least nr shared frames. GNTST_okay, or GNTST_general_error (limit, memory). */
NODISCARD int gnt_grow(struct domain *d, uint32_t nr);

/* Exchanges two entries of d that nobody uses. */
NODISCARD int gnt_swap(struct domain *d, uint32_t a, uint32_t b);

#endif
