/*
 * Events: from a changed node to the output of those who watch it and may know.
 *
 * Unread events are bounded. Past COALESCE_AT bytes of unread output an event equal to the last
 * one that its watch has in the queue adds nothing and is left out; past the limit an event is
 * dropped, its watch marked, and one event for the watch's own path sent once the client has read
 * all (so it knows that something happened). No client can lose a change for good, none can make
 * the daemon hoard memory.
 */
#include <string.h>

#include "dkit/log.h"
#include "wire/server.h"

#define COALESCE_AT   (8u << 10)
#define GUEST_OUT_MAX (256u << 10)
#define TOOLS_OUT_MAX (64u << 20)

static bool is_room(const struct xs *xs, struct conn *c, size_t size)
{
    if (dom_privileged(c->dom))
        return c->out.len + size <= TOOLS_OUT_MAX;
    return c->out.len + size <= GUEST_OUT_MAX &&
           quota_allows(&xs->quota, c->dom, QUOTA_MEMORY, c->dom->mem + size);
}

static void put(struct xs *xs, struct watch *w, const char *path, size_t len, uint64_t hash)
{
    struct conn *c = w->conn;
    char body[XENSTORE_PAYLOAD_MAX];
    size_t size = len - w->home + 1 + w->token_len + 1u;
    if (size > sizeof(body))
        return; /* longer than the protocol allows: nobody could read it */
    if (c->out.len > COALESCE_AT && w->last_hash == hash && w->last_start >= c->out.sent)
        return;
    if (!is_room(xs, c, sizeof(struct xsd_sockmsg) + size)) {
        if (!w->missed) {
            c->missed++;
            rec_missed(xs, w);
        }
        w->missed = true;
        return;
    }
    memcpy(body, path + w->home, len - w->home);
    body[len - w->home] = 0;
    memcpy(body + (len - w->home) + 1, w->token, w->token_len + 1u);
    w->last_start = outq_end(&c->out);
    w->last_hash = hash;
    wire_send(xs, c, XS_WATCH_EVENT, 0, 0, body, size);
}

void event_tell(struct xs *xs, struct watch *w)
{
    put(xs, w, w->point->path, w->point->len, w->point->hash);
}

static bool may_know(const struct xs *xs, const struct conn *c, const struct perms *const set[3])
{
    if (dom_privileged(c->dom))
        return true;
    for (unsigned i = 0; i < 3; i++)
        if (set[i] && perm_for(&xs->st.doms, c->dom, set[i]) & PERM_READ)
            return true;
    return false;
}

void event_fire(struct xs *xs, const struct path *p, bool exact, const struct perms *old,
                const struct perms *now, const struct perms *parent)
{
    const struct perms *const set[3] = {now, old, parent};
    for (unsigned depth = p->depth + 1u; depth-- > 0;) {
        struct watch_point *pt = watch_point_at(&xs->watches, p, depth);
        if (pt)
            list_for_each (it, &pt->watches) {
                struct watch *w = list_entry(it, struct watch, at_point);
                if (may_know(xs, w->conn, set))
                    put(xs, w, p->text, p->len, p->hash[p->depth]);
            }
        if (exact)
            return;
    }
}

void event_fire_special(struct xs *xs, unsigned which)
{
    static const char *const name[SPECIALS] = {"@introduceDomain", "@releaseDomain"};
    path_set(&xs->event, name[which]);
    event_fire(xs, &xs->event, true, NULL, xs->special[which], NULL);
}

static void node_gone(void *ctx, const struct node *n, bool top)
{
    struct xs *xs = ctx;
    if (!top && !watch_point_maybe(&xs->watches, n->hash))
        return;
    node_path(n, &xs->event);
    event_fire(xs, &xs->event, !top, n->perms, NULL, n->parent->perms);
}

void event_remove_subtree(struct xs *xs, struct node *n)
{
    rec_remove(xs, n);
    node_remove(&xs->st, n, node_gone, xs);
}
