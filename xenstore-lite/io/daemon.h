/*
 * The daemon's parts around the pure store, and the loop that joins them.
 */
#ifndef IO_DAEMON_H
#define IO_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "wire/server.h"

/* Something that epoll watches. */
struct source {
    void (*ready)(struct source *s, uint32_t events);
    int fd;
};

struct daemon {
    struct xs xs;
    int epoll;
    bool no_domains; /* sockets only; there may be no Xen at all */
    bool stop;
};
extern struct daemon d;

/* loop.c: 0 or -errno. */
int loop_add(struct source *s, uint32_t events) NODISCARD;
void loop_change(struct source *s, uint32_t events);
void loop_run(void);

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

/* confine.c: give up all privileges, allow only the system calls of the loop. 0 or -errno. */
int confine(void) NODISCARD;

/* log.c */
void log_open(bool to_stderr, const char *trace_file);

#endif
