/*
 * One way to look at a node, in a transaction or outside, and the one permission check.
 */
#include <errno.h>

#include "wire/ops_private.h"

bool may(const struct req *r, const struct perms *p, unsigned perm)
{
    return (perm_for(&r->xs->st.doms, r->c->dom, p) & perm) == perm;
}

int view_get(struct req *r, unsigned depth, unsigned needs, struct view *v)
{
    struct xs *xs = r->xs;
    *v = (struct view){0};
    if (r->txn) {
        int rc = txn_touch(&xs->st, r->txn, &xs->path, depth, needs, &v->t);
        if (rc)
            return rc;
        v->perms = v->t->perms;
        return 0;
    }
    v->live = node_find(&xs->st, &xs->path, depth);
    v->perms = v->live ? v->live->perms : NULL;
    return 0;
}

int view_value(const struct req *r, const struct view *v, const char **value, size_t *len)
{
    if (v->t) {
        int rc = txn_read(&r->xs->st, r->txn, v->t);
        *value = v->t->value;
        *len = v->t->value_len;
        return rc;
    }
    *value = v->live->value;
    *len = v->live->value_len;
    return 0;
}

unsigned view_nearest(const struct req *r, const struct perms **perms)
{
    const struct xs *xs = r->xs;
    for (unsigned depth = xs->path.depth;; depth--) {
        if (r->txn) {
            *perms = txn_peek(&xs->st, r->txn, &xs->path, depth);
        } else {
            const struct node *n = node_find(&xs->st, &xs->path, depth);
            *perms = n ? n->perms : NULL;
        }
        if (*perms)
            return depth;
        if (!depth) /* a transaction sees the root removed by nobody */
            return 0;
    }
}

int view_need(struct req *r, unsigned perm, unsigned needs, struct view *v)
{
    if (r->xs->path.special)
        return dom_privileged(r->c->dom) ? -ENOENT : -EACCES;
    int rc = view_get(r, r->xs->path.depth, needs, v);
    if (rc)
        return rc;
    if (v->perms)
        return may(r, v->perms, perm) ? 0 : -EACCES;
    const struct perms *near;
    unsigned depth = view_nearest(r, &near);
    /* The answer tells something of what lies between: a transaction relies on that, too. */
    for (struct view on_the_way; r->txn && !dom_privileged(r->c->dom) && depth < r->xs->path.depth;
         depth++) {
        rc = view_get(r, depth, TXN_NEED_NODE, &on_the_way);
        if (rc)
            return rc;
    }
    return near && may(r, near, perm) ? -ENOENT : -EACCES;
}
