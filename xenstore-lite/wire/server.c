/*
 * The whole state: its beginning, its end, its audit.
 */
#include "wire/server.h"

#include <errno.h>
#include <string.h>

#include "store/mem.h"

static int first_nodes(struct xs *xs)
{
    static const struct {
        const char *path, *value;
    } made[] = {{"/tool", ""}, {"/tool/xenstored", ""}};
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        path_set(&xs->path, made[i].path);
        struct node *up = node_find(&xs->st, &xs->path, xs->path.depth - 1u);
        if (!node_create(&xs->st, &xs->path, up, up->perms, made[i].value, strlen(made[i].value)))
            return -ENOMEM;
    }
    return 0;
}

int xs_init(struct xs *xs)
{
    memset(xs, 0, sizeof(*xs));
    list_init(&xs->conns);
    list_init(&xs->dirty);
    quota_init(&xs->quota);
    if (store_init(&xs->st) || watch_table_init(&xs->watches))
        return -ENOMEM;
    const struct perm owner = {.id = 0, .mode = 0};
    for (unsigned i = 0; i < SPECIALS; i++) {
        xs->special[i] = perm_get(&xs->st.perms, &owner, 1);
        if (!xs->special[i])
            return -ENOMEM;
    }
    return first_nodes(xs);
}

void xs_free(struct xs *xs)
{
    list_for_each_safe (it, &xs->conns)
        conn_close(xs, list_entry(it, struct conn, all));
    for (unsigned i = 0; i < SPECIALS; i++)
        if (xs->special[i])
            perm_put(&xs->st.perms, xs->special[i]);
    store_free(&xs->st);
    watch_table_free(&xs->watches);
    mem_put(xs->rec.buf);
}

/* --- audit ----------------------------------------------------------------------------------- */

struct sums {
    uint64_t mem;
    uint32_t watches, txns;
};

static const char *audit_conn(const struct conn *c, struct sums *s)
{
    uint32_t missed = 0, txns = 0;
    list_for_each (it, &c->watches) {
        const struct watch *w = list_entry(it, struct watch, of_conn);
        if (w->conn != c)
            return "W2: a watch does not know its connection";
        s->watches++;
        s->mem += watch_cost(w->point->len, w->token_len);
        missed += w->missed;
    }
    list_for_each (it, &c->txns) {
        const struct txn *t = list_entry(it, struct txn, of_conn);
        const char *wrong = txn_audit(t);
        if (wrong)
            return wrong;
        txns++;
        s->mem += t->mem;
    }
    s->txns += txns;
    s->mem += c->out.len;
    return missed != c->missed || txns != c->ntxns ? "wrong counts in a connection" : NULL;
}

static const char *audit_dom(const struct xs *xs, const struct dom *d, uint32_t *watches)
{
    struct sums s = {0};
    list_for_each (it, &d->owned) {
        const struct node *n = list_entry(it, struct node, owned);
        s.mem += node_cost(n->name_len, n->value_len, n->perms->n);
    }
    list_for_each (it, &xs->conns) {
        const struct conn *c = list_entry(it, struct conn, all);
        const char *wrong = c->dom == d ? audit_conn(c, &s) : NULL;
        if (wrong)
            return wrong;
    }
    *watches += s.watches;
    if (s.watches != d->watches || s.txns != d->txns)
        return "W3: wrong counts of watches or transactions";
    return s.mem == d->mem ? NULL : "D2: memory does not add up";
}

const char *xs_audit(const struct xs *xs)
{
    const char *wrong = store_audit(&xs->st);
    uint32_t watches = 0, at_points = 0, points = 0;
    list_for_each (it, &xs->st.doms.all)
        if (!wrong)
            wrong = audit_dom(xs, list_entry(it, struct dom, all), &watches);
    if (wrong)
        return wrong;
    for (uint32_t i = 0; i < xs->watches.buckets; i++)
        for (const struct watch_point *pt = xs->watches.bucket[i]; pt; pt = pt->hnext) {
            points++;
            if (list_empty(&pt->watches))
                return "W1: a point without watches";
            list_for_each (it, &pt->watches)
                at_points++;
        }
    if (watches != at_points || watches != xs->watches.watches || points != xs->watches.points)
        return "W2: watches in points and connections differ in number";
    return NULL;
}
