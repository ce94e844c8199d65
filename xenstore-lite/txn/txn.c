/*
 * A transaction's private view: touched nodes in a small hash table, laid over the store.
 */
#include "txn/txn.h"

#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "txn/txn_private.h"

struct txn *txn_start(struct dom *dom, const struct quota *q, uint32_t id)
{
    struct txn *t = mem_get(sizeof(*t));
    if (!t)
        return NULL;
    list_init(&t->of_conn);
    list_init(&t->nodes);
    t->id = id;
    t->dom = dom;
    t->quota = q;
    return t;
}

void txn_charge(struct txn *t, int64_t bytes)
{
    t->mem += (uint64_t)bytes;
    dom_charge(t->dom, bytes);
}

void txn_free(struct store *st, struct txn *t)
{
    list_for_each_safe (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        if (n->base_perms)
            perm_put(&st->perms, n->base_perms);
        if (n->perms)
            perm_put(&st->perms, n->perms);
        mem_put(n->value);
        mem_put(n);
    }
    dom_charge(t->dom, -(int64_t)t->mem);
    mem_put(t->log);
    mem_put(t->bucket);
    mem_put(t);
}

/* --- the overlay's table --------------------------------------------------------------------- */

static size_t slot(const struct txn *t, uint64_t hash)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->buckets - 1);
}

struct tnode *txn_find(const struct txn *t, const struct path *p, unsigned depth)
{
    if (!t->buckets)
        return NULL;
    uint64_t hash = p->hash[depth];
    size_t len = p->end[depth];
    for (struct tnode *n = t->bucket[slot(t, hash)]; n; n = n->hnext)
        if (n->hash == hash && n->len == len && memcmp(n->path, p->text, len) == 0)
            return n;
    return NULL;
}

static int table_room(struct txn *t)
{
    if (t->touched < t->buckets)
        return 0;
    uint32_t buckets = t->buckets ? t->buckets * 4 : 16;
    struct tnode **now = mem_get(sizeof(struct tnode *) * buckets);
    if (!now)
        return -ENOMEM;
    mem_put(t->bucket);
    t->bucket = now;
    t->buckets = buckets;
    list_for_each (it, &t->nodes) {
        struct tnode *n = list_entry(it, struct tnode, all);
        n->hnext = now[slot(t, n->hash)];
        now[slot(t, n->hash)] = n;
    }
    return 0;
}

/* Is the store's node at this depth hidden because an ancestor was removed here? */
static bool hidden(const struct txn *t, const struct path *p, unsigned depth)
{
    if (!t->gone)
        return false;
    while (depth--) {
        const struct tnode *up = txn_find(t, p, depth);
        if (up && (up->base_gone || up->shadowed))
            return true;
    }
    return false;
}

static void read_base(struct store *st, struct txn *t, struct tnode *n, const struct path *p,
                      unsigned depth)
{
    n->shadowed = hidden(t, p, depth);
    struct node *live = n->shadowed ? NULL : node_find(st, p, depth);
    if (!live)
        return;
    n->base_there = n->there = true;
    n->base_gen = live->gen;
    n->base_list_gen = live->list_gen;
    n->base_perms = perm_ref(live->perms);
    n->perms = perm_ref(live->perms);
}

int txn_touch(struct store *st, struct txn *t, const struct path *p, unsigned depth, unsigned needs,
              struct tnode **out)
{
    struct tnode *n = txn_find(t, p, depth);
    if (!n) {
        if (!quota_allows(t->quota, t->dom, QUOTA_TXN_NODES, t->touched + 1u))
            return -ENOSPC;
        if (table_room(t))
            return -ENOMEM;
        size_t len = p->end[depth];
        n = mem_get(sizeof(*n) + len + 1);
        if (!n)
            return -ENOMEM;
        n->hash = p->hash[depth];
        n->depth = (uint16_t)depth;
        n->len = (uint16_t)len;
        memcpy(n->path, p->text, len);
        list_init(&n->kid);
        list_init(&n->kids);
        read_base(st, t, n, p, depth);
        n->hnext = t->bucket[slot(t, n->hash)];
        t->bucket[slot(t, n->hash)] = n;
        list_push_back(&t->nodes, &n->all);
        t->touched++;
        txn_charge(t, (int64_t)(sizeof(*n) + len));
    }
    n->needs |= (uint8_t)(needs | TXN_NEED_NODE);
    *out = n;
    return 0;
}

