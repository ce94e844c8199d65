/*
 * Requests that change nothing: value, children, permissions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/ops_private.h"

static int look(struct req *r, unsigned needs, struct view *v)
{
    size_t len;
    int rc = arg_one(r, &len);
    if (!rc)
        rc = arg_path(r, r->data, len);
    return rc ? rc : view_need(r, PERM_READ, needs, v);
}

int op_read(struct req *r)
{
    struct view v;
    const char *value;
    size_t len;
    int rc = look(r, TXN_NEED_VALUE, &v);
    if (!rc)
        rc = view_value(r, &v, &value, &len);
    if (rc)
        return rc;
    reply(r, value, len);
    return 0;
}

/* Writes names into a window [skip, skip + room) of the whole list of children. */
struct listing {
    char *to;
    size_t room;
    size_t used;
    size_t skip;
    size_t seen; /* bytes of the list so far */
    bool cut;    /* something did not fit */
};

static bool list_name(void *ctx, const char *name, size_t len)
{
    struct listing *l = ctx;
    size_t at = l->seen;
    l->seen += len + 1;
    if (at < l->skip)
        return true;
    if (l->used + len + 1 > l->room) {
        l->cut = true;
        return false;
    }
    memcpy(l->to + l->used, name, len);
    l->to[l->used + len] = 0;
    l->used += len + 1;
    return true;
}

static void list_children(struct req *r, const struct view *v, struct listing *l)
{
    if (v->t) {
        txn_list(&r->xs->st, r->txn, v->t, &r->xs->path, list_name, l);
        return;
    }
    list_for_each (it, &v->live->children) {
        const struct node *c = list_entry(it, struct node, siblings);
        if (!list_name(l, c->name, c->name_len))
            return;
    }
}

int op_directory(struct req *r)
{
    struct view v;
    int rc = look(r, TXN_NEED_LIST, &v);
    if (rc)
        return rc;
    struct listing l = {.to = r->xs->reply, .room = XENSTORE_PAYLOAD_MAX};
    if (v.live && v.live->list_bytes > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    list_children(r, &v, &l);
    if (l.cut)
        return -E2BIG;
    reply(r, r->xs->reply, l.used);
    return 0;
}

/* A number that changes with the list, so that the client can tell parts of two lists apart. */
static unsigned long long list_generation(const struct req *r, const struct view *v)
{
    return v->t ? v->t->base_list_gen + r->txn->changes : v->live->list_gen;
}

int op_directory_part(struct req *r)
{
    const char *arg[2];
    uint64_t skip;
    struct view v;
    if (arg_count(r) != 2 || arg_strings(r, arg, 2) || arg_number(arg[1], UINT32_MAX, &skip))
        return -EINVAL;
    int rc = arg_path(r, arg[0], strlen(arg[0]));
    if (!rc)
        rc = view_need(r, PERM_READ, TXN_NEED_LIST, &v);
    if (rc)
        return rc;
    char *to = r->xs->reply;
    size_t head = (size_t)snprintf(to, 24, "%llu", list_generation(r, &v)) + 1;
    /* One byte stays free for the empty name that ends the last part. */
    struct listing l = {
        .to = to + head, .room = XENSTORE_PAYLOAD_MAX - head - 1, .skip = (size_t)skip};
    list_children(r, &v, &l);
    size_t used = head + l.used;
    if (!l.cut)
        to[used++] = 0;
    reply(r, to, used);
    return 0;
}

static int reply_perms(struct req *r, const struct perms *p)
{
    const struct doms *ds = &r->xs->st.doms;
    char *to = r->xs->reply;
    size_t used = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct perm e = p->e[i];
        if (!dom_current(ds, e.id, e.life)) {
            if (i)
                continue; /* the entry of a dead domain */
            e.id = 0;
        }
        if (used + PERM_TEXT > XENSTORE_PAYLOAD_MAX)
            return -E2BIG;
        used += perm_print(to + used, &e);
    }
    reply(r, to, used);
    return 0;
}

int special_index(const struct path *p)
{
    if (!p->special)
        return -1;
    if (strcmp(p->text, "@introduceDomain") == 0)
        return SPECIAL_INTRODUCE;
    return strcmp(p->text, "@releaseDomain") == 0 ? SPECIAL_RELEASE : -1;
}

int op_get_perms(struct req *r)
{
    struct view v;
    size_t len;
    int rc = arg_one(r, &len);
    if (!rc)
        rc = arg_path(r, r->data, len);
    if (rc)
        return rc;
    int special = special_index(&r->xs->path);
    if (special >= 0) {
        const struct perms *p = r->xs->special[special];
        return may(r, p, PERM_READ) ? reply_perms(r, p) : -EACCES;
    }
    rc = view_need(r, PERM_READ, TXN_NEED_VALUE, &v);
    return rc ? rc : reply_perms(r, v.perms);
}

int op_domain_path(struct req *r)
{
    unsigned id;
    size_t len;
    char text[32];
    if (arg_one(r, &len) || arg_domid(r->data, &id))
        return -EINVAL;
    int n = snprintf(text, sizeof(text), "/local/domain/%u", id);
    reply(r, text, (size_t)n + 1);
    return 0;
}

int op_is_introduced(struct req *r)
{
    unsigned id;
    size_t len;
    if (arg_one(r, &len) || arg_domid(r->data, &id))
        return -EINVAL;
    const struct dom *d = dom_find(&r->xs->st.doms, id);
    reply(r, d && (d->introduced || d->id == 0) ? "T" : "F", 2);
    return 0;
}
