/*
 * Watches: who wants to hear of changes at or below which path.
 *
 * Watches on the same path hang on one `point`; points are found by the hash of their path, so an
 * event costs one probe per component of the changed path, however many watches there are.
 *
 *   W1  a point exists just while it has watches
 *   W2  a watch is in its point's list and in its connection's list
 *   W3  a domain's count of watches is the sum over its connections
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/path.h"

struct conn;

struct watch_point {
    struct watch_point *hnext;
    uint64_t hash;
    struct list watches;
    uint16_t len;
    char path[];
};

struct watch {
    struct list at_point;
    struct list of_conn;
    struct watch_point *point;
    struct conn *conn;
    uint64_t last_start; /* position in the output of the last event queued for it */
    uint64_t last_hash;  /* path of that event; 0: none yet */
    uint16_t home;       /* leading bytes of the path that events leave out */
    bool missed;         /* events were dropped: tell when there is room again */
    uint16_t token_len;
    char token[]; /* NUL at the end */
};

struct watch_table {
    struct watch_point **bucket;
    uint32_t buckets; /* power of two */
    uint32_t points;
    uint32_t watches;
};

/* 0 or -ENOMEM. */
int watch_table_init(struct watch_table *t) NODISCARD;
void watch_table_free(struct watch_table *t);

/*
 * Add a watch to the list `of_conn`. On success *made is the watch.
 * -EEXIST: this connection has one with the same path and token; -ENOMEM.
 */
int watch_add(struct watch_table *t, struct conn *c, struct list *of_conn, const struct path *p,
              const char *token, size_t token_len, struct watch **made) NODISCARD;

/* The connection's watch with this path and token, or NULL. */
struct watch *watch_find(const struct watch_table *t, const struct conn *c, const struct path *p,
                         const char *token, size_t token_len);

void watch_remove(struct watch_table *t, struct watch *w);

/* The point on the first `depth` components of p (special: depth 0), or NULL. */
struct watch_point *watch_point_at(const struct watch_table *t, const struct path *p,
                                   unsigned depth);

/* As above by hash alone, for callers that check the path only when they have found something. */
struct watch_point *watch_point_maybe(const struct watch_table *t, uint64_t hash);

/* Memory that a watch is charged with. */
size_t watch_cost(size_t path_len, size_t token_len);

#endif
