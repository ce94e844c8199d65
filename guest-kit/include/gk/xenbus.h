/*
 * Xenstore, and the handshake between front-end and back-end built on it.
 *
 * Paths that do not begin with '/' are below the guest's own /local/domain/<domid>. In a guest
 * without xenstore (dom0) every function returns -XEN_ENOSYS. All of them may block unless said
 * otherwise. While xenstored is away or does not answer they wait, and go on when it is back; when
 * it answers nonsense: -XEN_EIO, then and ever after. -XEN_ENOMEM: here; -XEN_EACCES, -XEN_EINVAL
 * (also: more than 4096 bytes), -XEN_ENOSPC (a quota) and so on: its own answers.
 */
#ifndef GK_XENBUS_H
#define GK_XENBUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gk/kit.h>

/* A transaction; 0 stands for none. */
typedef uint32_t gk_xs_tx;
#define GK_XS_NONE 0

/* The node's value, with a NUL behind it, to be freed by gk_free(); length may be NULL.
 * -XEN_ENOENT: no such node. */
int gk_xs_read(gk_xs_tx tx, const char *path, char **value, size_t *length);
/* The same into a buffer (cut to size - 1 bytes, always a NUL). Returns the value's full length. */
int gk_xs_read_into(gk_xs_tx tx, const char *path, char *value, size_t size);
/* A number, decimal. -XEN_EINVAL: the value is none. */
int gk_xs_read_u64(gk_xs_tx tx, const char *path, uint64_t *value);
/* A number, or `otherwise` when absent or malformed. */
uint64_t gk_xs_read_or(const char *path, uint64_t otherwise);
int gk_xs_write(gk_xs_tx tx, const char *path, const char *value);
int gk_xs_printf(gk_xs_tx tx, const char *path, const char *format, ...) GK_PRINTF(3, 4);
int gk_xs_mkdir(gk_xs_tx tx, const char *path);
int gk_xs_rm(gk_xs_tx tx, const char *path);
/* Lets one other domain read a node of ours, and nobody else. */
int gk_xs_share(gk_xs_tx tx, const char *path, uint16_t domid);
/* Names of the children: an array of *count texts in one block, freed by one gk_free(*names). */
int gk_xs_list(gk_xs_tx tx, const char *path, char ***names, size_t *count);

int gk_xs_begin(gk_xs_tx *tx);
/* Commits or drops. -XEN_EAGAIN: someone else changed what was used; begin again. */
int gk_xs_end(gk_xs_tx tx, bool commit);

/*
 * A watch: call(path, argument) in the kit's xenstore thread, once at first and after each change
 * of `path` or below it; `path` in the call is the one that changed. It may block and use this
 * interface. After gk_xs_unwatch() has returned it is not called (unwatching from within the call
 * is allowed). Watches survive save and restore. A watch that was set is the caller's until
 * gk_xs_unwatch(), which frees it whatever it returns.
 */
struct gk_xs_watch;
int gk_xs_watch(const char *path, void (*call)(const char *path, void *argument), void *argument,
                struct gk_xs_watch **watch);
int gk_xs_unwatch(struct gk_xs_watch *watch);

/* ---- devices ---- */

/* States of one end, as in <xen/io/xenbus.h>. */
enum gk_xb_state {
    GK_XB_UNKNOWN,
    GK_XB_INITIALISING,
    GK_XB_INIT_WAIT,
    GK_XB_INITIALISED,
    GK_XB_CONNECTED,
    GK_XB_CLOSING,
    GK_XB_CLOSED,
    GK_XB_RECONFIGURING,
    GK_XB_RECONFIGURED,
};

#define GK_XB_PATH 96
struct gk_xb_dev {
    char node[GK_XB_PATH];    /* ours: "device/vif/0" */
    char backend[GK_XB_PATH]; /* theirs, absolute */
    uint16_t backend_id;      /* their domain */
    enum gk_xb_state state;   /* ours, as last written */
};

/* Fills *dev from `node`: -XEN_ENOENT when there is no such device. */
int gk_xb_open(struct gk_xb_dev *dev, const char *node);
/* The back-end's state; GK_XB_UNKNOWN when its directory is gone. */
enum gk_xb_state gk_xb_backend_state(const struct gk_xb_dev *dev);
/* Writes our state, unless it is that already. */
int gk_xb_set_state(struct gk_xb_dev *dev, enum gk_xb_state state);
/* Waits until the back-end's state is one of `states` (bits 1 << state). Returns the state, or
 * -XEN_EBUSY at the deadline. */
int gk_xb_wait_backend(const struct gk_xb_dev *dev, unsigned int states, uint64_t deadline);
/* Reads a number below the back-end's directory ("feature-sg"), or `otherwise`. */
uint64_t gk_xb_feature(const struct gk_xb_dev *dev, const char *name, uint64_t otherwise);
/* Writes a number or text below our directory, in a transaction or not. */
int gk_xb_put(const struct gk_xb_dev *dev, gk_xs_tx tx, const char *name, const char *format, ...)
    GK_PRINTF(4, 5);
/* Like gk_xs_watch() on the back-end's state. */
int gk_xb_watch_backend(const struct gk_xb_dev *dev, void (*call)(const char *path, void *argument),
                        void *argument, struct gk_xs_watch **watch);

#endif