/* --- looking --------------------------------------------------------------------------------- */

struct perms *txn_peek(const struct store *st, const struct txn *t, const struct path *p,
                       unsigned depth)
{
    const struct tnode *n = txn_find(t, p, depth);
    if (n)
        return n->perms;
    const struct node *live = hidden(t, p, depth) ? NULL : node_find(st, p, depth);
    return live ? live->perms : NULL;
}

static int keep_value(struct txn *t, struct tnode *n, const char *value, size_t len)
{
    char *copy = mem_get(len + 1);
    if (!copy)
        return -ENOMEM;
    if (len)
        memcpy(copy, value, len);
    mem_put(n->value);
    txn_charge(t, (int64_t)len - (int64_t)n->value_len);
    n->value = copy;
    n->value_len = (uint32_t)len;
    n->has_value = true;
    return 0;
}

int txn_read(const struct store *st, struct txn *t, struct tnode *n)
{
    if (n->has_value)
        return 0;
    const struct node *live = node_at(st, n->hash, n->path, n->len);
    /* Gone meanwhile: then this transaction will not succeed anyhow. */
    return keep_value(t, n, live ? live->value : NULL, live ? live->value_len : 0);
}

static bool changed_kid(const struct txn *t, const struct tnode *n, const char *name, size_t len)
{
    if (list_empty(&n->kids))
        return false;
    uint64_t hash = path_hash_child(n->hash, name, len);
    for (const struct tnode *k = t->bucket[slot(t, hash)]; k; k = k->hnext)
        if (k->hash == hash && k->parent == n && k->len == n->len + 1u + len &&
            memcmp(k->path + n->len + 1, name, len) == 0)
            return !list_empty(&k->kid);
    return false;
}

void txn_list(const struct store *st, const struct txn *t, const struct tnode *n,
              const struct path *p, bool (*each)(void *ctx, const char *name, size_t len),
              void *ctx)
{
    const struct node *live = n->fresh || n->base_gone ? NULL : node_find(st, p, n->depth);
    if (live)
        list_for_each (it, &live->children) {
            const struct node *c = list_entry(it, struct node, siblings);
            if (changed_kid(t, n, c->name, c->name_len))
                continue;
            if (!each(ctx, c->name, c->name_len))
                return;
        }
    list_for_each (it, &n->kids) {
        const struct tnode *k = list_entry(it, struct tnode, kid);
        size_t start = n->len + 1u;
        if (k->there && !each(ctx, k->path + start, k->len - start))
            return;
    }
}

/* --- changing -------------------------------------------------------------------------------- */

int txn_set_value(struct txn *t, struct tnode *n, const char *value, size_t len)
{
    int rc = keep_value(t, n, value, len);
    if (rc)
        return rc;
    n->wrote_value = true;
    n->on_the_way = false;
    n->needs |= TXN_NEED_VALUE;
    t->changes++;
    return 0;
}

void txn_set_perms(struct store *st, struct txn *t, struct tnode *n, struct perms *perms)
{
    perm_put(&st->perms, n->perms);
    n->perms = perm_ref(perms);
    n->wrote_perms = true;
    n->on_the_way = false;
    n->needs |= TXN_NEED_VALUE;
    t->changes++;
}

static void appear(struct txn *t, struct tnode *n, struct tnode *parent, struct perms *perms)
{
    n->there = n->fresh = n->has_value = n->wrote_value = n->wrote_perms = true;
    n->perms = perm_ref(perms);
    n->parent = parent;
    /* Re-queued behind its parent's last touch: a node that is made again may precede it. */
    list_remove(&n->all);
    list_push_back(&t->nodes, &n->all);
    list_remove(&n->kid);
    list_push_back(&parent->kids, &n->kid);
    t->made++;
    t->changes++;
}

