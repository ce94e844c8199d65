/*
 * Carrying out records. A file is input as any other: each field is checked, and one that makes no
 * sense ends the replay with an error, never the daemon.
 */
#include <errno.h>
#include <string.h>

#include "store/mem.h"
#include "wire/record.h"
#include "wire/record_private.h"
#include "wire/server.h"

struct cursor {
    const char *at;
    size_t left;
    bool bad;
};

static const char *take(struct cursor *k, size_t len)
{
    if (k->left < len) {
        k->bad = true;
        k->left = 0;
        return NULL;
    }
    const char *p = k->at;
    k->at += len;
    k->left -= len;
    return p;
}

static uint32_t take32(struct cursor *k)
{
    const char *p = take(k, 4);
    return p ? load_le32(p) : 0;
}

static uint64_t take64(struct cursor *k)
{
    const char *p = take(k, 8);
    return p ? load_le64(p) : 0;
}

static const char *take_bytes(struct cursor *k, size_t *len)
{
    *len = take32(k);
    const char *p = take(k, *len);
    if (!p)
        *len = 0;
    return p;
}

static int take_path(struct xs *xs, struct cursor *k)
{
    size_t len;
    const char *p = take_bytes(k, &len);
    if (k->bad)
        return -EINVAL;
    if (!len) {
        path_set(&xs->path, "/");
        return 0;
    }
    return path_parse(&xs->path, p, len, "/", PATH_ABS_MAX);
}

/* Every domain named by a current entry is made known, as when the permissions were first set. */
static struct perms *take_perms(struct xs *xs, struct cursor *k)
{
    struct perm e[PERM_ENTRIES_MAX];
    uint32_t n = take32(k);
    if (k->bad || n < 1 || n > PERM_ENTRIES_MAX)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = take32(k), mode = take32(k);
        e[i] = (struct perm){.id = (uint16_t)id, .mode = (uint16_t)(mode & 3), .life = take32(k)};
        if (dom_current(&xs->st.doms, e[i].id, e[i].life) && !dom_make(&xs->st.doms, e[i].id))
            return NULL;
    }
    return k->bad ? NULL : perm_get(&xs->st.perms, e, n);
}

static struct dom *take_dom(struct xs *xs, struct cursor *k)
{
    uint32_t id = take32(k);
    return k->bad ? NULL : dom_find(&xs->st.doms, id);
}

static struct conn *take_ring(struct xs *xs, struct cursor *k)
{
    const struct dom *d = take_dom(xs, k);
    return d ? d->ring : NULL;
}

/* --- nodes ----------------------------------------------------------------------------------- */

static int clear(struct xs *xs)
{
    while (!list_empty(&xs->st.root->children))
        node_remove(&xs->st, list_entry(xs->st.root->children.next, struct node, siblings), NULL,
                    NULL);
    return 0;
}

static int set(struct xs *xs, struct cursor *k)
{
    if (take_path(xs, k))
        return -EINVAL;
    struct perms *perms = take_perms(xs, k);
    size_t len;
    const char *value = take_bytes(k, &len);
    if (!perms)
        return -EINVAL;
    if (k->bad) {
        perm_put(&xs->st.perms, perms);
        return -EINVAL;
    }
    struct node *n = node_find(&xs->st, &xs->path, xs->path.depth);
    int rc = 0;
    if (n) {
        node_set_perms(&xs->st, n, perms);
        rc = node_set_value(&xs->st, n, value, len);
    } else if (!node_create(&xs->st, &xs->path, node_nearest(&xs->st, &xs->path), perms, value,
                            len)) {
        rc = -ENOMEM;
    }
    perm_put(&xs->st.perms, perms);
    return rc;
}

static int set_value(struct xs *xs, struct cursor *k)
{
    size_t len;
    if (take_path(xs, k))
        return -EINVAL;
    struct node *n = node_find(&xs->st, &xs->path, xs->path.depth);
    const char *value = take_bytes(k, &len);
    return n && !k->bad ? node_set_value(&xs->st, n, value, len) : -EINVAL;
}

