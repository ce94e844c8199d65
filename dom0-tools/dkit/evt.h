/*
 * Event channels of a daemon, in its loop.
 */
#ifndef DKIT_EVT_H
#define DKIT_EVT_H

#include "base/bits.h"

/* Our end of a channel; port -1: none. */
struct evt {
    /*
     * The other end has signalled. Our port stays masked, however often it does, until
     * evt_unmask(): call that when the work is done, not before (a flood then costs the guest, not
     * us), and look at the ring once more after it only if the ring's protocol asks for it.
     */
    void (*raised)(struct evt *e);
    int port;
};

/* Opens /dev/xen/evtchn and joins it to the loop. 0 or -errno. */
int evt_open(void) NODISCARD;
/* From now on only channels to this domain can be bound. 0 or -errno. */
int evt_restrict(unsigned domid) NODISCARD;

/* Bind to the guest's unbound port. It counts as raised once at the start: look at the ring. */
int evt_bind(struct evt *e, unsigned domid, uint32_t port) NODISCARD;
/* A VIRQ of ours (VIRQ_DOM_EXC: some domain has died). */
int evt_bind_virq(struct evt *e, unsigned virq) NODISCARD;
void evt_unbind(struct evt *e);
void evt_notify(const struct evt *e);
void evt_unmask(const struct evt *e);

/* --- for who waits otherwise than by epoll (uring.h) ------------------------------------------ */

/*
 * The device leaves the loop; its descriptor, which does not block any more, or -errno. `unmask`
 * does it for evt_unmask(); false: it cannot just now, and it is done here.
 */
int evt_take_over(bool (*unmask)(const struct evt *e)) NODISCARD;
/* These ports have been read from it. */
void evt_raised(const uint32_t *ports, size_t n);

#endif
