/*
 * Requests that change nodes. Each checks all, then gets all memory, then acknowledges, then
 * changes and tells: the client reads its reply before any event that its request made.
 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "wire/host.h"
#include "wire/ops_private.h"

/* --- quotas ---------------------------------------------------------------------------------- */

/* May the client make or change a node to this size? `more` is what its memory grows by. */
static int size_allowed(const struct req *r, size_t value_len, uint32_t perms, size_t more)
{
    struct dom *d = r->c->dom;
    size_t name_len = 0;
    if (r->xs->path.depth)
        (void)path_name(&r->xs->path, r->xs->path.depth, &name_len);
    size_t size = name_len + value_len + perms * sizeof(struct perm);
    if (!quota_allows(&r->xs->quota, d, QUOTA_ENTRY_SIZE, size) ||
        !quota_allows(&r->xs->quota, d, QUOTA_MEMORY, d->mem + more))
        return -ENOSPC;
    return 0;
}

static int nodes_allowed(const struct req *r, uint32_t more)
{
    struct dom *d = r->c->dom;
    if (dom_privileged(d))
        return 0;
    uint64_t want = (uint64_t)d->nodes + more;
    if (r->txn) {
        want += r->txn->made;
        if (want > r->xs->quota.max[QUOTA_NODES])
            want -= txn_freed(&r->xs->st, r->txn);
    }
    return quota_allows(&r->xs->quota, d, QUOTA_NODES, want) ? 0 : -ENOSPC;
}

/* --- making nodes ---------------------------------------------------------------------------- */

/* What a new node below one with `parent` gets: the same, owned by who makes it. */
static struct perms *inherited(struct req *r, const struct perms *parent)
{
    struct xs *xs = r->xs;
    const struct doms *ds = &xs->st.doms;
    struct perm e[PERM_ENTRIES_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < parent->n; i++)
        if (i == 0 || dom_current(ds, parent->e[i].id, parent->e[i].life))
            e[n++] = parent->e[i];
    if (!dom_privileged(r->c->dom)) {
        e[0].id = r->c->dom->id;
        e[0].life = r->c->dom->life;
    } else if (!dom_current(ds, e[0].id, e[0].life)) {
        e[0].id = 0;
        e[0].life = ds->life[0];
    }
    return perm_get(&xs->st.perms, e, n);
}

static int create_live(struct req *r, unsigned from, struct perms *perms, const char *value,
                       size_t len)
{
    struct xs *xs = r->xs;
    struct node *up = node_find(&xs->st, &xs->path, from);
    struct node *n = node_create(&xs->st, &xs->path, up, perms, value, len);
    if (!n)
        return -ENOMEM;
    ack(r);
    for (unsigned i = from + 1u; i <= xs->path.depth; i++)
        rec_set(xs, node_find(&xs->st, &xs->path, i));
    event_fire(xs, &xs->path, false, NULL, n->perms, n->parent->perms);
    return 0;
}

static int create(struct req *r, const char *value, size_t len)
{
    struct xs *xs = r->xs;
    const struct perms *near;
    unsigned from = view_nearest(r, &near);
    if (!near || !may(r, near, PERM_WRITE))
        return -EACCES;
    uint32_t made = xs->path.depth - from;
    int rc = nodes_allowed(r, made);
    if (!rc)
        rc = size_allowed(r, len, near->n, made * node_cost(0, 0, near->n) + xs->path.len + len);
    if (rc)
        return rc;
    struct perms *perms = inherited(r, near);
    if (!perms)
        return -ENOMEM;
    if (r->txn) {
        rc = txn_create(&xs->st, r->txn, &xs->path, from, perms, value, len);
        if (!rc)
            ack(r);
    } else {
        rc = create_live(r, from, perms, value, len);
    }
    perm_put(&xs->st.perms, perms);
    return rc;
}

static int overwrite(struct req *r, struct view *v, const char *value, size_t len)
{
    struct xs *xs = r->xs;
    int rc = size_allowed(r, len, v->perms->n, len);
    if (rc)
        return rc;
    if (v->t) {
        rc = txn_set_value(r->txn, v->t, value, len);
        if (!rc)
            ack(r);
        return rc;
    }
    rc = node_set_value(&xs->st, v->live, value, len);
    if (rc)
        return rc;
    ack(r);
    rec_value(xs, v->live);
    event_fire(xs, &xs->path, false, NULL, v->live->perms,
               v->live->parent ? v->live->parent->perms : NULL);
    return 0;
}

int op_write(struct req *r)
{
    const char *path;
    struct view v;
    if (arg_strings(r, &path, 1))
        return -EINVAL;
    size_t len = strlen(path);
    int rc = arg_path(r, path, len);
    if (rc)
        return rc;
    const char *value = path + len + 1;
    size_t value_len = r->len - len - 1;
    rc = view_need(r, PERM_WRITE, TXN_NEED_VALUE, &v);
    if (rc == -ENOENT && !r->xs->path.special)
        return create(r, value, value_len);
    return rc ? rc : overwrite(r, &v, value, value_len);
}

