/*
 * Paths: the only place that turns a client's bytes into the name of a node.
 *
 * A parsed path carries the hash of each of its prefixes, so that a node, its ancestors and the
 * watches on all of them are each found by one probe of a hash table.
 */
#ifndef STORE_PATH_H
#define STORE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

#define PATH_ABS_MAX   3072u /* XENSTORE_ABS_PATH_MAX */
#define PATH_REL_MAX   2048u /* XENSTORE_REL_PATH_MAX */
#define PATH_DEPTH_MAX (PATH_ABS_MAX / 2)
#define PATH_BUF       (PATH_ABS_MAX + 1)

struct path {
    uint16_t len;                      /* of text, without the NUL */
    uint16_t depth;                    /* number of components; 0 is "/" */
    uint16_t home;                     /* bytes of text the client did not write: "…/" or 0 */
    bool special;                      /* "@releaseDomain" and its like */
    uint16_t end[PATH_DEPTH_MAX + 1];  /* text[0..end[i]) is the first i components; end[0] = 0 */
    uint64_t hash[PATH_DEPTH_MAX + 1]; /* hash[i]: of the first i components */
    char text[PATH_BUF];
};

/* Secret of the hash: without it a guest cannot choose names that collide. Call once, first. */
void path_seed(uint64_t secret);

/*
 * Parse `len` bytes (no NUL among them). A path that starts neither with '/' nor '@' is taken to
 * be below `home` (such as "/local/domain/7", no slash at its end).
 * rel_max: how long the part may be that is relative, or that lies below /local/domain/N/.
 * Returns 0 or -EINVAL. On failure *p is undefined.
 */
int path_parse(struct path *p, const char *text, size_t len, const char *home,
               size_t rel_max) NODISCARD;

/* For names the daemon makes itself; stops the program if one is not valid. */
void path_set(struct path *p, const char *absolute);

/* Append a component of `len` valid characters. -EINVAL: the result would be too long. */
int path_push(struct path *p, const char *name, size_t len) NODISCARD;

/* Drop the last component; depth must not be 0. */
void path_pop(struct path *p);

/* Hash of the child `name` of a node whose own hash is `parent`. */
uint64_t path_hash_child(uint64_t parent, const char *name, size_t len);

/* Component i, 1 <= i <= depth. */
static inline const char *path_name(const struct path *p, unsigned i, size_t *len)
{
    size_t start = p->end[i - 1] + 1u;
    *len = p->end[i] - start;
    return p->text + start;
}

#endif
