/*
 * Writing records. Layout: one byte of kind, then fields in order; numbers little-endian, byte
 * strings with a 32-bit length before them. replay.c reads the same.
 */
#include "wire/record.h"

#include <string.h>

#include "dkit/log.h"
#include "store/mem.h"
#include "wire/record_private.h"
#include "wire/server.h"

static char *grow(struct rec *r, size_t len)
{
    if (r->len + len > r->room) {
        size_t room = (r->len + len) * 2 + 4096;
        char *buf = mem_grow(r->buf, room);
        if (!buf) {
            if (!r->lost)
                log_line("no memory for a record: a crash before the next snapshot loses changes");
            r->lost = true;
            return NULL;
        }
        r->buf = buf;
        r->room = room;
    }
    char *at = r->buf + r->len;
    r->len += len;
    return at;
}

static void put(struct rec *r, const void *data, size_t len)
{
    char *at = grow(r, len);
    if (at && len)
        memcpy(at, data, len);
}

static void put8(struct rec *r, enum rec_kind v)
{
    put(r, &(uint8_t){(uint8_t)v}, 1);
}

static void put32(struct rec *r, uint64_t v)
{
    put(r, &(uint32_t){(uint32_t)v}, 4);
}

static void put64(struct rec *r, uint64_t v)
{
    put(r, &v, 8);
}

static void put_bytes(struct rec *r, const void *data, size_t len)
{
    put32(r, len);
    put(r, data, len);
}

static void put_path(struct rec *r, const struct node *n)
{
    size_t len = 0;
    for (const struct node *m = n; m->depth; m = m->parent)
        len += m->name_len + 1u;
    put32(r, len);
    char *at = grow(r, len);
    if (!at)
        return;
    for (const struct node *m = n; m->depth; m = m->parent) {
        len -= m->name_len + 1u;
        at[len] = '/';
        memcpy(at + len + 1, m->name, m->name_len);
    }
}

static void put_perms(struct rec *r, const struct perms *p)
{
    put32(r, p->n);
    for (uint32_t i = 0; i < p->n; i++) {
        put32(r, p->e[i].id);
        put32(r, p->e[i].mode);
        put32(r, p->e[i].life);
    }
}

void rec_set(struct xs *xs, const struct node *n)
{
    struct rec *r = &xs->rec;
    if (!r->on)
        return;
    put8(r, REC_SET);
    put_path(r, n);
    put_perms(r, n->perms);
    put_bytes(r, n->value, n->value_len);
}

void rec_value(struct xs *xs, const struct node *n)
{
    struct rec *r = &xs->rec;
    if (!r->on)
        return;
    put8(r, REC_VALUE);
    put_path(r, n);
    put_bytes(r, n->value, n->value_len);
}

void rec_remove(struct xs *xs, const struct node *n)
{
    if (!xs->rec.on)
        return;
    put8(&xs->rec, REC_REMOVE);
    put_path(&xs->rec, n);
}

void rec_special(struct xs *xs, unsigned which, const struct perms *p)
{
    if (!xs->rec.on)
        return;
    put8(&xs->rec, REC_SPECIAL);
    put32(&xs->rec, which);
    put_perms(&xs->rec, p);
}

void rec_quota(struct xs *xs, unsigned kind, uint32_t value)
{
    if (!xs->rec.on)
        return;
    put8(&xs->rec, REC_QUOTA);
    put32(&xs->rec, kind);
    put32(&xs->rec, value);
}

/* Starts a record about a ring; false: nothing to record. */
static bool about_ring(struct xs *xs, const struct conn *c, enum rec_kind kind)
{
    if (!xs->rec.on || !c->ring)
        return false;
    put8(&xs->rec, kind);
    put32(&xs->rec, c->dom->id);
    return true;
}

static void watch_record(struct xs *xs, const struct watch *w, enum rec_kind kind)
{
    if (!about_ring(xs, w->conn, kind))
        return;
    put32(&xs->rec, w->home);
    put_bytes(&xs->rec, w->point->path, w->point->len);
    put_bytes(&xs->rec, w->token, w->token_len);
}

void rec_watch(struct xs *xs, const struct watch *w, bool add)
{
    watch_record(xs, w, add ? REC_WATCH : REC_UNWATCH);
}

void rec_missed(struct xs *xs, const struct watch *w)
{
    watch_record(xs, w, REC_MISSED);
}

void rec_reset_watches(struct xs *xs, const struct conn *c)
{
    (void)about_ring(xs, c, REC_RESET);
}

void rec_txn(struct xs *xs, const struct conn *c, uint32_t id, bool start)
{
    if (about_ring(xs, c, start ? REC_TXN : REC_TXN_END))
        put32(&xs->rec, id);
}

