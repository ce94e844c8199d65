/*
 * One guest's console: from the ring to its log, from those who are attached to the ring.
 *
 *   K1  a byte is taken from the ring only when the log has it (slot.h, S1)
 *   K2  a guest is looked at for one ring's worth at a time, and rests when it has had its share:
 *       its ring then stays full, and so it waits, nobody else
 *   K3  who is attached reads the log: a slow one holds up neither guest nor daemon
 */
#ifndef CONSOLED_CONSOLE_H
#define CONSOLED_CONSOLE_H

#include "base/list.h"
#include "consoled/logfile.h"
#include "consoled/ring.h"
#include "dkit/evt.h"
#include "dkit/log.h"
#include "dkit/loop.h"
#include "dkit/xb.h"

struct slot;

struct console {
    unsigned id;
    struct list all;
    struct list clients;
    struct evt evt; /* first raised when bound */
    struct cons_ring ring;
    struct xencons_interface *page; /* NULL: not connected (yet, or any more) */
    struct logfile log;
    struct slot *slot;
    struct xb_watch watch; /* of its console nodes */
    struct timer rest;
    int64_t since; /* when the present share began */
    uint32_t spent;
    bool over;   /* the guest is gone; only who is attached keeps this */
    bool ending; /* in end(): not to be freed under its feet */
    struct log_limit limit;
};

/* Guests that are there, and from now on those that come. 0 or -errno. */
int console_start(bool with_pty) NODISCARD;
/* Looks for its nodes now; NULL: no such guest, or it has no console yet. */
struct console *console_of(unsigned id);
/* Ends all that can be ended; for the end of the daemon. */
void console_stop(void);

/* Input for the guest: how many bytes were taken (0: no room now). */
size_t console_type(struct console *c, const char *bytes, size_t n);
size_t console_room(const struct console *c);
/* A client has left: c may be gone now. */
void console_left(struct console *c);

#endif
