/*
 * Requests of the toolstack about domains, and what becomes of a domain that is gone.
 */
#include <errno.h>
#include <string.h>

#include "dkit/log.h"
#include "wire/host.h"
#include "wire/ops_private.h"

struct dom *domain_for_perm(struct xs *xs, unsigned id)
{
    struct dom *d = dom_find(&xs->st.doms, id);
    if (d || id >= DOM_FIRST_RESERVED || !host_dom_alive(id))
        return d;
    return dom_make(&xs->st.doms, id);
}

int domain_introduce(struct xs *xs, struct dom *d, uint64_t gfn, uint32_t port)
{
    struct conn *c = conn_open(xs, d, true);
    if (!c)
        return -ENOMEM;
    c->ring_gfn = gfn;
    c->ring_port = port;
    int rc = host_ring_open(c, true);
    if (rc) {
        conn_close(xs, c);
        return rc;
    }
    d->ring = c;
    d->introduced = true;
    rec_ring(xs, c);
    return 0;
}

void domain_gone(struct xs *xs, struct dom *d)
{
    /* The connection first: its domain must not hear of its own end. */
    if (d->ring) {
        host_ring_close(d->ring);
        conn_close(xs, d->ring);
        d->ring = NULL;
    }
    while (!list_empty(&d->owned)) {
        struct node *n = list_entry(d->owned.next, struct node, owned);
        if (n->parent) {
            event_remove_subtree(xs, n);
        } else { /* the root outlives its owner */
            struct perm e = n->perms->e[0];
            e.id = 0;
            e.life = xs->st.doms.life[0];
            struct perms *p = perm_get(&xs->st.perms, &e, 1);
            if (!p)
                break;
            node_set_perms(&xs->st, n, p);
            perm_put(&xs->st.perms, p);
            rec_set(xs, n);
        }
    }
    rec_dom_end(xs, d);
    dom_end(&xs->st.doms, d);
}

/*
 * Introduced once more: the toolstack wants the event channel made anew. Another page is another
 * connection: what was unread or under way belonged to the old one.
 */
static int introduce_again(struct req *r, struct dom *d, uint64_t gfn, uint32_t port)
{
    struct conn *c = d->ring;
    bool fresh = c->ring_gfn != gfn || c->broken;
    host_ring_close(c);
    c->ring_gfn = gfn;
    c->ring_port = port;
    if (fresh) {
        conn_reset(r->xs, c);
        rec_reset_watches(r->xs, c);
        dom_charge(d, -(int64_t)c->out.len);
        outq_free(&c->out);
        c->replies = 0;
    }
    int rc = host_ring_open(c, fresh);
    if (rc) {
        c->broken = true;
        return rc;
    }
    c->broken = false;
    rec_ring(r->xs, c);
    ack(r);
    return 0;
}

int op_introduce(struct req *r)
{
    struct xs *xs = r->xs;
    const char *arg[3];
    unsigned id;
    uint64_t gfn, port;
    if (arg_count(r) < 3 || arg_strings(r, arg, 3) || arg_domid(arg[0], &id) ||
        arg_number(arg[1], UINT64_MAX, &gfn) || arg_number(arg[2], UINT32_MAX, &port) || !port)
        return -EINVAL;
    struct dom *d = dom_find(&xs->st.doms, id);
    if (d && d->ring)
        return introduce_again(r, d, gfn, (uint32_t)port);
    bool known = d != NULL;
    if (!known && !host_dom_alive(id))
        return -EINVAL;
    d = dom_make(&xs->st.doms, id);
    if (!d)
        return -ENOMEM;
    int rc = domain_introduce(xs, d, gfn, (uint32_t)port);
    if (rc) {
        log_line("domain %u: its ring cannot be mapped: %s", id, strerror(-rc));
        if (!known)
            dom_end(&xs->st.doms, d);
        return -EINVAL;
    }
    ack(r);
    event_fire_special(xs, SPECIAL_INTRODUCE);
    return 0;
}

static int introduced_dom(struct req *r, struct dom **d)
{
    unsigned id;
    size_t len;
    if (arg_one(r, &len) || arg_domid(r->data, &id))
        return -EINVAL;
    *d = dom_find(&r->xs->st.doms, id);
    return *d && (*d)->introduced ? 0 : -ENOENT;
}

int op_release(struct req *r)
{
    struct dom *d;
    int rc = introduced_dom(r, &d);
    if (rc)
        return rc;
    if (d->id == 0)
        return -EINVAL;
    ack(r);
    domain_gone(r->xs, d);
    event_fire_special(r->xs, SPECIAL_RELEASE);
    return 0;
}

int op_resume(struct req *r)
{
    struct dom *d;
    int rc = introduced_dom(r, &d);
    if (rc)
        return rc;
    d->shutdown = false;
    rec_dom(r->xs, d);
    ack(r);
    return 0;
}

int op_set_target(struct req *r)
{
    struct xs *xs = r->xs;
    const char *arg[2];
    unsigned id, target;
    if (arg_count(r) < 2 || arg_strings(r, arg, 2) || arg_domid(arg[0], &id) ||
        arg_domid(arg[1], &target))
        return -EINVAL;
    struct dom *d = dom_find(&xs->st.doms, id), *t = dom_find(&xs->st.doms, target);
    if (!d || !d->introduced || !t || !t->introduced)
        return -ENOENT;
    d->target = (int)target;
    d->target_life = t->life;
    rec_dom(xs, d);
    ack(r);
    return 0;
}
