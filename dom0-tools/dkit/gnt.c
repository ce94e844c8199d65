/*
 * Guests' pages (see gnt.h), by the kernel's devices.
 */
#include "dkit/gnt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/abi.h"

#include <xengnttab.h>

enum { OUR_DOMID = 0 };

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

/* --- memory of ours that has references ------------------------------------------------------ */

static struct {
    char *at; /* NULL: there is none */
    unsigned pages;
    uint32_t ref[GNT_BUFFER_PAGES];
} own;

/* The kernel lets all processes together have 1024 such pages, until it is told otherwise. */
static void allow_more(void)
{
    static const char many[] = "65536";
    int fd = open("/sys/module/xen_gntalloc/parameters/limit", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, many, sizeof many - 1); /* if not, a later process has none */
    close(fd);
}

void *gnt_buffer(unsigned pages)
{
    void *plain = NULL;
    xengntshr_handle *sharing = pages <= GNT_BUFFER_PAGES ? xengntshr_open(NULL, 0) : NULL;
    if (sharing) {
        allow_more();
        own.at = xengntshr_share_pages(sharing, OUR_DOMID, (int)pages, own.ref, 1);
        own.pages = pages;
        if (own.at)
            return own.at;
        xengntshr_close(sharing);
    }
    return posix_memalign(&plain, PAGE_SIZE, pages * PAGE_SIZE) ? NULL : plain;
}

/* --- copying --------------------------------------------------------------------------------- */

/* Our side of a copy from `at`; returns how many of the `len` bytes one segment can take. */
static uint16_t our_side(union xengnttab_copy_ptr *side, uint16_t *flags, uint16_t gref_flag,
                         char *at, uint16_t len)
{
    uintptr_t in = (uintptr_t)at - (uintptr_t)own.at;
    if (!own.at || in >= own.pages * PAGE_SIZE) {
        side->virt = at;
        return len;
    }
    side->foreign.ref = own.ref[in / PAGE_SIZE];
    side->foreign.offset = (uint16_t)(in % PAGE_SIZE);
    side->foreign.domid = DOMID_SELF;
    *flags |= gref_flag;
    size_t room = PAGE_SIZE - side->foreign.offset;
    return len < room ? len : (uint16_t)room;
}

/* Piece `p` in one or two segments; returns how many. */
static unsigned add_piece(xengnttab_grant_copy_segment_t *seg, unsigned domid,
                          const struct gnt_piece *p)
{
    unsigned n = 0;
    for (uint16_t done = 0; done < p->len; n++) {
        xengnttab_grant_copy_segment_t *s = &seg[n];
        union xengnttab_copy_ptr *guest = p->to_guest ? &s->dest : &s->source;
        union xengnttab_copy_ptr *ours = p->to_guest ? &s->source : &s->dest;
        memset(s, 0, sizeof *s);
        s->flags = p->to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
        s->len = our_side(ours, &s->flags, p->to_guest ? GNTCOPY_source_gref : GNTCOPY_dest_gref,
                          (char *)p->local + done, (uint16_t)(p->len - done));
        guest->foreign.ref = p->ref;
        guest->foreign.offset = (uint16_t)(p->offset + done);
        guest->foreign.domid = (domid_t)domid;
        done = (uint16_t)(done + s->len);
    }
    return n;
}

int gnt_copy(unsigned domid, const struct gnt_piece *pieces, unsigned n)
{
    xengnttab_grant_copy_segment_t seg[GNT_COPY_MAX * 2];
    unsigned nr = 0;
    if (n > GNT_COPY_MAX)
        return -E2BIG;
    for (unsigned i = 0; i < n; i++)
        nr += add_piece(seg + nr, domid, &pieces[i]);
    if (xengnttab_grant_copy(handle, nr, seg))
        return errno ? -errno : -EIO;
    for (unsigned i = 0; i < nr; i++)
        if (seg[i].status != GNTST_okay)
            return -EFAULT;
    return 0;
}
