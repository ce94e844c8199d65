/*
 * What each turn of the loop ends with, whatever was ready in it: rings that wait for theirs, what
 * is to be sent, the journal, the burial of closed connections.
 */
#include "io/daemon.h"
#include "io/state.h"

static void flush_all(void)
{
    struct list *link;
    while ((link = list_pop_front(&d.xs.dirty))) {
        struct conn *c = list_entry(link, struct conn, dirty);
        if (c->ring)
            ring_flush(c);
        else
            sock_flush(c);
    }
}

static void end_turn(struct job *turn)
{
    flush_all();
    if (ring_turn())
        job_later(turn);
    flush_all();
    state_commit(&d.xs);
    sock_bury();
}

void turn_later(void)
{
    static struct job turn;
    if (!turn.run)
        job_init(&turn, end_turn);
    job_later(&turn);
}
