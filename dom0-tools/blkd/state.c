/*
 * The kept state of a device (see state.h). Pure.
 */
#include "blkd/state.h"

#include <string.h>

#include "blkd/step.h"

void state_begin(struct state_file *f, uint32_t domid, const struct state_rings *rings)
{
    f->magic = 0;
    store_order();
    f->domid = domid;
    f->rings = *rings;
    memset(&f->count, 0, sizeof f->count);
    for (unsigned i = 0; i < STATE_QUEUES; i++) {
        f->queue[i].cons = f->queue[i].slots = 0;
        for (unsigned k = 0; k < STATE_SLOTS; k++)
            if (f->queue[i].entry[k].busy) /* do not touch pages of a sparse file for nothing */
                f->queue[i].entry[k].busy = 0;
    }
    store_order();
    f->magic = STATE_MAGIC;
}

bool state_fits(const struct state_file *f, uint32_t domid, const struct state_rings *rings)
{
    return f->magic == STATE_MAGIC && f->domid == domid &&
           memcmp(&f->rings, rings, sizeof *rings) == 0;
}

bool state_recover(struct state_queue *s, struct ring *r)
{
    uint32_t busy = 0;
    if (s->slots != r->slots || r->slots > STATE_SLOTS)
        return false;
    for (uint32_t i = 0; i < r->slots; i++) {
        struct state_entry *e = &s->entry[i];
        if (e->busy && s->cons - e->index - 1 >= 0x80000000u)
            e->busy = 0; /* killed before cons moved (S1): it is taken again */
        busy += e->busy != 0;
    }
    r->cons = s->cons;
    r->prod = r->shown = s->cons - busy;
    return true;
}
