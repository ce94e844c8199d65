/*
 * Shared by the handlers of requests.
 */
#ifndef WIRE_OPS_PRIVATE_H
#define WIRE_OPS_PRIVATE_H

#include "wire/server.h"

struct req {
    struct xs *xs;
    struct conn *c;
    const struct xsd_sockmsg *hdr;
    const char *data; /* hdr->len bytes */
    size_t len;
    struct txn *txn; /* NULL: none */
};

/* A node as the request sees it, in its transaction or in the store. */
struct view {
    struct perms *perms; /* NULL: not there */
    struct node *live;   /* without transaction */
    struct tnode *t;     /* within one */
};

/* Handlers return 0 after having replied, or -errno for the reply to be made from. */
typedef int handler(struct req *r);

/* parse.c */

/* The payload is one string with its NUL and nothing else: its length, or -EINVAL. */
int arg_one(const struct req *r, size_t *len) NODISCARD;

/* The payload is at least n strings; out[i] is the i-th. -EINVAL if there are fewer. */
int arg_strings(const struct req *r, const char **out, size_t n) NODISCARD;

/* How many whole strings the payload holds; a rest without NUL does not count. */
size_t arg_count(const struct req *r);

/* Digits only, at most max. 0 or -EINVAL. */
int arg_number(const char *s, uint64_t max, uint64_t *out) NODISCARD;
int arg_domid(const char *s, unsigned *out) NODISCARD;

/* Parse the first string as the request's path into xs->path. */
int arg_path(struct req *r, const char *s, size_t len) NODISCARD;

/* view.c */

/* Look at xs->path, whole or its first `depth` components; -ENOMEM, -ENOSPC in a transaction. */
int view_get(struct req *r, unsigned depth, unsigned needs, struct view *v) NODISCARD;
/* The value of a node that is there. 0 or -ENOMEM. */
int view_value(const struct req *r, const struct view *v, const char **value,
               size_t *len) NODISCARD;

/*
 * As view_get() of the whole path, and the client must have all of `perm`. -ENOENT if the node is
 * not there, but -EACCES to who could not know that (no such permission on the nearest parent).
 */
int view_need(struct req *r, unsigned perm, unsigned needs, struct view *v) NODISCARD;

/* Depth of the longest existing prefix of xs->path, and its permissions. */
unsigned view_nearest(const struct req *r, const struct perms **perms);

/* Which special path this is, or -1. */
int special_index(const struct path *p);

bool may(const struct req *r, const struct perms *p, unsigned perm);

/* ops.c */
void ack(struct req *r);
void reply(struct req *r, const void *data, size_t len);

handler op_control, op_directory, op_directory_part, op_read, op_get_perms, op_watch, op_unwatch,
    op_reset_watches, op_txn_start, op_txn_end, op_introduce, op_release, op_domain_path, op_write,
    op_mkdir, op_rm, op_set_perms, op_is_introduced, op_resume, op_set_target;

#endif
