/*
 * Transactions: a view of the store with private changes, which become everyone's in one step.
 *
 * Optimistic: nothing is locked. For each node that it touches a transaction remembers what it
 * relied on, and just that: that the node is there (or not) with these permissions, its value, or
 * its list of children. It fails with EAGAIN when one of those is no longer so at its end; what
 * others do elsewhere, also to siblings in the same directory, never makes it fail.
 *
 *   T1  a touched node that was not `shadowed` is checked at the end for all it `needs`
 *   T2  nothing outside the transaction changes before txn_commit() has all memory and quota
 *   T3  `made` is the number of touched nodes that are present and `fresh`
 */
#ifndef TXN_TXN_H
#define TXN_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/node.h"
#include "store/quota.h"

#define TXN_NEED_NODE  1u /* there or not, permissions */
#define TXN_NEED_VALUE 2u
#define TXN_NEED_LIST  4u

/* One node as the transaction sees it. */
struct tnode {
    struct tnode *hnext;
    struct list all; /* in order of first touch: parents before the children made below them */
    struct list kid; /* in the parent's kids, when made or removed here */
    struct list kids;
    struct tnode *parent;
    uint64_t hash;
    uint8_t needs;
    bool shadowed; /* already hidden by a removal here when first touched: relies on nothing */
    bool base_there;
    bool base_gone; /* the store's node and all below it are removed by this transaction */
    bool there;
    bool fresh;      /* made here */
    bool on_the_way; /* made only because a node below was: no event of its own */
    bool wrote_value;
    bool has_value; /* `value` holds what was read first or written last */
    bool wrote_perms;
    uint16_t depth;
    uint16_t len;
    uint64_t base_gen;
    uint64_t base_list_gen;
    struct perms *base_perms; /* NULL if not there */
    struct perms *perms;      /* NULL if not there */
    char *value;
    uint32_t value_len;
    struct node *prepared; /* txn_commit() only */
    char path[];
};

struct txn {
    struct list of_conn;
    struct list nodes;
    struct tnode **bucket;
    uint32_t buckets;
    uint32_t touched;
    uint32_t gone; /* nodes with base_gone */
    uint32_t made;
    uint64_t mem; /* charged to the owner */
    uint64_t changes;
    uint32_t id;
    char *log; /* its requests, to be made again after a kill; see wire/record.h */
    uint32_t log_len;
    uint32_t log_room;
    bool doomed;     /* must end in EAGAIN: what it relied on is not known any more */
    struct dom *dom; /* who pays */
    const struct quota *quota;
};

/* NULL: no memory. */
struct txn *txn_start(struct dom *dom, const struct quota *q, uint32_t id);

/* Forget the transaction, which may be whatever state it is in. */
void txn_free(struct store *st, struct txn *t);

/*
 * The node at the first `depth` components of p, with what the caller relies on.
 * 0, -ENOMEM or -ENOSPC (quota of touched nodes).
 */
int txn_touch(struct store *st, struct txn *t, const struct path *p, unsigned depth, unsigned needs,
              struct tnode **out) NODISCARD;

/* Permissions at the first `depth` components or NULL if not there; relies on nothing. */
struct perms *txn_peek(const struct store *st, const struct txn *t, const struct path *p,
                       unsigned depth);

/*
 * Value of a present node: n->value. What was read once stays so, whatever happens outside.
 * 0 or -ENOMEM.
 */
int txn_read(const struct store *st, struct txn *t, struct tnode *n) NODISCARD;

/* Each child, in order: calls `each` until it returns false. */
void txn_list(const struct store *st, const struct txn *t, const struct tnode *n,
              const struct path *p, bool (*each)(void *ctx, const char *name, size_t len),
              void *ctx);

/* 0 or -ENOMEM; -ENOSPC. The node is present. */
int txn_set_value(struct txn *t, struct tnode *n, const char *value, size_t len) NODISCARD;
void txn_set_perms(struct store *st, struct txn *t, struct tnode *n, struct perms *perms);

/*
 * Make the nodes of p that are missing below depth `from`. 0, -ENOMEM, -ENOSPC; on failure nothing
 * that a client can see has changed.
 */
int txn_create(struct store *st, struct txn *t, const struct path *p, unsigned from,
               struct perms *perms, const char *value, size_t len) NODISCARD;

/* Remove a present node and all below. 0 or -ENOMEM. */
int txn_remove(struct store *st, struct txn *t, struct tnode *n, const struct path *p) NODISCARD;

/* How many of the owner's nodes in the store the removals would free. Walks them. */
uint32_t txn_freed(const struct store *st, const struct txn *t);

/* What a commit changes, told while it does so. */
struct txn_sink {
    void *ctx;
    /* From here on the commit cannot fail. */
    void (*begin)(void *ctx);
    /* `n` and all below are about to be removed by the sink, which calls node_remove(). */
    void (*remove)(void *ctx, struct node *n);
    /*
     * `n` has been made (made), or its value or permissions set; old: permissions before.
     * quiet: made on the way to a node below.
     */
    void (*set)(void *ctx, struct node *n, struct perms *old, bool made, bool quiet);
};

/*
 * Remember a request of the transaction: bytes that only the caller understands. Without memory or
 * beyond the quota the log is dropped: a kill then dooms the transaction.
 */
void txn_log(struct txn *t, const void *a, size_t a_len, const void *b, size_t b_len);

/* Would txn_commit() find all it relied on unchanged? */
bool txn_valid(const struct store *st, const struct txn *t);

/*
 * 0; -EAGAIN: something it relied on has changed; -ENOSPC: the owner has too many nodes; -ENOMEM.
 * On failure the store has not changed. The caller still frees the transaction.
 */
int txn_commit(struct store *st, struct txn *t, const struct txn_sink *sink) NODISCARD;

/* Recompute T3 and the charge; NULL or what is wrong. */
const char *txn_audit(const struct txn *t);

#endif
