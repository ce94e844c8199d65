/*
 * A connection to the xenstore's socket: requests out, replies and watch events in
 * (xen/io/xs_wire.h). xb.c has daemons' requests and watches on it, lib/store.c the commands'.
 *
 *   L1  replies come in the order of the requests; between them come watch events at any place
 *   L2  many requests may be on their way, but no more than XLINK_AHEAD of them with XLINK_BYTES
 *       together: so much fits into the sockets' buffers, and neither side can wait for the other
 *       to read
 *
 * Requests go out together, when a reply is wanted or no more fit.
 */
#ifndef DKIT_XLINK_H
#define DKIT_XLINK_H

#include <errno.h> /* first: xs_wire.h's table of errors is there only then */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/abi.h"
#include <xen/io/xs_wire.h>

enum { XLINK_AHEAD = 64, XLINK_BYTES = 16384 };

struct xlink {
    int fd;           /* -1: not connected */
    bool late;        /* it was given up, as no reply came in time */
    unsigned waiting; /* requests whose replies have not been taken */
    size_t out_len, sent, in_at, in_len;
    char out[XLINK_BYTES], in[XLINK_BYTES];
    char payload[XENSTORE_PAYLOAD_MAX + 1];
};

/* A message that came; its payload, with a 0 behind it, is good until the next is taken. */
struct xlink_msg {
    uint32_t type, len;
    const char *payload;
};

struct part {
    const void *data;
    size_t len;
};

/* All but the buffers is set here, so `l` may be of any memory. 0 or -errno. */
int xlink_connect(struct xlink *l);
/* Closes it; what was on its way is lost. Fine if it is not connected. */
void xlink_drop(struct xlink *l);
/* How long the next message is waited for, at most; without it: for ever. */
void xlink_patience(struct xlink *l, unsigned ms);

/* Whether one more request of this payload may go before replies are taken (L2). */
bool xlink_room(const struct xlink *l, size_t payload);
/* Needs xlink_room(). 0, -E2BIG: too long for a message. */
int xlink_ask(struct xlink *l, uint32_t type, uint32_t tx, const struct part *parts, size_t n);
/*
 * The next message, waited for. What was asked is sent first. -ECONNRESET: the connection is gone,
 * drop it.
 */
int xlink_take(struct xlink *l, struct xlink_msg *m);
/* A whole message is here already: xlink_take() would not wait. The socket says nothing of it. */
bool xlink_here(const struct xlink *l);
/* 0 or -errno: what a reply to a request of this type says. */
int xlink_verdict(const struct xlink_msg *m, uint32_t type);

#endif
