/*
 * The tree of nodes: one hash table over whole paths, one list of children per node.
 */
#include "store/node.h"

#include <errno.h>
#include <string.h>

#include "store/mem.h"

static size_t slot(const struct store *st, uint64_t hash)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (st->buckets - 1);
}

/* --- the table ------------------------------------------------------------------------------- */

static void table_grow(struct store *st)
{
    uint32_t old = st->buckets;
    struct node **was = st->bucket;
    struct node **now = mem_get(sizeof(struct node *) * old * 2);
    if (!now)
        return; /* longer chains are slower, not wrong */
    st->bucket = now;
    st->buckets = old * 2;
    for (uint32_t i = 0; i < old; i++)
        for (struct node *n = was[i], *next; n; n = next) {
            next = n->hnext;
            n->hnext = now[slot(st, n->hash)];
            now[slot(st, n->hash)] = n;
        }
    mem_put(was);
}

static void table_insert(struct store *st, struct node *n)
{
    if (st->nodes >= st->buckets)
        table_grow(st);
    struct node **b = &st->bucket[slot(st, n->hash)];
    n->hnext = *b;
    *b = n;
    st->nodes++;
}

static void table_remove(struct store *st, struct node *n)
{
    struct node **at = &st->bucket[slot(st, n->hash)];
    while (*at != n)
        at = &(*at)->hnext;
    *at = n->hnext;
    st->nodes--;
}

static bool is_at(const struct node *n, const struct path *p, unsigned depth)
{
    for (; depth; depth--, n = n->parent) {
        size_t len;
        const char *name = path_name(p, depth, &len);
        if (n->name_len != len || memcmp(n->name, name, len) != 0)
            return false;
    }
    return true;
}

struct node *node_find(const struct store *st, const struct path *p, unsigned depth)
{
    uint64_t hash = p->hash[depth];
    for (struct node *n = st->bucket[slot(st, hash)]; n; n = n->hnext)
        if (n->hash == hash && n->depth == depth && is_at(n, p, depth))
            return n;
    return NULL;
}

static bool has_path(const struct node *n, const char *text, size_t len)
{
    for (; len > n->name_len && n->depth; n = n->parent) {
        len -= n->name_len + 1u;
        if (text[len] != '/' || memcmp(text + len + 1, n->name, n->name_len) != 0)
            return false;
    }
    return len == 0 && n->depth == 0;
}

struct node *node_at(const struct store *st, uint64_t hash, const char *text, size_t len)
{
    for (struct node *n = st->bucket[slot(st, hash)]; n; n = n->hnext)
        if (n->hash == hash && has_path(n, text, len))
            return n;
    return NULL;
}

struct node *node_child(const struct store *st, const struct node *up, const char *name, size_t len)
{
    uint64_t hash = path_hash_child(up->hash, name, len);
    for (struct node *n = st->bucket[slot(st, hash)]; n; n = n->hnext)
        if (n->hash == hash && n->parent == up && n->name_len == len &&
            memcmp(n->name, name, len) == 0)
            return n;
    return NULL;
}

struct node *node_nearest(const struct store *st, const struct path *p)
{
    for (unsigned depth = p->depth; depth; depth--) {
        struct node *n = node_find(st, p, depth);
        if (n)
            return n;
    }
    return st->root;
}

/* --- accounting ------------------------------------------------------------------------------ */

size_t node_cost(size_t name_len, size_t value_len, uint32_t perms)
{
    return sizeof(struct node) + name_len + value_len + perms * sizeof(struct perm);
}

static int64_t cost_of(const struct node *n)
{
    return (int64_t)node_cost(n->name_len, n->value_len, n->perms->n);
}

static void account(struct store *st, struct node *n)
{
    struct dom *d = perm_owner(&st->doms, n->perms);
    list_push_back(&d->owned, &n->owned);
    d->nodes++;
    dom_charge(d, cost_of(n));
}

static void unaccount(struct store *st, struct node *n)
{
    struct dom *d = perm_owner(&st->doms, n->perms);
    list_remove(&n->owned);
    d->nodes--;
    dom_charge(d, -cost_of(n));
}

/* --- changes --------------------------------------------------------------------------------- */