int op_mkdir(struct req *r)
{
    size_t len;
    struct view v;
    int rc = arg_one(r, &len);
    if (!rc)
        rc = arg_path(r, r->data, len);
    if (rc)
        return rc;
    rc = view_need(r, PERM_WRITE, TXN_NEED_NODE, &v);
    if (rc == -ENOENT && !r->xs->path.special)
        return create(r, NULL, 0);
    if (!rc)
        ack(r);
    return rc;
}

/* --- removing -------------------------------------------------------------------------------- */

/* Removing what is not there succeeds if its parent is. */
static int remove_absent(struct req *r)
{
    struct view parent;
    if (r->xs->path.special || !r->xs->path.depth)
        return -ENOENT;
    int rc = view_get(r, r->xs->path.depth - 1u, TXN_NEED_NODE, &parent);
    if (rc)
        return rc;
    if (!parent.perms)
        return -ENOENT;
    ack(r);
    return 0;
}

int op_rm(struct req *r)
{
    struct xs *xs = r->xs;
    struct view v;
    size_t len;
    int rc = arg_one(r, &len);
    if (!rc)
        rc = arg_path(r, r->data, len);
    if (rc)
        return rc;
    rc = view_need(r, PERM_WRITE, TXN_NEED_NODE, &v);
    if (rc == -ENOENT)
        return remove_absent(r);
    if (rc)
        return rc;
    if (!xs->path.depth)
        return -EINVAL;
    if (v.t) {
        rc = txn_remove(&xs->st, r->txn, v.t, &xs->path);
        if (!rc)
            ack(r);
        return rc;
    }
    ack(r);
    event_remove_subtree(xs, v.live);
    return 0;
}

/* --- permissions ----------------------------------------------------------------------------- */

/* Entries that name nobody alive are left out; a node given to nobody is domain 0's. */
static int read_perms(struct req *r, const char *s, size_t count, struct perms **out)
{
    struct xs *xs = r->xs;
    struct perm e[PERM_ENTRIES_MAX];
    uint32_t n = 0;
    if (!count)
        return -EINVAL;
    if (count > PERM_ENTRIES_MAX || !quota_allows(&xs->quota, r->c->dom, QUOTA_PERMS, count))
        return -ENOSPC;
    for (size_t i = 0; i < count; i++, s += strlen(s) + 1) {
        struct perm p;
        if (perm_parse(&p, s, strlen(s)))
            return -EINVAL;
        const struct dom *d = domain_for_perm(xs, p.id);
        if (!d && i)
            continue;
        p.id = d ? d->id : 0;
        p.life = xs->st.doms.life[p.id];
        e[n++] = p;
    }
    *out = perm_get(&xs->st.perms, e, n);
    return *out ? 0 : -ENOMEM;
}

static int set_special(struct req *r, int which, struct perms *perms)
{
    struct xs *xs = r->xs;
    if (!may(r, xs->special[which], PERM_OWNER))
        return -EACCES;
    perm_put(&xs->st.perms, xs->special[which]);
    xs->special[which] = perm_ref(perms);
    ack(r);
    rec_special(xs, (unsigned)which, perms);
    return 0;
}

static int set_node_perms(struct req *r, struct perms *perms)
{
    struct xs *xs = r->xs;
    struct view v;
    int rc = view_need(r, PERM_OWNER | PERM_WRITE, TXN_NEED_VALUE, &v);
    if (rc)
        return rc;
    /* Only domain 0 gives nodes away. */
    if (!dom_privileged(r->c->dom) &&
        (perms->e[0].id != v.perms->e[0].id || perms->e[0].life != v.perms->e[0].life))
        return -EPERM;
    const char *value;
    size_t value_len;
    rc = view_value(r, &v, &value, &value_len);
    if (!rc)
        rc = size_allowed(r, value_len, perms->n, perms->n * sizeof(struct perm));
    if (rc)
        return rc;
    ack(r);
    if (v.t) {
        txn_set_perms(&xs->st, r->txn, v.t, perms);
        return 0;
    }
    struct perms *old = perm_ref(v.live->perms);
    node_set_perms(&xs->st, v.live, perms);
    rec_set(xs, v.live);
    event_fire(xs, &xs->path, false, old, perms, v.live->parent ? v.live->parent->perms : NULL);
    perm_put(&xs->st.perms, old);
    return 0;
}

int op_set_perms(struct req *r)
{
    const char *path;
    struct perms *perms;
    size_t strings = arg_count(r);
    if (strings < 2 || arg_strings(r, &path, 1))
        return -EINVAL;
    size_t len = strlen(path);
    int rc = arg_path(r, path, len);
    if (rc)
        return rc;
    rc = read_perms(r, path + len + 1, strings - 1, &perms);
    if (rc)
        return rc;
    int special = special_index(&r->xs->path);
    rc = special >= 0 ? set_special(r, special, perms) : set_node_perms(r, perms);
    perm_put(&r->xs->st.perms, perms);
    return rc;
}