static int remove_node(struct xs *xs, struct cursor *k)
{
    if (take_path(xs, k))
        return -EINVAL;
    struct node *n = node_find(&xs->st, &xs->path, xs->path.depth);
    if (!n || !n->parent)
        return -EINVAL;
    node_remove(&xs->st, n, NULL, NULL);
    return 0;
}

static int special(struct xs *xs, struct cursor *k)
{
    uint32_t which = take32(k);
    struct perms *perms = which < SPECIALS ? take_perms(xs, k) : NULL;
    if (!perms)
        return -EINVAL;
    perm_put(&xs->st.perms, xs->special[which]);
    xs->special[which] = perms;
    return 0;
}

static int quota(struct xs *xs, struct cursor *k)
{
    uint32_t kind = take32(k), value = take32(k);
    if (k->bad || kind >= QUOTA_KINDS)
        return -EINVAL;
    xs->quota.max[kind] = value;
    return 0;
}

/* --- domains and rings ----------------------------------------------------------------------- */

static int life(struct xs *xs, struct cursor *k)
{
    uint32_t id = take32(k), value = take32(k);
    if (k->bad || id >= DOM_FIRST_RESERVED || xs->st.doms.by_id[id])
        return -EINVAL;
    xs->st.doms.life[id] = value;
    return 0;
}

static int ring(struct xs *xs, struct cursor *k)
{
    uint32_t id = take32(k);
    struct dom *d = k->bad ? NULL : dom_make(&xs->st.doms, id);
    if (!d)
        return -EINVAL;
    struct conn *c = d->ring;
    if (!c)
        c = conn_open(xs, d, true);
    if (!c)
        return -ENOMEM;
    d->ring = c;
    d->introduced = true;
    c->ring_gfn = take64(k);
    c->ring_port = take32(k);
    c->in_pos = take64(k);
    uint64_t sent = take64(k);
    dom_charge(d, -(int64_t)c->out.len);
    outq_free(&c->out);
    c->out.sent = sent;
    c->next_txn = take32(k);
    return k->bad ? -EINVAL : 0;
}

static int watch(struct xs *xs, struct cursor *k, enum rec_kind kind)
{
    struct conn *c = take_ring(xs, k);
    uint32_t home = take32(k);
    if (take_path(xs, k) || home > xs->path.len)
        return -EINVAL;
    size_t len;
    const char *token = take_bytes(k, &len);
    if (!c || k->bad || len > XENSTORE_PAYLOAD_MAX)
        return -EINVAL;
    xs->path.home = (uint16_t)home;
    struct watch *w = watch_find(&xs->watches, c, &xs->path, token, len);
    if (kind == REC_WATCH) {
        int rc = watch_add(&xs->watches, c, &c->watches, &xs->path, token, len, &w);
        if (rc)
            return rc;
        c->dom->watches++;
        dom_charge(c->dom, (int64_t)watch_cost(w->point->len, w->token_len));
        return 0;
    }
    if (!w)
        return -EINVAL;
    if (kind == REC_MISSED) {
        c->missed += !w->missed;
        w->missed = true;
        return 0;
    }
    c->missed -= w->missed;
    c->dom->watches--;
    dom_charge(c->dom, -(int64_t)watch_cost(w->point->len, w->token_len));
    watch_remove(&xs->watches, w);
    return 0;
}

static int reset(struct xs *xs, struct cursor *k)
{
    struct conn *c = take_ring(xs, k);
    if (!c)
        return -EINVAL;
    conn_reset(xs, c);
    return 0;
}

static int txn(struct xs *xs, struct cursor *k, bool start)
{
    struct conn *c = take_ring(xs, k);
    uint32_t id = take32(k);
    if (!c || k->bad)
        return -EINVAL;
    struct txn *t = conn_txn(c, id);
    if (!start) {
        if (t)
            conn_end_txn(xs, c, t);
        return t ? 0 : -EINVAL;
    }
    t = t ? NULL : txn_start(c->dom, &xs->quota, id);
    if (!t)
        return -EINVAL;
    list_push_back(&c->txns, &t->of_conn);
    c->ntxns++;
    c->dom->txns++;
    if (c->next_txn <= id)
        c->next_txn = id + 1;
    return 0;
}