static struct node *alloc_node(const char *name, size_t name_len, struct perms *perms)
{
    struct node *n = mem_get(sizeof(*n) + name_len + 1);
    if (!n)
        return NULL;
    n->perms = perm_ref(perms);
    n->name_len = (uint16_t)name_len;
    memcpy(n->name, name, name_len);
    list_init(&n->siblings);
    list_init(&n->children);
    list_init(&n->owned);
    return n;
}

void node_drop(struct store *st, struct node *n)
{
    perm_put(&st->perms, n->perms);
    mem_put(n->value);
    mem_put(n);
}

int node_reserve(struct node *n, size_t len)
{
    /* A value that shrank much gives memory back: its owner is charged for its length only. */
    if (len <= n->value_room && len + 64 >= n->value_room / 2)
        return 0;
    if (len == 0)
        len = 1;
    char *v = mem_grow(n->value, len);
    if (!v)
        return -ENOMEM;
    n->value = v;
    n->value_room = (uint32_t)len;
    return 0;
}

static void put_value(struct node *n, const char *value, size_t len)
{
    if (len)
        memcpy(n->value, value, len);
    n->value_len = (uint32_t)len;
}

void node_join(struct store *st, struct node *n, struct node *parent, uint64_t hash)
{
    n->parent = parent;
    n->depth = (uint16_t)(parent->depth + 1);
    n->hash = hash;
    n->gen = n->list_gen = parent->list_gen = ++st->gen;
    list_push_back(&parent->children, &n->siblings);
    parent->nchildren++;
    parent->list_bytes += n->name_len + 1u;
    table_insert(st, n);
    account(st, n);
}

struct node *node_make(const char *name, size_t name_len, struct perms *perms, const char *value,
                       size_t len)
{
    struct node *n = alloc_node(name, name_len, perms);
    if (n && node_reserve(n, len)) {
        perms->refs--; /* not the last: the caller has one */
        mem_put(n);
        return NULL;
    }
    if (n)
        put_value(n, value, len);
    return n;
}

struct node *node_create(struct store *st, const struct path *p, struct node *from,
                         struct perms *perms, const char *value, size_t len)
{
    /* First all memory, as a chain by hnext from the top down; then joining cannot fail. */
    struct node *chain = NULL;
    for (unsigned i = p->depth; i > from->depth; i--) {
        size_t name_len;
        const char *name = path_name(p, i, &name_len);
        bool last = i == p->depth;
        struct node *n = node_make(name, name_len, perms, last ? value : NULL, last ? len : 0);
        if (!n) {
            while ((n = chain)) {
                chain = n->hnext;
                node_drop(st, n);
            }
            return NULL;
        }
        n->hnext = chain;
        chain = n;
    }
    while (chain) {
        struct node *n = chain;
        chain = n->hnext;
        node_join(st, n, from, p->hash[from->depth + 1]);
        from = n;
    }
    return from;
}

int node_set_value(struct store *st, struct node *n, const char *value, size_t len)
{
    int rc = node_reserve(n, len);
    if (rc)
        return rc;
    dom_charge(perm_owner(&st->doms, n->perms), (int64_t)len - (int64_t)n->value_len);
    put_value(n, value, len);
    n->gen = ++st->gen;
    return 0;
}

void node_set_perms(struct store *st, struct node *n, struct perms *perms)
{
    struct perms *old = n->perms;
    unaccount(st, n);
    n->perms = perm_ref(perms);
    account(st, n);
    perm_put(&st->perms, old);
    n->gen = ++st->gen;
}

struct node *node_next(const struct node *top, struct node *n)
{
    if (!list_empty(&n->children))
        return list_entry(n->children.next, struct node, siblings);
    while (n != top) {
        struct node *up = n->parent;
        if (n->siblings.next != &up->children)
            return list_entry(n->siblings.next, struct node, siblings);
        n = up;
    }
    return NULL;
}

static struct node *deepest_first(struct node *n)
{
    while (!list_empty(&n->children))
        n = list_entry(n->children.next, struct node, siblings);
    return n;
}

void node_remove(struct store *st, struct node *top,
                 void (*gone)(void *ctx, const struct node *n, bool top), void *ctx)
{
    if (gone)
        for (struct node *n = top; n; n = node_next(top, n))
            gone(ctx, n, n == top);
    struct node *parent = top->parent;
    parent->list_gen = ++st->gen;
    for (;;) {
        struct node *n = deepest_first(top);
        struct node *up = n->parent;
        bool last = n == top;
        list_remove(&n->siblings);
        up->nchildren--;
        up->list_bytes -= n->name_len + 1u;
        unaccount(st, n);
        table_remove(st, n);
        node_drop(st, n);
        if (last)
            return;
    }
}

