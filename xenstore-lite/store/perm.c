/*
 * Permission sets: shared storage, evaluation, text form.
 */
#include "store/perm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/mem.h"

static size_t bucket_of(const struct perm_table *t, const struct perm *e, uint32_t n)
{
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++)
        h = (h ^ ((uint64_t)e[i].life << 32 | (uint64_t)e[i].mode << 16 | e[i].id)) *
            UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 40) % ARRAY_SIZE(t->bucket);
}

struct perms *perm_get(struct perm_table *t, const struct perm *e, uint32_t n)
{
    struct perms **b = &t->bucket[bucket_of(t, e, n)];
    for (struct perms *p = *b; p; p = p->hnext)
        if (p->n == n && memcmp(p->e, e, n * sizeof(*e)) == 0)
            return perm_ref(p);
    struct perms *p = mem_get(sizeof(*p) + n * sizeof(*e));
    if (!p)
        return NULL;
    p->refs = 1;
    p->n = n;
    memcpy(p->e, e, n * sizeof(*e));
    p->hnext = *b;
    *b = p;
    t->sets++;
    return p;
}

void perm_put(struct perm_table *t, struct perms *p)
{
    if (--p->refs)
        return;
    struct perms **at = &t->bucket[bucket_of(t, p->e, p->n)];
    while (*at != p)
        at = &(*at)->hnext;
    *at = p->hnext;
    t->sets--;
    mem_put(p);
}

static bool names(const struct doms *ds, const struct perm *e, const struct dom *d)
{
    if (!dom_current(ds, e->id, e->life))
        return false;
    return e->id == d->id || ((int)e->id == d->target && e->life == d->target_life);
}

unsigned perm_for(const struct doms *ds, const struct dom *d, const struct perms *p)
{
    if (dom_privileged(d) || names(ds, &p->e[0], d))
        return PERM_ALL;
    for (uint32_t i = 1; i < p->n; i++)
        if (names(ds, &p->e[i], d))
            return p->e[i].mode;
    return p->e[0].mode;
}

struct dom *perm_owner(const struct doms *ds, const struct perms *p)
{
    struct dom *d = dom_current(ds, p->e[0].id, p->e[0].life) ? ds->by_id[p->e[0].id] : NULL;
    return d ? d : ds->by_id[0];
}

static const char letter[4] = {'n', 'r', 'w', 'b'};

size_t perm_print(char *to, const struct perm *e)
{
    return (size_t)snprintf(to, PERM_TEXT, "%c%u", letter[e->mode & 3u], (unsigned)e->id) + 1;
}

int perm_parse(struct perm *e, const char *text, size_t len)
{
    const char *l = len ? memchr(letter, text[0], sizeof(letter)) : NULL;
    if (!l || len < 2 || len > 6)
        return -EINVAL;
    unsigned id = 0;
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        id = id * 10 + (unsigned)(text[i] - '0');
    }
    if (id > UINT16_MAX)
        return -EINVAL;
    *e = (struct perm){.id = (uint16_t)id, .mode = (uint16_t)(l - letter)};
    return 0;
}
