/*
 * The end of a transaction: check all it relied on, get all that can fail, then change the store.
 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "txn/txn_private.h"

/* The store's node where a touched node is, whatever the transaction did to it. */
static struct node *live_node(const struct store *st, const struct tnode *n)
{
    return node_at(st, n->hash, n->path, n->len);
}

static bool still_so(const struct store *st, const struct tnode *n)
{
    if (n->shadowed)
        return true;
    const struct node *live = live_node(st, n);
    if ((live != NULL) != n->base_there)
        return false;
    if (!live)
        return true;
    if (live->perms != n->base_perms)
        return false;
    if (n->needs & TXN_NEED_VALUE && live->gen != n->base_gen)
        return false;
    return !(n->needs & TXN_NEED_LIST) || live->list_gen == n->base_list_gen;
}

/* Nested removals are counted once. */
uint32_t txn_freed(const struct store *st, const struct txn *t)
{
    uint32_t freed = 0;
    list_for_each (it, &t->nodes) {
        const struct tnode *n = list_entry(it, struct tnode, all);
        if (!n->base_gone)
            continue;
        struct node *top = live_node(st, n);
        bool nested = false;
        list_for_each (jt, &t->nodes) {
            const struct tnode *o = list_entry(jt, struct tnode, all);
            nested |= o->base_gone && o->len < n->len && n->path[o->len] == '/' &&
                      memcmp(n->path, o->path, o->len) == 0;
        }
        if (nested)
            continue;
        for (struct node *m = top; m; m = node_next(top, m))
            freed += perm_owner(&st->doms, m->perms) == t->dom;
    }
    return freed;
}

static const char *last_name(const struct tnode *n, size_t *len)
{
    const char *slash = memrchr(n->path, '/', n->len);
    *len = (size_t)(n->path + n->len - slash - 1);
    return slash + 1;
}

static bool is_new(const struct tnode *n)
{
    return n->there && n->fresh;
}

static int prepare(struct store *st, struct txn *t)
{
    list_for_each (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        if (is_new(n)) {
            size_t len;
            const char *name = last_name(n, &len);
            n->prepared = node_make(name, len, n->perms, n->value, n->value_len);
            if (!n->prepared)
                return -ENOMEM;
        } else if (n->there && n->wrote_value) {
            int rc = node_reserve(live_node(st, n), n->value_len);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static void unprepare(struct store *st, struct txn *t)
{
    list_for_each (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        if (n->prepared)
            node_drop(st, n->prepared);
        n->prepared = NULL;
    }
}

static void apply(struct store *st, struct txn *t, const struct txn_sink *sink)
{
    list_for_each (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        struct node *live = n->base_gone ? live_node(st, n) : NULL;
        if (live) /* NULL also when it went with a removed ancestor */
            sink->remove(sink->ctx, live);
    }
    list_for_each (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        if (is_new(n)) {
            struct node *m = n->prepared;
            n->prepared = NULL;
            node_join(st, m, live_node(st, n->parent), n->hash);
            sink->set(sink->ctx, m, NULL, true, n->on_the_way);
        } else if (n->there && (n->wrote_value || n->wrote_perms)) {
            struct node *m = live_node(st, n);
            struct perms *old = perm_ref(m->perms);
            if (n->wrote_value && node_set_value(st, m, n->value, n->value_len))
                __builtin_unreachable(); /* prepare() has reserved the room */
            if (n->wrote_perms)
                node_set_perms(st, m, n->perms);
            sink->set(sink->ctx, m, old, false, false);
            perm_put(&st->perms, old);
        }
    }
}

bool txn_valid(const struct store *st, const struct txn *t)
{
    if (t->doomed)
        return false;
    list_for_each (it, &t->nodes)
        if (!still_so(st, list_entry(it, struct tnode, all)))
            return false;
    return true;
}

int txn_commit(struct store *st, struct txn *t, const struct txn_sink *sink)
{
    if (t->doomed)
        return -EAGAIN;
    list_for_each (it, &t->nodes)
        if (!still_so(st, list_entry(it, struct tnode, all)))
            return -EAGAIN;
    if (!dom_privileged(t->dom) && t->made) {
        uint64_t nodes = (uint64_t)t->dom->nodes + t->made - txn_freed(st, t);
        if (!quota_allows(t->quota, t->dom, QUOTA_NODES, nodes))
            return -ENOSPC;
    }
    int rc = prepare(st, t);
    if (rc) {
        unprepare(st, t);
        return rc;
    }
    sink->begin(sink->ctx);
    apply(st, t, sink);
    return 0;
}
