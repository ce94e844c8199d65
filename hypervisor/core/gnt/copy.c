/* Copying between frames of two domains, each named by a grant or (one's own) by frame number. */
#include "core/gnt/map.h"

#include "base/string.h"
#include "core/gnt/gnt_private.h"

struct side {
    struct domain *d; /* whose frame it is */
    bool by_grant;
    uint32_t ref;
    mfn_t m;
};

/* Frame and right to it; what was taken is dropped in reverse order by drop() (C5). Inline, so that
 * `write` is known. */
static __attribute__((always_inline)) inline int take(struct domain *user, struct side *s,
                                                      const struct gnttab_copy_ptr *p, bool write)
{
    if (s->by_grant) {
        s->ref = p->u.ref;
        int rc = gnt_pin(s->d, p->u.ref, user->id, PIN_ONE(write ? PIN_HOST_W : PIN_HOST_R), &s->m);
        if (rc)
            return rc;
    } else {
        s->m = mfn(p->u.gmfn);
        if (!write)
            return page_get(s->m, s->d) ? GNTST_okay : GNTST_bad_page;
    }
    if (!write)
        return GNTST_okay;
    if (!page_get_use(s->m, s->d, PGT_WRITABLE))
        return GNTST_okay;
    if (s->by_grant) {
        gnt_unpin(s->d, s->ref, PIN_ONE(PIN_HOST_W));
        return GNTST_general_error;
    }
    /* Not his at all, or not to be written? */
    if (!page_get(s->m, s->d))
        return GNTST_bad_page;
    page_put(s->m);
    return GNTST_general_error;
}

static __attribute__((always_inline)) inline void drop(const struct side *s, bool write)
{
    if (write)
        page_put_use(s->m);
    else if (!s->by_grant)
        page_put(s->m);
    if (s->by_grant)
        gnt_unpin(s->d, s->ref, PIN_ONE(write ? PIN_HOST_W : PIN_HOST_R));
}

static int find(struct domain *user, struct side *s, domid_t id)
{
    if (!s->by_grant && id != DOMID_SELF)
        return GNTST_permission_denied;
    s->d = id == DOMID_SELF || id == user->id ? user : dom_get(id);
    return s->d ? GNTST_okay : GNTST_bad_domain;
}

static __attribute__((always_inline)) inline int
copy_found(struct domain *user, struct side *from, struct side *to, const struct gnttab_copy *op)
{
    int rc = take(user, from, &op->source, false);

    if (rc)
        return rc;
    rc = take(user, to, &op->dest, true);
    if (!rc) {
        memmove((char *)mfn_ptr(to->m) + op->dest.offset,
                (const char *)mfn_ptr(from->m) + op->source.offset, op->len);
        drop(to, true);
    }
    drop(from, false);
    return rc;
}

int gnt_copy(struct domain *d, const struct gnttab_copy *op)
{
    struct side from = {.by_grant = op->flags & GNTCOPY_source_gref};
    struct side to = {.by_grant = op->flags & GNTCOPY_dest_gref};

    if ((uint32_t)op->source.offset + op->len > FRAME_SIZE ||
        (uint32_t)op->dest.offset + op->len > FRAME_SIZE)
        return GNTST_bad_copy_arg;
    int rc = find(d, &from, op->source.domid);
    if (!rc)
        rc = find(d, &to, op->dest.domid);
    if (!rc)
        rc = copy_found(d, &from, &to, op);
    if (from.d && from.d != d)
        dom_put(from.d);
    if (to.d && to.d != d)
        dom_put(to.d);
    return rc;
}
