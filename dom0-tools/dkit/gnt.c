/*
 * Guests' pages (see gnt.h), by the kernel's device.
 */
#include "dkit/gnt.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/abi.h"

#include <xengnttab.h>

static xengnttab_handle *handle;

int gnt_open(void)
{
    handle = xengnttab_open(NULL, 0);
    return handle ? 0 : errno ? -errno : -EIO;
}

void *gnt_map(unsigned domid, uint32_t *refs, unsigned n, bool writable)
{
    return xengnttab_map_domain_grant_refs(handle, n, domid, refs,
                                           PROT_READ | (writable ? PROT_WRITE : 0));
}

void gnt_unmap(void *pages, unsigned n)
{
    (void)xengnttab_unmap(handle, pages, n); /* fails only for what was not mapped so */
}

int gnt_copy(unsigned domid, const struct gnt_piece *pieces, unsigned n)
{
    xengnttab_grant_copy_segment_t seg[GNT_COPY_MAX];
    if (n > GNT_COPY_MAX)
        return -E2BIG;
    memset(seg, 0, n * sizeof seg[0]);
    for (unsigned i = 0; i < n; i++) {
        const struct gnt_piece *p = &pieces[i];
        union xengnttab_copy_ptr *guest = p->to_guest ? &seg[i].dest : &seg[i].source;
        union xengnttab_copy_ptr *ours = p->to_guest ? &seg[i].source : &seg[i].dest;
        guest->foreign.ref = p->ref;
        guest->foreign.offset = p->offset;
        guest->foreign.domid = (domid_t)domid;
        ours->virt = p->local;
        seg[i].len = p->len;
        seg[i].flags = p->to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
    }
    if (xengnttab_grant_copy(handle, n, seg))
        return errno ? -errno : -EIO;
    for (unsigned i = 0; i < n; i++)
        if (seg[i].status != GNTST_okay)
            return -EFAULT;
    return 0;
}