static int doomed(struct xs *xs, struct cursor *k)
{
    struct conn *c = take_ring(xs, k);
    struct txn *t = c ? conn_txn(c, take32(k)) : NULL;
    if (!t)
        return -EINVAL;
    t->doomed = true;
    return 0;
}

/* Made again without anyone hearing of it; only within its transaction, which it cannot end. */
static int txn_request(struct xs *xs, struct cursor *k)
{
    struct conn *c = take_ring(xs, k);
    struct xsd_sockmsg hdr = {.type = take32(k), .tx_id = take32(k)};
    size_t len;
    const char *payload = take_bytes(k, &len);
    struct txn *t = c ? conn_txn(c, hdr.tx_id) : NULL;
    if (!t || k->bad || len > XENSTORE_PAYLOAD_MAX || !wire_in_txn(hdr.type))
        return -EINVAL;
    hdr.len = (uint32_t)len;
    c->mute = true;
    wire_request(xs, c, &hdr, payload);
    c->mute = false;
    return 0;
}

static int output(struct xs *xs, struct cursor *k)
{
    struct conn *c = take_ring(xs, k);
    size_t len;
    const char *data = take_bytes(k, &len);
    if (!c || k->bad)
        return -EINVAL;
    int rc = outq_put(&c->out, data, len);
    if (!rc)
        dom_charge(c->dom, (int64_t)len);
    return rc;
}

static int consumed(struct xs *xs, struct cursor *k)
{
    struct conn *c = take_ring(xs, k);
    uint64_t position = take64(k);
    if (!c || k->bad)
        return -EINVAL;
    c->in_pos = position;
    return 0;
}

static int dom_state(struct xs *xs, struct cursor *k)
{
    uint32_t id = take32(k);
    struct dom *d = k->bad ? NULL : dom_make(&xs->st.doms, id);
    uint32_t shutdown = take32(k), target = take32(k), target_life = take32(k);
    if (!d || k->bad)
        return -EINVAL;
    d->shutdown = shutdown != 0;
    d->target = target < DOM_FIRST_RESERVED ? (int)target : -1;
    d->target_life = target_life;
    return 0;
}

static int dom_over(struct xs *xs, struct cursor *k)
{
    /* Not every domain is known from records before: a refused XS_SET_PERMS leaves none. */
    uint32_t id = take32(k);
    struct dom *d = k->bad || !id ? NULL : dom_make(&xs->st.doms, id);
    if (!d || !list_empty(&d->owned))
        return -EINVAL;
    if (d->ring)
        conn_close(xs, d->ring);
    dom_end(&xs->st.doms, d);
    return 0;
}

static int replay_one(struct xs *xs, struct cursor *k, enum rec_kind kind)
{
    switch (kind) {
    case REC_CLEAR:
        return clear(xs);
    case REC_LIFE:
        return life(xs, k);
    case REC_SET:
        return set(xs, k);
    case REC_VALUE:
        return set_value(xs, k);
    case REC_REMOVE:
        return remove_node(xs, k);
    case REC_SPECIAL:
        return special(xs, k);
    case REC_QUOTA:
        return quota(xs, k);
    case REC_RING:
        return ring(xs, k);
    case REC_WATCH:
    case REC_UNWATCH:
    case REC_MISSED:
        return watch(xs, k, kind);
    case REC_RESET:
        return reset(xs, k);
    case REC_TXN:
        return txn(xs, k, true);
    case REC_TXN_END:
        return txn(xs, k, false);
    case REC_TXN_REQUEST:
        return txn_request(xs, k);
    case REC_TXN_DOOMED:
        return doomed(xs, k);
    case REC_OUTPUT:
        return output(xs, k);
    case REC_CONSUMED:
        return consumed(xs, k);
    case REC_DOM:
        return dom_state(xs, k);
    case REC_DOM_END:
        return dom_over(xs, k);
    }
    return -EINVAL;
}

int rec_replay(struct xs *xs, const char *data, size_t len)
{
    struct cursor k = {.at = data, .left = len};
    while (k.left) {
        const char *kind = take(&k, 1);
        int rc = replay_one(xs, &k, (enum rec_kind)(unsigned char)*kind);
        if (rc)
            return rc;
    }
    return 0;
}
