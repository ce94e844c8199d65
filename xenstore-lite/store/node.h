/*
 * The tree of nodes.
 *
 *   N1  every node but the root is in its parent's `children`, and in the hash table under the
 *       hash of its whole path
 *   N2  nchildren and list_bytes of a node are those of its `children`
 *   N3  every node is in `owned` of perm_owner(its perms), and counted there (D1, D2)
 *   N4  gen, list_gen <= store.gen; a change of value or permissions gives a new gen, a change of
 *       the set of children a new list_gen; no two changes ever get the same number
 *
 * Functions that can fail do so before they have changed anything. No walk is recursive.
 */
#ifndef STORE_NODE_H
#define STORE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/dom.h"
#include "store/path.h"
#include "store/perm.h"

struct node {
    struct node *hnext;
    uint64_t hash;
    struct node *parent;
    struct list siblings;
    struct list children; /* oldest first */
    struct list owned;
    uint64_t gen;
    uint64_t list_gen;
    struct perms *perms;
    char *value;
    uint32_t value_len;
    uint32_t value_room;
    uint32_t nchildren;
    uint32_t list_bytes; /* the children's names, a NUL after each */
    uint16_t depth;
    uint16_t name_len;
    char name[]; /* NUL at the end; empty for the root */
};

struct store {
    struct node *root;
    struct node **bucket;
    uint32_t buckets; /* power of two */
    uint32_t nodes;
    uint64_t gen;
    struct doms doms;
    struct perm_table perms;
};

/* A tree of a root that belongs to domain 0. 0 or -ENOMEM. */
int store_init(struct store *st) NODISCARD;

/* Free everything. */
void store_free(struct store *st);

/* The node at the first `depth` components of p, or NULL. */
struct node *node_find(const struct store *st, const struct path *p, unsigned depth);

/* The node at a path given as text (no slash at its end, "" for the root) with its hash, or NULL.
 */
struct node *node_at(const struct store *st, uint64_t hash, const char *text, size_t len);

/* The child with this name, or NULL. */
struct node *node_child(const struct store *st, const struct node *n, const char *name, size_t len);

/* The longest existing prefix of p; its depth is in the node. Never NULL. */
struct node *node_nearest(const struct store *st, const struct path *p);

/*
 * Make the missing nodes of p (below `from`, the nearest existing one), each with the permissions
 * `perms`, the last with the value. Returns the last, or NULL: no memory, nothing has changed.
 */
struct node *node_create(struct store *st, const struct path *p, struct node *from,
                         struct perms *perms, const char *value, size_t len);

/*
 * The same in two steps, for changes that must not fail half-way: a node outside the tree, which
 * node_join() puts below `parent` (cannot fail) or node_drop() frees. NULL: no memory.
 */
struct node *node_make(const char *name, size_t name_len, struct perms *perms, const char *value,
                       size_t len);
void node_join(struct store *st, struct node *n, struct node *parent, uint64_t hash);
void node_drop(struct store *st, struct node *n);

/* Make sure that node_set_value() with `len` bytes will not fail. 0 or -ENOMEM. */
int node_reserve(struct node *n, size_t len) NODISCARD;

/* 0 or -ENOMEM. */
int node_set_value(struct store *st, struct node *n, const char *value, size_t len) NODISCARD;

/* Takes a reference of its own. Cannot fail. */
void node_set_perms(struct store *st, struct node *n, struct perms *perms);

/*
 * Remove a node (not the root) and all below it. `gone` is called for each, parents first, while
 * all of them are still there; then they are freed.
 */
void node_remove(struct store *st, struct node *n,
                 void (*gone)(void *ctx, const struct node *n, bool top), void *ctx);

/* The next node in a walk through the subtree of `top`, parents first; NULL: that was the last. */
struct node *node_next(const struct node *top, struct node *n);

/* The whole path of a node. */
void node_path(const struct node *n, struct path *p);

/* Memory that this node is charged with. */
size_t node_cost(size_t name_len, size_t value_len, uint32_t perms);

/* Recompute N1..N4, D1, D2 (the share of nodes) from first principles; NULL or what is wrong. */
const char *store_audit(const struct store *st);

#endif
