/*
 * Permissions of a node: who owns it, what others may do.
 *
 * Sets are shared and counted: most nodes of a domain have one of a few. Two equal sets are the
 * same pointer.
 */
#ifndef STORE_PERM_H
#define STORE_PERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "store/dom.h"

#define PERM_READ  1u
#define PERM_WRITE 2u
#define PERM_OWNER 4u
#define PERM_ALL   (PERM_READ | PERM_WRITE | PERM_OWNER)

#define PERM_ENTRIES_MAX 255u

/* The first entry names the owner and what those may do whom no other entry names. */
struct perm {
    uint16_t id;
    uint16_t mode;
    uint32_t life;
};

struct perms {
    struct perms *hnext;
    uint32_t refs;
    uint32_t n;
    struct perm e[];
};

struct perm_table {
    struct perms *bucket[1024];
    uint32_t sets;
};

/* The shared set equal to these n >= 1 entries, with one reference for the caller; NULL: no memory.
 */
struct perms *perm_get(struct perm_table *t, const struct perm *e, uint32_t n);

static inline struct perms *perm_ref(struct perms *p)
{
    p->refs++;
    return p;
}

void perm_put(struct perm_table *t, struct perms *p);

/*
 * What a client may do with a node: `d` is the domain the client speaks for. Entries of dead
 * domains count for nobody; what a dead owner had is domain 0's.
 */
unsigned perm_for(const struct doms *ds, const struct dom *d, const struct perms *p);

/* The domain that owns nodes with this set: domain 0 when the owner is dead or not known. */
struct dom *perm_owner(const struct doms *ds, const struct perms *p);

/* One permission as text, "n12", NUL included: at most PERM_TEXT bytes. Returns its length with
 * NUL. */
#define PERM_TEXT 8
size_t perm_print(char *to, const struct perm *e);

/* Parse "n12" of `len` bytes; life is left 0. 0 or -EINVAL. */
int perm_parse(struct perm *e, const char *text, size_t len) NODISCARD;

#endif
