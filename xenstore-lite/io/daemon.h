/*
 * The daemon's parts around the pure store, and the loop that joins them.
 */
#ifndef IO_DAEMON_H
#define IO_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "dkit/loop.h"
#include "wire/server.h"

struct daemon {
    struct xs xs;
    bool no_domains; /* sockets only; there may be no Xen at all */
};
extern struct daemon d;

/* turn.c: send what is to be sent, once what is ready now has been served. Whoever serves asks for
 * it. */
void turn_later(void);

/* sock.c: listen at `path`. 0 or -errno. */
int sock_listen(const char *path) NODISCARD;
/* Send what is queued for a connection by socket. */
void sock_flush(struct conn *c);
/* Free connections that were closed while their descriptors may still have had events pending. */
void sock_bury(void);

/* domring.c */

/* Bind the signal of dying domains, introduce domain 0. 0 or -errno, *what failed. */
int ring_start(const char **what) NODISCARD;
/* After state_load(): map every ring there was, where its domain still lives. */
void ring_restore(void);
/* Look at every ring and every domain once: nobody knows what was signalled while we were away. */
void ring_catch_up(void);
void ring_flush(struct conn *c);
/* Rings that had more requests than their turn allowed: serve them again. True: some are left. */
bool ring_turn(void);

#endif
