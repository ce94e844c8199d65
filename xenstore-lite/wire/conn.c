/*
 * Connections: opening, closing, output and its limits.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dkit/log.h"
#include "store/mem.h"
#include "wire/host.h"
#include "wire/server.h"

struct conn *conn_open(struct xs *xs, struct dom *d, bool ring)
{
    struct conn *c = mem_get(sizeof(*c));
    if (!c)
        return NULL;
    c->dom = d;
    c->ring = ring;
    c->next_txn = 1;
    list_init(&c->dirty);
    list_init(&c->watches);
    list_init(&c->txns);
    snprintf(c->home, sizeof(c->home), "/local/domain/%u", (unsigned)d->id);
    list_push_back(&xs->conns, &c->all);
    return c;
}

void conn_reset(struct xs *xs, struct conn *c)
{
    list_for_each_safe (it, &c->watches) {
        struct watch *w = list_entry(it, struct watch, of_conn);
        dom_charge(c->dom, -(int64_t)watch_cost(w->point->len, w->token_len));
        c->dom->watches--;
        watch_remove(&xs->watches, w);
    }
    c->missed = 0;
    list_for_each_safe (it, &c->txns)
        conn_end_txn(xs, c, list_entry(it, struct txn, of_conn));
}

void conn_close(struct xs *xs, struct conn *c)
{
    conn_reset(xs, c);
    dom_charge(c->dom, -(int64_t)c->out.len);
    outq_free(&c->out);
    list_remove(&c->all);
    list_remove(&c->dirty);
    mem_put(c);
}

struct txn *conn_txn(struct conn *c, uint32_t id)
{
    list_for_each (it, &c->txns) {
        struct txn *t = list_entry(it, struct txn, of_conn);
        if (t->id == id)
            return t;
    }
    return NULL;
}

void conn_end_txn(struct xs *xs, struct conn *c, struct txn *t)
{
    list_remove(&t->of_conn);
    c->ntxns--;
    c->dom->txns--;
    txn_free(&xs->st, t);
}

bool conn_may_request(const struct xs *xs, const struct conn *c)
{
    if (c->broken)
        return false;
    if (dom_privileged(c->dom))
        return c->replies < xs->quota.max[QUOTA_OUTSTANDING];
    return quota_allows(&xs->quota, c->dom, QUOTA_OUTSTANDING, c->replies + 1u);
}

void conn_sent(struct xs *xs, struct conn *c, size_t n)
{
    outq_sent(&c->out, n);
    dom_charge(c->dom, -(int64_t)n);
    if (c->out.len)
        return;
    c->replies = 0;
    if (!c->missed)
        return;
    c->missed = 0;
    list_for_each (it, &c->watches) {
        struct watch *w = list_entry(it, struct watch, of_conn);
        if (w->missed) {
            w->missed = false;
            event_tell(xs, w);
        }
    }
}

void wire_send(struct xs *xs, struct conn *c, uint32_t type, uint32_t req_id, uint32_t tx_id,
               const void *data, size_t len)
{
    const struct xsd_sockmsg hdr = {
        .type = type, .req_id = req_id, .tx_id = tx_id, .len = (uint32_t)len};
    if (c->broken || c->mute)
        return;
    if (outq_reserve(&c->out, sizeof(hdr) + len) || outq_put(&c->out, &hdr, sizeof(hdr)) ||
        outq_put(&c->out, data, len)) {
        log_line("domain %u: no memory for a message, connection closed", c->dom->id);
        c->broken = true;
        return;
    }
    dom_charge(c->dom, (int64_t)(sizeof(hdr) + len));
    rec_output(xs, c, &hdr, sizeof(hdr));
    rec_output(xs, c, data, len);
    if (type != XS_WATCH_EVENT)
        c->replies++;
    if (list_empty(&c->dirty))
        list_push_back(&xs->dirty, &c->dirty);
    if (unlikely(xs->trace))
        host_trace(c, false, &hdr, data);
}