void node_path(const struct node *n, struct path *p)
{
    unsigned depth = n->depth;
    p->depth = n->depth;
    p->home = 0;
    p->special = false;
    p->end[0] = 0;
    for (const struct node *m = n; m->depth; m = m->parent)
        p->end[m->depth] = (uint16_t)(m->name_len + 1u);
    for (unsigned i = 1; i <= depth; i++)
        p->end[i] = (uint16_t)(p->end[i] + p->end[i - 1]);
    for (const struct node *m = n;; m = m->parent) {
        p->hash[m->depth] = m->hash;
        if (!m->depth)
            break;
        char *to = p->text + p->end[m->depth - 1];
        to[0] = '/';
        memcpy(to + 1, m->name, m->name_len);
    }
    p->len = p->end[depth];
    if (!depth) {
        p->text[0] = '/';
        p->len = 1;
    }
    p->text[p->len] = 0;
}

/* --- life and audit -------------------------------------------------------------------------- */

int store_init(struct store *st)
{
    memset(st, 0, sizeof(*st));
    st->buckets = 1024;
    st->bucket = mem_get(sizeof(struct node *) * st->buckets);
    struct perm owner = {.id = 0, .mode = 0};
    struct perms *perms = perm_get(&st->perms, &owner, 1);
    if (!st->bucket || !perms || doms_init(&st->doms))
        return -ENOMEM;
    st->root = alloc_node("", 0, perms);
    perm_put(&st->perms, perms);
    if (!st->root)
        return -ENOMEM;
    st->root->hash = 1;
    st->root->gen = st->root->list_gen = ++st->gen;
    table_insert(st, st->root);
    account(st, st->root);
    return 0;
}

void store_free(struct store *st)
{
    while (st->root && !list_empty(&st->root->children))
        node_remove(st, list_entry(st->root->children.next, struct node, siblings), NULL, NULL);
    if (st->root) {
        unaccount(st, st->root);
        node_drop(st, st->root);
    }
    mem_put(st->bucket);
    list_for_each_safe (it, &st->doms.all)
        mem_put(list_entry(it, struct dom, all));
}

static const char *audit_node(const struct store *st, const struct node *n)
{
    uint32_t count = 0, bytes = 0;
    list_for_each (it, &n->children) {
        const struct node *c = list_entry(it, struct node, siblings);
        if (c->parent != n || c->depth != n->depth + 1)
            return "N1: a child does not know its parent";
        count++;
        bytes += c->name_len + 1u;
    }
    if (count != n->nchildren || bytes != n->list_bytes)
        return "N2: wrong count of children";
    if (n->gen > st->gen || n->list_gen > st->gen)
        return "N4: generation from the future";
    if (n->parent && node_child(st, n->parent, n->name, n->name_len) != n)
        return "N1: not in the hash table";
    return NULL;
}

static const char *audit_dom(const struct store *st, const struct dom *d, uint32_t *owned)
{
    uint64_t mem = 0;
    uint32_t nodes = 0;
    list_for_each (it, &d->owned) {
        const struct node *n = list_entry(it, struct node, owned);
        if (perm_owner(&st->doms, n->perms) != d)
            return "N3: in the wrong owner's list";
        nodes++;
        mem += (uint64_t)cost_of(n);
    }
    *owned += nodes;
    if (nodes != d->nodes)
        return "D1: wrong count of nodes";
    return mem > d->mem ? "D2: charged less than its nodes" : NULL;
}

const char *store_audit(const struct store *st)
{
    uint32_t nodes = 0, owned = 0;
    for (struct node *n = st->root; n; n = node_next(st->root, n)) {
        const char *wrong = audit_node(st, n);
        if (wrong)
            return wrong;
        nodes++;
    }
    list_for_each (it, &st->doms.all) {
        const char *wrong = audit_dom(st, list_entry(it, struct dom, all), &owned);
        if (wrong)
            return wrong;
    }
    if (nodes != st->nodes || nodes != owned)
        return "N1, N3: nodes in tree, table and owners' lists differ in number";
    return NULL;
}
