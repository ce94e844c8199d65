/*
 * Requests about the connection itself: watches and transactions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/ops_private.h"

/* --- watches --------------------------------------------------------------------------------- */

static int watch_args(struct req *r, const char **token)
{
    const char *arg[2];
    if (arg_count(r) != 2 || arg_strings(r, arg, 2))
        return -EINVAL;
    *token = arg[1];
    return arg_path(r, arg[0], strlen(arg[0]));
}

int op_watch(struct req *r)
{
    struct xs *xs = r->xs;
    struct dom *d = r->c->dom;
    const char *token;
    struct watch *w;
    int rc = watch_args(r, &token);
    if (rc)
        return rc;
    size_t cost = watch_cost(xs->path.len, strlen(token));
    if (watch_find(&xs->watches, r->c, &xs->path, token, strlen(token)))
        return -EEXIST;
    if (!quota_allows(&xs->quota, d, QUOTA_WATCHES, d->watches + 1u) ||
        !quota_allows(&xs->quota, d, QUOTA_MEMORY, d->mem + cost))
        return -E2BIG;
    rc = watch_add(&xs->watches, r->c, &r->c->watches, &xs->path, token, strlen(token), &w);
    if (rc)
        return rc;
    d->watches++;
    dom_charge(d, (int64_t)cost);
    ack(r);
    rec_watch(xs, w, true);
    event_tell(xs, w); /* so that a client can set a watch, then look, and miss nothing */
    return 0;
}

int op_unwatch(struct req *r)
{
    struct xs *xs = r->xs;
    const char *token;
    int rc = watch_args(r, &token);
    if (rc)
        return rc;
    struct watch *w = watch_find(&xs->watches, r->c, &xs->path, token, strlen(token));
    if (!w)
        return -ENOENT;
    r->c->dom->watches--;
    r->c->missed -= w->missed;
    dom_charge(r->c->dom, -(int64_t)watch_cost(w->point->len, w->token_len));
    rec_watch(xs, w, false);
    watch_remove(&xs->watches, w);
    ack(r);
    return 0;
}

int op_reset_watches(struct req *r)
{
    conn_reset(r->xs, r->c);
    rec_reset_watches(r->xs, r->c);
    ack(r);
    return 0;
}

/* --- transactions ---------------------------------------------------------------------------- */

int op_txn_start(struct req *r)
{
    struct xs *xs = r->xs;
    struct conn *c = r->c;
    char text[16];
    if (r->txn)
        return -EBUSY; /* they do not nest */
    if (!quota_allows(&xs->quota, c->dom, QUOTA_TRANSACTIONS, c->dom->txns + 1u))
        return -ENOSPC;
    while (!c->next_txn || conn_txn(c, c->next_txn))
        c->next_txn++;
    struct txn *t = txn_start(c->dom, &xs->quota, c->next_txn++);
    if (!t)
        return -ENOMEM;
    list_push_back(&c->txns, &t->of_conn);
    c->ntxns++;
    c->dom->txns++;
    rec_txn(xs, c, t->id, true);
    int n = snprintf(text, sizeof(text), "%u", t->id);
    reply(r, text, (size_t)n + 1);
    return 0;
}

static void commit_begin(void *ctx)
{
    ack(ctx);
}

static void commit_remove(void *ctx, struct node *n)
{
    struct req *r = ctx;
    event_remove_subtree(r->xs, n);
}

static void commit_set(void *ctx, struct node *n, struct perms *old, bool made, bool quiet)
{
    struct req *r = ctx;
    struct xs *xs = r->xs;
    if (made || old != n->perms)
        rec_set(xs, n);
    else
        rec_value(xs, n);
    if (quiet)
        return;
    node_path(n, &xs->event);
    event_fire(xs, &xs->event, false, old, n->perms, n->parent ? n->parent->perms : NULL);
}

int op_txn_end(struct req *r)
{
    struct xs *xs = r->xs;
    size_t len;
    int rc = arg_one(r, &len);
    if (rc || len != 1 || (r->data[0] != 'T' && r->data[0] != 'F'))
        return -EINVAL;
    if (!r->txn)
        return -ENOENT;
    if (r->data[0] == 'T') {
        const struct txn_sink sink = {
            .ctx = r, .begin = commit_begin, .remove = commit_remove, .set = commit_set};
        rc = txn_commit(&xs->st, r->txn, &sink);
    } else {
        ack(r);
    }
    rec_txn(xs, r->c, r->txn->id, false);
    conn_end_txn(xs, r->c, r->txn);
    return rc;
}
