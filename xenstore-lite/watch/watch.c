/*
 * The table of watched paths.
 */
#include "watch/watch.h"

#include <errno.h>
#include <string.h>

#include "store/mem.h"

int watch_table_init(struct watch_table *t)
{
    t->buckets = 256;
    t->points = t->watches = 0;
    t->bucket = mem_get(sizeof(struct watch_point *) * t->buckets);
    return t->bucket ? 0 : -ENOMEM;
}

void watch_table_free(struct watch_table *t)
{
    mem_put(t->bucket);
}

static size_t slot(const struct watch_table *t, uint64_t hash)
{
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (t->buckets - 1);
}

struct watch_point *watch_point_maybe(const struct watch_table *t, uint64_t hash)
{
    for (struct watch_point *pt = t->bucket[slot(t, hash)]; pt; pt = pt->hnext)
        if (pt->hash == hash)
            return pt;
    return NULL;
}

static size_t prefix_len(const struct path *p, unsigned depth)
{
    return p->special || depth == 0 ? p->special ? p->len : 1u : p->end[depth];
}

struct watch_point *watch_point_at(const struct watch_table *t, const struct path *p,
                                   unsigned depth)
{
    uint64_t hash = p->hash[depth];
    size_t len = prefix_len(p, depth);
    for (struct watch_point *pt = t->bucket[slot(t, hash)]; pt; pt = pt->hnext)
        if (pt->hash == hash && pt->len == len && memcmp(pt->path, p->text, len) == 0)
            return pt;
    return NULL;
}

struct watch *watch_find(const struct watch_table *t, const struct conn *c, const struct path *p,
                         const char *token, size_t token_len)
{
    struct watch_point *pt = watch_point_at(t, p, p->depth);
    if (!pt)
        return NULL;
    list_for_each (it, &pt->watches) {
        struct watch *w = list_entry(it, struct watch, at_point);
        if (w->conn == c && w->token_len == token_len && memcmp(w->token, token, token_len) == 0)
            return w;
    }
    return NULL;
}

static void grow(struct watch_table *t)
{
    uint32_t old = t->buckets;
    struct watch_point **was = t->bucket;
    struct watch_point **now = mem_get(sizeof(struct watch_point *) * old * 2);
    if (!now)
        return; /* longer chains are slower, not wrong */
    t->bucket = now;
    t->buckets = old * 2;
    for (uint32_t i = 0; i < old; i++)
        for (struct watch_point *pt = was[i], *next; pt; pt = next) {
            next = pt->hnext;
            pt->hnext = now[slot(t, pt->hash)];
            now[slot(t, pt->hash)] = pt;
        }
    mem_put(was);
}

static struct watch_point *make_point(struct watch_table *t, const struct path *p)
{
    struct watch_point *pt = mem_get(sizeof(*pt) + p->len + 1u);
    if (!pt)
        return NULL;
    pt->hash = p->hash[p->depth];
    pt->len = p->len;
    memcpy(pt->path, p->text, p->len + 1u);
    list_init(&pt->watches);
    if (t->points >= t->buckets)
        grow(t);
    struct watch_point **b = &t->bucket[slot(t, pt->hash)];
    pt->hnext = *b;
    *b = pt;
    t->points++;
    return pt;
}

static void drop_point(struct watch_table *t, struct watch_point *pt)
{
    struct watch_point **at = &t->bucket[slot(t, pt->hash)];
    while (*at != pt)
        at = &(*at)->hnext;
    *at = pt->hnext;
    t->points--;
    mem_put(pt);
}

int watch_add(struct watch_table *t, struct conn *c, struct list *of_conn, const struct path *p,
              const char *token, size_t token_len, struct watch **made)
{
    if (watch_find(t, c, p, token, token_len))
        return -EEXIST;
    struct watch *w = mem_get(sizeof(*w) + token_len + 1);
    if (!w)
        return -ENOMEM;
    struct watch_point *pt = watch_point_at(t, p, p->depth);
    if (!pt)
        pt = make_point(t, p);
    if (!pt) {
        mem_put(w);
        return -ENOMEM;
    }
    w->point = pt;
    w->conn = c;
    w->home = p->home;
    w->token_len = (uint16_t)token_len;
    memcpy(w->token, token, token_len);
    list_push_back(&pt->watches, &w->at_point);
    list_push_back(of_conn, &w->of_conn);
    t->watches++;
    *made = w;
    return 0;
}

void watch_remove(struct watch_table *t, struct watch *w)
{
    struct watch_point *pt = w->point;
    list_remove(&w->at_point);
    list_remove(&w->of_conn);
    t->watches--;
    if (list_empty(&pt->watches))
        drop_point(t, pt);
    mem_put(w);
}

size_t watch_cost(size_t path_len, size_t token_len)
{
    return sizeof(struct watch) + sizeof(struct watch_point) + path_len + token_len + 2;
}
