/*
 * A request's data (see pages.h).
 */
#include "blkd/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dkit/gnt.h"

enum { GROUPS = 4096 };

static unsigned dom;
static bool persistent;
static void **page_of; /* by reference; NULL: not mapped */
static unsigned nr_kept, max_kept;
static struct {
    void *pages;
    unsigned n;
} group[GROUPS]; /* as they were mapped, to unmap them so */
static unsigned nr_groups;
static size_t in_buffers;

int pages_open(unsigned domid, bool keep, unsigned nr_queues)
{
    dom = domid;
    persistent = keep;
    max_kept = nr_queues * PAGES_PER_QUEUE;
    nr_kept = nr_groups = 0;
    in_buffers = 0;
    /* Touched where references are in use; a front-end's are few and close together. */
    page_of = mmap(NULL, PAGES_REFS * sizeof *page_of, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return page_of == MAP_FAILED ? -errno : 0;
}

void pages_close(void)
{
    for (unsigned i = 0; i < nr_groups; i++)
        gnt_unmap(group[i].pages, group[i].n);
    nr_groups = nr_kept = 0;
    munmap(page_of, PAGES_REFS * sizeof *page_of);
}

bool pages_short(void)
{
    return in_buffers >= PAGES_BUFFERS;
}

/* --- pages that stay mapped ------------------------------------------------------------------ */

static bool may_keep(uint32_t gref)
{
    return persistent && gref < PAGES_REFS;
}

/*
 * Maps those that are not, in one call and side by side. When that fails, or there is no room for
 * more, they are left to be copied, which tells good from bad for each.
 */
static void map_missing(const uint32_t *grefs, unsigned n)
{
    uint32_t missing[REQ_SEGMENTS];
    unsigned nr = 0;
    static char marked;
    for (unsigned i = 0; i < n; i++)
        if (may_keep(grefs[i]) && !page_of[grefs[i]]) {
            page_of[grefs[i]] = &marked; /* once, also if it is named twice */
            missing[nr++] = grefs[i];
        }
    if (!nr)
        return;
    bool room = nr_groups < GROUPS && nr_kept + nr <= max_kept;
    char *pages = room ? gnt_map(dom, missing, nr, true) : NULL;
    for (unsigned i = 0; i < nr; i++)
        page_of[missing[i]] = pages ? pages + i * PAGE_SIZE : NULL;
    if (!pages)
        return;
    group[nr_groups].pages = pages;
    group[nr_groups++].n = nr;
    nr_kept += nr;
}

int pages_read(uint32_t gref, void *to, uint16_t len)
{
    map_missing(&gref, 1);
    if (may_keep(gref) && page_of[gref]) {
        memcpy(to, page_of[gref], len);
        __asm__ volatile("" ::: "memory"); /* only the copy is used from now on */
        return 0;
    }
    const struct gnt_piece piece = {.local = to, .ref = gref, .len = len};
    return gnt_copy(dom, &piece, 1);
}

/* --- one request ----------------------------------------------------------------------------- */

static void *place(const struct data *d, const struct req *q, unsigned i, unsigned *copied)
{
    if (d->copied[i])
        return d->buffer + (*copied)++ * PAGE_SIZE + q->seg[i].offset;
    return (char *)page_of[q->seg[i].gref] + q->seg[i].offset;
}

static int copy(const struct data *d, const struct req *q, bool to_guest)
{
    struct gnt_piece piece[GNT_COPY_MAX];
    unsigned n = 0, copied = 0;
    int rc = 0;
    for (unsigned i = 0; i < q->nr_segs && !rc; i++) {
        if (!d->copied[i])
            continue;
        piece[n++] = (struct gnt_piece){.local = place(d, q, i, &copied),
                                        .ref = q->seg[i].gref,
                                        .offset = q->seg[i].offset,
                                        .len = q->seg[i].len,
                                        .to_guest = to_guest};
        if (n == GNT_COPY_MAX) {
            rc = gnt_copy(dom, piece, n);
            n = 0;
        }
    }
    return rc || !n ? rc : gnt_copy(dom, piece, n);
}

/* Neighbours in memory are one piece for the disk. */
static void set_iov(struct data *d, const struct req *q)
{
    unsigned copied = 0;
    d->nr_iov = 0;
    for (unsigned i = 0; i < q->nr_segs; i++) {
        char *at = place(d, q, i, &copied);
        struct iovec *before = d->nr_iov ? &d->iov[d->nr_iov - 1] : NULL;
        if (before && (char *)before->iov_base + before->iov_len == at)
            before->iov_len += q->seg[i].len;
        else
            d->iov[d->nr_iov++] = (struct iovec){at, q->seg[i].len};
    }
}

int pages_get(struct data *d, const struct req *q, bool to_disk)
{
    uint32_t grefs[REQ_SEGMENTS];
    for (unsigned i = 0; i < q->nr_segs; i++)
        grefs[i] = q->seg[i].gref;
    map_missing(grefs, q->nr_segs);
    d->nr_copied = 0;
    d->buffer = NULL;
    for (unsigned i = 0; i < q->nr_segs; i++) {
        d->copied[i] = !may_keep(grefs[i]) || !page_of[grefs[i]];
        d->nr_copied += d->copied[i];
    }
    if (d->nr_copied) {
        void *buffer;
        if (posix_memalign(&buffer, PAGE_SIZE, d->nr_copied * PAGE_SIZE))
            return -ENOMEM;
        d->buffer = buffer;
        in_buffers += d->nr_copied * PAGE_SIZE;
    }
    set_iov(d, q);
    int rc = to_disk && d->nr_copied ? copy(d, q, false) : 0;
    if (rc)
        pages_put(d);
    return rc;
}

int pages_deliver(const struct data *d, const struct req *q)
{
    return d->nr_copied ? copy(d, q, true) : 0;
}

void pages_put(struct data *d)
{
    free(d->buffer);
    in_buffers -= d->nr_copied * PAGE_SIZE;
    d->buffer = NULL;
    d->nr_copied = 0;
}
