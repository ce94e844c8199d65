/*
 * The table of domains and their lives.
 */
#include "store/dom.h"

#include <errno.h>

#include "store/mem.h"

int doms_init(struct doms *ds)
{
    list_init(&ds->all);
    return dom_make(ds, 0) ? 0 : -ENOMEM;
}

struct dom *dom_find(const struct doms *ds, unsigned id)
{
    return id < DOM_FIRST_RESERVED ? ds->by_id[id] : NULL;
}

struct dom *dom_make(struct doms *ds, unsigned id)
{
    if (id >= DOM_FIRST_RESERVED)
        return NULL;
    struct dom *d = ds->by_id[id];
    if (d)
        return d;
    d = mem_get(sizeof(*d));
    if (!d)
        return NULL;
    d->id = (uint16_t)id;
    d->life = ds->life[id];
    d->target = -1;
    list_init(&d->owned);
    list_push_back(&ds->all, &d->all);
    ds->by_id[id] = d;
    return d;
}

void dom_end(struct doms *ds, struct dom *d)
{
    ds->by_id[d->id] = NULL;
    ds->life[d->id]++;
    list_remove(&d->all);
    mem_put(d);
}
