/*
 * Grants: letting another domain use our pages, and using theirs. Version 1 of the table.
 */
#ifndef GK_GNT_H
#define GK_GNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t gk_gref;
#define GK_GREF_NONE 0 /* no valid reference of ours */

/*
 * Lets `domid` map and copy the page that holds `address` (read only if so). Returns 0 and the
 * reference, or -XEN_ENOSPC: the table is full and cannot grow; -XEN_ENOMEM. The page stays the
 * caller's, who ends the grant before the page is used for anything else.
 */
int gk_gnt_allow(uint16_t domid, const void *address, bool readonly, gk_gref *ref);

/*
 * Ends it. 0: no one can use the page any more. -XEN_EBUSY: the other side still has it mapped;
 * nothing has changed and the page must not be used for anything else (rule F7): try later, or
 * gk_gnt_end_later().
 */
int gk_gnt_end(gk_gref ref);
/*
 * The same for a page from gk_page_alloc(1) that the caller has no further use for: the kit ends
 * the grant and frees the page when the other side lets go, at once if it can. `page` may be NULL.
 */
void gk_gnt_end_later(gk_gref ref, void *page);

/*
 * For a fast path: a reference without a page. gk_gnt_set() lets it mean a page and costs a few
 * instructions, no call to the hypervisor; gk_gnt_clear() is gk_gnt_end() that keeps the reference
 * reserved. gk_gnt_reserve() fails as gk_gnt_allow() does.
 */
int gk_gnt_reserve(gk_gref *ref);
void gk_gnt_release(gk_gref ref); /* must not be set */
void gk_gnt_set(gk_gref ref, uint16_t domid, const void *address, bool readonly);
int gk_gnt_clear(gk_gref ref);
/* Is it being used by the other side just now? */
bool gk_gnt_in_use(gk_gref ref);

/*
 * Maps `count` pages of `domid`, contiguous in our address space (from gk_space_alloc()). All or
 * nothing: 0 and *address, or an error and nothing is mapped. handles[count] is filled in for
 * gk_gnt_unmap(), which gives the space back; the pages stay theirs. -XEN_ESRCH: no such domain;
 * -XEN_ENOENT: a reference beyond their table; -XEN_EINVAL: it is not in use, not for us, or not
 * for writing, which the hypervisor does not tell apart; -XEN_ENOMEM, -XEN_ENOSPC: no room here or
 * in the hypervisor. gk_gnt_unmap(): 0, or -XEN_EINVAL: a handle that is none.
 */
int gk_gnt_map(uint16_t domid, const gk_gref *refs, size_t count, bool readonly, void **address,
               uint32_t *handles);
int gk_gnt_unmap(void *address, const uint32_t *handles, size_t count);

/* Copies within one page on each side. A side is our own address (ref unused, domid GK_DOMID_SELF)
 * or a grant. */
struct gk_gnt_side {
    uint16_t domid;  /* 0x7ff0 (GK_DOMID_SELF): ours, by address */
    uint16_t offset; /* in the granted page */
    gk_gref ref;
    void *address; /* ours: may be anywhere in a page */
};
/* `length` > 0 must not cross a page on either side. 0 or an error, as of gk_gnt_map();
 * -XEN_EINVAL: it crosses a page. */
int gk_gnt_copy(const struct gk_gnt_side *from, const struct gk_gnt_side *to, uint16_t length);

#endif
