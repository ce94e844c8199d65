/*
 * Domains as the store knows them: whether one is alive, what it owns, what it uses.
 *
 * A domain id is used again after its domain has died. Each use is a `life`; permissions name a
 * domain by id and life, so what was granted to the dead one is worth nothing to the next.
 *
 *   D1  nodes is the length of `owned`; both cover just the nodes whose first permission names
 *       this domain in its present life
 *   D2  mem is the sum of dom_charge()s for nodes, watches, transactions and unread output
 */
#ifndef STORE_DOM_H
#define STORE_DOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define DOM_FIRST_RESERVED 0x7ff0u /* DOMID_FIRST_RESERVED */

struct conn;

struct dom {
    uint16_t id;
    uint32_t life;
    bool introduced;
    bool shutdown; /* its shutdown was announced */
    int target;    /* domain it acts for (XS_SET_TARGET), or -1 */
    uint32_t target_life;
    struct conn *ring; /* its connection, when introduced */
    struct list all;
    struct list owned; /* struct node.owned */
    uint32_t nodes;
    uint32_t watches;
    uint32_t txns;
    uint64_t mem;
    uint64_t mem_max;    /* highest mem so far */
    uint32_t quota_hit;  /* bit per quota_kind: refusal already logged */
    uint32_t quota_ever; /* likewise: refused at some time, for `quota usage` */
};

struct doms {
    struct list all;
    struct dom *by_id[DOM_FIRST_RESERVED];
    uint32_t life[DOM_FIRST_RESERVED]; /* of the present or next domain with this id */
};

/* Domain 0 exists from the start. 0 or -ENOMEM. */
int doms_init(struct doms *ds);

/* The domain, if the store has heard of it in its present life; else NULL. */
struct dom *dom_find(const struct doms *ds, unsigned id);

/* The domain, made if need be; NULL: no memory, or the id is reserved. */
struct dom *dom_make(struct doms *ds, unsigned id);

/* End this life. It must own nothing, watch nothing, have no connection. */
void dom_end(struct doms *ds, struct dom *d);

/* Is (id, life) somebody who lives now or is yet to come? */
static inline bool dom_current(const struct doms *ds, unsigned id, uint32_t life)
{
    return id < DOM_FIRST_RESERVED && ds->life[id] == life;
}

static inline bool dom_privileged(const struct dom *d)
{
    return d->id == 0;
}

static inline void dom_charge(struct dom *d, int64_t bytes)
{
    d->mem += (uint64_t)bytes;
    if (d->mem > d->mem_max)
        d->mem_max = d->mem;
}

#endif
