/*
 * Guests' granted pages: mapped, or copied from and to.
 */
#ifndef DKIT_GNT_H
#define DKIT_GNT_H

#include "base/bits.h"

int gnt_open(void) NODISCARD; /* 0 or -errno */

/* n pages of one domain, side by side; NULL with errno if any of them cannot be mapped. */
void *gnt_map(unsigned domid, uint32_t *refs, unsigned n, bool writable);
void gnt_unmap(void *pages, unsigned n);

/* One piece, within one page of the guest's. */
struct gnt_piece {
    void *local;
    uint32_t ref;
    uint16_t offset, len;
    bool to_guest;
};
enum { GNT_COPY_MAX = 64 };
/* Copies up to GNT_COPY_MAX pieces; every one's status is checked. 0 or -errno. */
int gnt_copy(unsigned domid, const struct gnt_piece *pieces, unsigned n) NODISCARD;

/*
 * Page-aligned memory for the process's life, NULL when there is none; once, before the process is
 * confined. Where the kernel can (gntalloc) it is granted to ourselves, and gnt_copy() names it by
 * references: the kernel need not look up and hold a page of ours for each piece, which costs more
 * than the copy.
 */
enum { GNT_BUFFER_PAGES = 128 };
void *gnt_buffer(unsigned pages);

#endif
