/*
 * The daemon's whole state, and a connection: one client, by socket or by a guest's ring.
 */
#ifndef WIRE_SERVER_H
#define WIRE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include "base/bits.h"
#include "base/list.h"
#include "store/node.h"
#include "store/quota.h"
#include "txn/txn.h"
#include "watch/watch.h"
#include "wire/outq.h"
#include "wire/record.h"

enum { SPECIAL_INTRODUCE, SPECIAL_RELEASE, SPECIALS };

struct conn {
    struct list all;
    struct list dirty; /* in xs.dirty while there is new output */
    struct dom *dom;   /* for whom it speaks */
    bool ring;         /* a guest's (or dom0's kernel's) ring: outlives the daemon */
    bool broken;       /* no request is looked at any more */
    bool mute;         /* nothing is sent: requests are made again on replay */
    struct outq out;
    uint32_t replies; /* in out, since it was last empty */
    uint32_t missed;  /* watches with `missed` set */
    struct list watches;
    struct list txns;
    uint32_t ntxns;
    uint32_t next_txn;
    char home[24];   /* "/local/domain/N" */
    uint64_t in_pos; /* ring: bytes of requests taken so far */
    uint64_t ring_gfn;
    uint32_t ring_port; /* the guest's end of the event channel */
    void *io;           /* belongs to io/ */
};

struct xs {
    struct store st;
    struct watch_table watches;
    struct quota quota;
    struct list conns;
    struct list dirty;
    struct perms *special[SPECIALS];
    struct rec rec;
    bool trace;
    /* Scratch, valid within one request. */
    struct path path;  /* the request's path */
    struct path event; /* the path an event is about */
    char reply[XENSTORE_PAYLOAD_MAX];
};

/* An empty store with root, /tool and /tool/xenstored. 0 or -ENOMEM. */
int xs_init(struct xs *xs) NODISCARD;
void xs_free(struct xs *xs);

/* NULL: no memory. */
struct conn *conn_open(struct xs *xs, struct dom *d, bool ring);

/* Drop a connection with its watches, transactions and unread output. */
void conn_close(struct xs *xs, struct conn *c);

/* All watches and transactions, as XS_RESET_WATCHES. */
void conn_reset(struct xs *xs, struct conn *c);

struct txn *conn_txn(struct conn *c, uint32_t id);
void conn_end_txn(struct xs *xs, struct conn *c, struct txn *t);

/* May the connection's next request be handled, or has the client too many replies to read? */
bool conn_may_request(const struct xs *xs, const struct conn *c);

/* `n` bytes of output were sent. */
void conn_sent(struct xs *xs, struct conn *c, size_t n);

/*
 * Handle one request: hdr with hdr->len <= XENSTORE_PAYLOAD_MAX bytes of payload (private copies).
 * Replies and events are in the connections' output after it.
 */
void wire_request(struct xs *xs, struct conn *c, const struct xsd_sockmsg *hdr,
                  const char *payload);

/* Is this a request that can be made within a transaction, other than to end it? */
bool wire_in_txn(uint32_t type);

/* Queue a message. On lack of memory the connection is broken. */
void wire_send(struct xs *xs, struct conn *c, uint32_t type, uint32_t req_id, uint32_t tx_id,
               const void *data, size_t len);

/*
 * Tell the watches of a change at `p`. exact: only those on just this path. A client hears of it
 * if one of the given permission sets (NULL: none) lets it read.
 */
void event_fire(struct xs *xs, const struct path *p, bool exact, const struct perms *old,
                const struct perms *now, const struct perms *parent);
void event_fire_special(struct xs *xs, unsigned which);

/* Events for a subtree that is about to be removed; records the removal; removes it. */
void event_remove_subtree(struct xs *xs, struct node *n);

/* First event of a new watch, also used when events had to be dropped. */
void event_tell(struct xs *xs, struct watch *w);

/* Introduce d with a ring at gfn, port. 0 or -errno. */
int domain_introduce(struct xs *xs, struct dom *d, uint64_t gfn, uint32_t port) NODISCARD;

/* d is dead or released: everything that was its own goes. Does not tell @releaseDomain. */
void domain_gone(struct xs *xs, struct dom *d);

/* The domain for a permission entry: makes it known if it is alive; NULL if there is none. */
struct dom *domain_for_perm(struct xs *xs, unsigned id);

/* The invariants of all parts; NULL or what is wrong. */
const char *xs_audit(const struct xs *xs);

#endif
