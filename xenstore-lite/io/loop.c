/*
 * The one loop: wait, handle what is ready, send what that produced.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "io/daemon.h"
#include "io/state.h"
#include "store/log.h"

#include <string.h>

#define BATCH 64

int loop_add(struct source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    return epoll_ctl(d.epoll, EPOLL_CTL_ADD, s->fd, &e) ? -errno : 0;
}

void loop_change(struct source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    if (epoll_ctl(d.epoll, EPOLL_CTL_MOD, s->fd, &e))
        log_line("epoll_ctl: %s", strerror(errno));
}

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

void loop_run(void)
{
    struct epoll_event ready[BATCH];
    bool more = true; /* rings to be caught up with */
    while (!d.stop) {
        int n = epoll_wait(d.epoll, ready, BATCH, more ? 0 : -1);
        if (n < 0 && errno != EINTR) {
            log_line("epoll_wait: %s", strerror(errno));
            return;
        }
        for (int i = 0; i < n; i++) {
            struct source *s = ready[i].data.ptr;
            s->ready(s, ready[i].events);
            flush_all();
        }
        more = ring_turn();
        flush_all();
        state_commit(&d.xs);
        sock_bury();
    }
}