static void txn_request(struct xs *xs, const struct conn *c, uint32_t type, uint32_t id,
                        const void *payload, size_t len)
{
    if (!about_ring(xs, c, REC_TXN_REQUEST))
        return;
    put32(&xs->rec, type);
    put32(&xs->rec, id);
    put_bytes(&xs->rec, payload, len);
}

void rec_txn_request(struct xs *xs, const struct conn *c, struct txn *t,
                     const struct xsd_sockmsg *hdr, const char *payload)
{
    if (!c->ring)
        return;
    /* In the transaction's log: type, length, payload. A snapshot needs them again. */
    const uint32_t head[2] = {hdr->type, hdr->len};
    txn_log(t, head, sizeof(head), payload, hdr->len);
    txn_request(xs, c, hdr->type, t->id, payload, hdr->len);
}

static void snapshot_txn(struct xs *xs, const struct conn *c, const struct txn *t)
{
    bool kept = t->log_len != UINT32_MAX;
    rec_txn(xs, c, t->id, true);
    for (uint32_t at = 0; kept && at < t->log_len;) {
        uint32_t type = load_le32(t->log + at), len = load_le32(t->log + at + 4);
        txn_request(xs, c, type, t->id, t->log + at + 8, len);
        at += 8 + len;
    }
    /* Against the tree of today its requests would rely on today's nodes. */
    if ((!kept || !txn_valid(&xs->st, t)) && about_ring(xs, c, REC_TXN_DOOMED))
        put32(&xs->rec, t->id);
}

void rec_output(struct xs *xs, const struct conn *c, const void *data, size_t len)
{
    if (len && about_ring(xs, c, REC_OUTPUT))
        put_bytes(&xs->rec, data, len);
}

void rec_consumed(struct xs *xs, const struct conn *c, uint64_t position)
{
    if (about_ring(xs, c, REC_CONSUMED))
        put64(&xs->rec, position);
}

void rec_ring(struct xs *xs, const struct conn *c)
{
    if (!about_ring(xs, c, REC_RING))
        return;
    put64(&xs->rec, c->ring_gfn);
    put32(&xs->rec, c->ring_port);
    put64(&xs->rec, c->in_pos);
    put64(&xs->rec, c->out.sent);
    put32(&xs->rec, c->next_txn);
    rec_output(xs, c, outq_data(&c->out), c->out.len);
}

void rec_dom(struct xs *xs, const struct dom *d)
{
    if (!xs->rec.on)
        return;
    put8(&xs->rec, REC_DOM);
    put32(&xs->rec, d->id);
    put32(&xs->rec, d->shutdown);
    put32(&xs->rec, (uint32_t)d->target);
    put32(&xs->rec, d->target_life);
}

void rec_dom_end(struct xs *xs, const struct dom *d)
{
    if (!xs->rec.on)
        return;
    put8(&xs->rec, REC_DOM_END);
    put32(&xs->rec, d->id);
}

/* --- snapshot -------------------------------------------------------------------------------- */

static void snapshot_conn(struct xs *xs, const struct conn *c)
{
    rec_ring(xs, c);
    list_for_each (it, &c->watches) {
        const struct watch *w = list_entry(it, struct watch, of_conn);
        rec_watch(xs, w, true);
        if (w->missed)
            rec_missed(xs, w);
    }
    list_for_each (it, &c->txns)
        snapshot_txn(xs, c, list_entry(it, struct txn, of_conn));
}

void rec_snapshot(struct xs *xs, void (*flush)(struct xs *xs))
{
    struct rec *r = &xs->rec;
    put8(r, REC_CLEAR);
    for (unsigned id = 0; id < DOM_FIRST_RESERVED; id++)
        if (xs->st.doms.life[id]) {
            put8(r, REC_LIFE);
            put32(r, id);
            put32(r, xs->st.doms.life[id]);
        }
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        if (xs->quota.max[i] != quota_info[i].standard)
            rec_quota(xs, i, xs->quota.max[i]);
    for (unsigned i = 0; i < SPECIALS; i++)
        rec_special(xs, i, xs->special[i]);
    for (struct node *n = xs->st.root; n; n = node_next(xs->st.root, n)) {
        rec_set(xs, n);
        flush(xs);
    }
    list_for_each (it, &xs->conns) {
        const struct conn *c = list_entry(it, struct conn, all);
        if (c->ring)
            snapshot_conn(xs, c);
        flush(xs);
    }
    list_for_each (it, &xs->st.doms.all)
        rec_dom(xs, list_entry(it, struct dom, all));
    flush(xs);
}
