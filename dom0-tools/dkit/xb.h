/*
 * The xenstore for daemons: requests that are answered at once, watches in the loop.
 *
 * A client of its own (xen/io/xs_wire.h, on the store's socket) because libxenstore needs a thread
 * for watches and does not tell when its connection is gone. Here the connection is made again by
 * itself when the store was killed and started anew, and all watches are set again; each then fires
 * once, so whoever looks at the nodes when its watch fires has missed nothing.
 *
 * Paths are printf-formatted and absolute.
 */
#ifndef DKIT_XB_H
#define DKIT_XB_H

#include <sys/types.h>

#include "base/list.h"

/* Connects and joins the loop. 0 or -errno. */
int xb_open(void) NODISCARD;
/* After fork(), in a child that is not to have it: lets go of the descriptor. */
void xb_forget(void);

/* --- reading and writing --------------------------------------------------------------------- */

/* The value, malloced and 0-terminated; NULL with errno (ENOENT: no such node). */
char *xb_read(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A decimal number of 0 to `max`; `otherwise` if there is none or it is anything else. */
uint64_t xb_number(uint64_t otherwise, uint64_t max, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool xb_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Names of the children, one allocation; *n of them, NULL when there are none. */
char **xb_list(unsigned *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int xb_write(const char *value, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int xb_write_number(uint64_t value, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* With all below it; none there is no error. */
int xb_remove(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * All of the above between these two is one transaction: xb_end() gives -EAGAIN when others
 * changed what it had read, and it is to be done again; so it is too if the connection is lost.
 */
int xb_begin(void) NODISCARD;
int xb_end(bool commit) NODISCARD;

/* --- watches --------------------------------------------------------------------------------- */

struct xb_watch {
    /* `path`: the node that changed, or the watched one when the watch is new. */
    void (*fired)(struct xb_watch *w, const char *path);
    /* Only the node itself, not those below it (which are a guest's to make in any number). */
    bool exact;
    /* xb.c's */
    char *path;
    unsigned token;
    struct list link;
};
/* Sets fired and exact before. 0 or -errno. It fires once soon after, from the loop. */
int xb_watch(struct xb_watch *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fine in any callback; one that is not set is left alone. */
void xb_unwatch(struct xb_watch *w);

#endif