static void vanish(struct store *st, struct txn *t, struct tnode *n)
{
    if (!n->there)
        return;
    if (n->fresh)
        t->made--;
    n->there = n->fresh = n->has_value = n->wrote_value = n->wrote_perms = false;
    perm_put(&st->perms, n->perms);
    n->perms = NULL;
    txn_charge(t, -(int64_t)n->value_len);
    mem_put(n->value);
    n->value = NULL;
    n->value_len = 0;
}

int txn_create(struct store *st, struct txn *t, const struct path *p, unsigned from,
               struct perms *perms, const char *value, size_t len)
{
    struct tnode *up, *n;
    for (unsigned i = from; i <= p->depth; i++) {
        int rc = txn_touch(st, t, p, i, TXN_NEED_NODE, &n);
        if (rc)
            return rc;
    }
    char *copy = mem_get(len + 1);
    if (!copy)
        return -ENOMEM;
    if (len)
        memcpy(copy, value, len);
    up = txn_find(t, p, from);
    for (unsigned i = from + 1; i <= p->depth; i++, up = n) {
        n = txn_find(t, p, i);
        appear(t, n, up, perms);
        n->on_the_way = i < p->depth;
    }
    n->value = copy;
    n->value_len = (uint32_t)len;
    txn_charge(t, (int64_t)len);
    return 0;
}

static bool below(const struct tnode *n, const struct tnode *top)
{
    return n->len > top->len && n->path[top->len] == '/' &&
           memcmp(n->path, top->path, top->len) == 0;
}

int txn_remove(struct store *st, struct txn *t, struct tnode *n, const struct path *p)
{
    struct tnode *parent;
    int rc = txn_touch(st, t, p, n->depth - 1u, TXN_NEED_NODE, &parent);
    if (rc)
        return rc;
    if (n->base_there && !n->base_gone) {
        n->base_gone = true;
        t->gone++;
    }
    vanish(st, t, n);
    list_for_each (it, &t->nodes) {
        struct tnode *k = list_entry(it, struct tnode, all);
        if (below(k, n)) {
            vanish(st, t, k);
            list_remove(&k->kid);
        }
    }
    list_remove(&n->kid);
    list_push_back(&parent->kids, &n->kid);
    n->parent = parent;
    t->changes++;
    return 0;
}

void txn_log(struct txn *t, const void *a, size_t a_len, const void *b, size_t b_len)
{
    uint64_t len = (uint64_t)t->log_len + a_len + b_len;
    if (t->log_len == UINT32_MAX)
        return;
    bool fits = len < UINT32_MAX / 4 &&
                quota_allows(t->quota, t->dom, QUOTA_MEMORY, t->dom->mem + a_len + b_len);
    if (fits && len > t->log_room) {
        char *log = mem_grow(t->log, (size_t)len * 2);
        fits = log != NULL;
        if (log) {
            t->log = log;
            t->log_room = (uint32_t)len * 2;
        }
    }
    if (!fits) {
        txn_charge(t, -(int64_t)t->log_len);
        mem_put(t->log);
        t->log = NULL;
        t->log_room = 0;
        t->log_len = UINT32_MAX; /* from now on: no log */
        return;
    }
    memcpy(t->log + t->log_len, a, a_len);
    if (b_len)
        memcpy(t->log + t->log_len + a_len, b, b_len);
    t->log_len = (uint32_t)len;
    txn_charge(t, (int64_t)(a_len + b_len));
}

const char *txn_audit(const struct txn *t)
{
    uint32_t made = 0, touched = 0, gone = 0;
    uint64_t mem = 0;
    list_for_each (it, &t->nodes) {
        const struct tnode *n = list_entry(it, struct tnode, all);
        touched++;
        made += n->there && n->fresh;
        gone += n->base_gone;
        mem += sizeof(*n) + n->len + n->value_len;
        if (n->there != (n->perms != NULL))
            return "T: presence and permissions differ";
    }
    if (made != t->made || touched != t->touched || gone != t->gone)
        return "T3: wrong counts";
    mem += t->log_len == UINT32_MAX ? 0 : t->log_len;
    return mem == t->mem ? NULL : "T: wrong charge";
}
