/*
 * Records: every change that must outlive the daemon, as bytes, and back again.
 *
 * One request makes one frame of records; a frame counts wholly or not at all (io/state.c). A
 * snapshot is written in the same form, so loading is replaying.
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "store/node.h"

struct xs;
struct xsd_sockmsg;
struct txn;
struct conn;
struct watch;

struct rec {
    char *buf;
    size_t len;
    size_t room;
    bool on;   /* off while loading and in a daemon without a state file */
    bool lost; /* no memory for a record: the file no longer tells all (until the next snapshot) */
};

void rec_set(struct xs *xs, const struct node *n);   /* node made, or permissions changed */
void rec_value(struct xs *xs, const struct node *n); /* value changed */
void rec_remove(struct xs *xs, const struct node *n);
void rec_special(struct xs *xs, unsigned which, const struct perms *p);
void rec_quota(struct xs *xs, unsigned kind, uint32_t value);

/* The rest concern guests' rings; for other connections they do nothing. */
void rec_watch(struct xs *xs, const struct watch *w, bool add);
void rec_missed(struct xs *xs, const struct watch *w);
void rec_reset_watches(struct xs *xs, const struct conn *c);
void rec_txn(struct xs *xs, const struct conn *c, uint32_t id, bool start);
/* A request within a transaction was carried out: the same again, on replay, rebuilds its view. */
void rec_txn_request(struct xs *xs, const struct conn *c, struct txn *t,
                     const struct xsd_sockmsg *hdr, const char *payload);
void rec_output(struct xs *xs, const struct conn *c, const void *data, size_t len);
void rec_consumed(struct xs *xs, const struct conn *c, uint64_t position);

/* A domain was introduced, or its connection set up anew: ring positions, place and port. */
void rec_ring(struct xs *xs, const struct conn *c);
void rec_dom(struct xs *xs, const struct dom *d); /* shutdown and target */
void rec_dom_end(struct xs *xs, const struct dom *d);

/* Everything there is, as records; `flush` takes what has gathered after each piece. */
void rec_snapshot(struct xs *xs, void (*flush)(struct xs *xs));

/* Carry out the records of one frame. 0; -EINVAL: not such records; -ENOMEM. */
int rec_replay(struct xs *xs, const char *data, size_t len) NODISCARD;

#endif
