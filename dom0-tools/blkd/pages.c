/*
 * A request's data (see pages.h).
 */
#include "blkd/pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "blkd/disk.h"
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
/* Buffers that are not in use, small and large; the last to be used is used first. */
struct spare {
    struct spare *next;
    int lent;
};
static struct spare *spare[2];

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
    for (unsigned i = 0; i < ARRAY_SIZE(spare); i++)
        while (spare[i]) {
            struct spare *s = spare[i];
            spare[i] = s->next;
            free(s);
        }
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

/*
 * By the processor's own string move, in words, as all lengths are sectors: what Linux copies pages
 * with. libc's memcpy() goes by 16 bytes at a time on a processor without AVX, more instructions by
 * half.
 */
static void move(void *to, const void *from, size_t len)
{
    size_t words = len / 8;
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* Where a segment is mapped; NULL: it is not. */
static char *mapped(const struct req_seg *s)
{
    char *page = may_keep(s->gref) ? page_of[s->gref] : NULL;
    return page ? page + s->offset : NULL;
}

/* By move() where pages are mapped, those that lie side by side at once, else by the hypervisor. */
static int copy(char *buffer, const struct req *q, bool to_guest)
{
    struct gnt_piece piece[GNT_COPY_MAX];
    unsigned n = 0;
    int rc = 0;
    for (unsigned i = 0, next; i < q->nr_segs && !rc; i = next) {
        const struct req_seg *s = &q->seg[i];
        size_t len = s->len;
        char *guest = mapped(s);
        next = i + 1;
        if (guest) {
            for (; next < q->nr_segs && mapped(&q->seg[next]) == guest + len; next++)
                len += q->seg[next].len;
            move(to_guest ? guest : buffer, to_guest ? buffer : guest, len);
        } else {
            piece[n++] = (struct gnt_piece){.local = buffer,
                                            .ref = s->gref,
                                            .offset = s->offset,
                                            .len = s->len,
                                            .to_guest = to_guest};
        }
        buffer += len;
        if (n == GNT_COPY_MAX) {
            rc = gnt_copy(dom, piece, n);
            n = 0;
        }
    }
    return rc || !n ? rc : gnt_copy(dom, piece, n);
}

static bool is_large(const struct req *q)
{
    return q->nr_segs > PAGES_SMALL;
}

static size_t buffer_bytes(const struct req *q)
{
    return (size_t)(is_large(q) ? REQ_SEGMENTS : PAGES_SMALL) * PAGE_SIZE;
}

static bool take_buffer(struct buffer *b, const struct req *q)
{
    struct spare *s = spare[is_large(q)];
    void *fresh;
    if (s) {
        spare[is_large(q)] = s->next;
        *b = (struct buffer){.data = (char *)s, .lent = s->lent};
    } else if (posix_memalign(&fresh, PAGE_SIZE, buffer_bytes(q)) == 0) {
        *b = (struct buffer){.data = fresh, .lent = disk_lend(fresh, buffer_bytes(q))};
    } else {
        return false;
    }
    in_buffers += buffer_bytes(q);
    return true;
}

int pages_get(struct buffer *b, const struct req *q, bool to_disk)
{
    uint32_t grefs[REQ_SEGMENTS];
    *b = (struct buffer){.lent = -1};
    if (!q->nr_segs)
        return 0;
    for (unsigned i = 0; i < q->nr_segs; i++)
        grefs[i] = q->seg[i].gref;
    map_missing(grefs, q->nr_segs);
    if (!take_buffer(b, q))
        return -ENOMEM;
    int rc = to_disk ? copy(b->data, q, false) : 0;
    if (rc)
        pages_put(b, q);
    return rc;
}

int pages_deliver(const struct buffer *b, const struct req *q)
{
    return copy(b->data, q, true);
}

void pages_put(struct buffer *b, const struct req *q)
{
    struct spare *s = (void *)b->data;
    if (!s)
        return;
    *s = (struct spare){.next = spare[is_large(q)], .lent = b->lent};
    spare[is_large(q)] = s;
    in_buffers -= buffer_bytes(q);
    b->data = NULL;
}
