/* Using other domains' pages: mapping and copying. */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/mem.h>
#include "gnt/gnt.h"

#define BATCH 16

/* The hypervisor's GNTST_... as errors of ours. */
static int error_of(int16_t status)
{
    switch (status) {
    case GNTST_okay:
        return 0;
    case GNTST_bad_domain:
        return -XEN_ESRCH;
    case GNTST_bad_gntref:
        return -XEN_ENOENT;
    case GNTST_permission_denied:
        return -XEN_EACCES;
    case GNTST_no_space:
        return -XEN_ENOSPC;
    case GNTST_eagain:
        return -XEN_EAGAIN;
    }
    return -XEN_EINVAL;
}

static int batch_map(uint16_t domid, const gk_gref *refs, size_t count, bool readonly, uint8_t *at,
                     uint32_t *handles, size_t *mapped)
{
    struct gnttab_map_grant_ref ops[BATCH];
    int rc = 0;

    for (size_t i = 0; i < count; i++)
        ops[i] = (struct gnttab_map_grant_ref){
            .host_addr = ADDRESS(at + i * GK_PAGE_SIZE),
            .flags = GNTMAP_host_map | (readonly ? GNTMAP_readonly : 0),
            .ref = refs[i],
            .dom = domid,
        };
    if (hc_grant(GNTTABOP_map_grant_ref, ops, (unsigned int)count))
        return -XEN_EINVAL;
    /* Those that failed have no handle: gk_gnt_unmap() passes over them when all is undone. */
    for (size_t i = 0; i < count; i++) {
        handles[i] = ops[i].status ? UINT32_MAX : ops[i].handle;
        if (ops[i].status && !rc)
            rc = error_of(ops[i].status);
    }
    *mapped += count;
    return rc;
}

int gk_gnt_unmap(void *address, const uint32_t *handles, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        struct gnttab_unmap_grant_ref op = {
            .host_addr = ADDRESS((uint8_t *)address + i * GK_PAGE_SIZE),
            .handle = handles[i],
        };
        if (handles[i] == UINT32_MAX)
            continue;
        if (hc_grant(GNTTABOP_unmap_grant_ref, &op, 1) || op.status)
            rc = -XEN_EINVAL;
    }
    gk_space_free(address, count);
    return rc;
}

int gk_gnt_map(uint16_t domid, const gk_gref *refs, size_t count, bool readonly, void **address,
               uint32_t *handles)
{
    uint8_t *space = gk_space_alloc(count);
    size_t mapped = 0;
    int rc = space ? 0 : -XEN_ENOMEM;

    while (!rc && mapped < count) {
        size_t n = count - mapped < BATCH ? count - mapped : BATCH;
        rc = batch_map(domid, refs + mapped, n, readonly, space + mapped * GK_PAGE_SIZE,
                       handles + mapped, &mapped);
    }
    if (!rc) {
        *address = space;
        return 0;
    }
    for (size_t i = mapped; i < count; i++)
        handles[i] = UINT32_MAX;
    if (space)
        gk_gnt_unmap(space, handles, count);
    return rc;
}

static void side_set(const struct gk_gnt_side *side, domid_t *domid, uint16_t *offset,
                     grant_ref_t *ref, xen_pfn_t *gmfn, bool *is_ref)
{
    *is_ref = side->domid != GK_DOMID_SELF || !side->address;
    *domid = *is_ref ? side->domid : DOMID_SELF;
    *offset = *is_ref ? side->offset : (uint16_t)(ADDRESS(side->address) % GK_PAGE_SIZE);
    if (*is_ref)
        *ref = side->ref;
    else
        *gmfn = gk_mfn(side->address);
}

int gk_gnt_copy(const struct gk_gnt_side *from, const struct gk_gnt_side *to, uint16_t length)
{
    struct gnttab_copy op = {.len = length};
    bool from_ref, to_ref;

    side_set(from, &op.source.domid, &op.source.offset, &op.source.u.ref, &op.source.u.gmfn,
             &from_ref);
    side_set(to, &op.dest.domid, &op.dest.offset, &op.dest.u.ref, &op.dest.u.gmfn, &to_ref);
    op.flags = (uint16_t)((from_ref ? GNTCOPY_source_gref : 0) | (to_ref ? GNTCOPY_dest_gref : 0));
    if (hc_grant(GNTTABOP_copy, &op, 1))
        return -XEN_EINVAL;
    return error_of(op.status);
}
