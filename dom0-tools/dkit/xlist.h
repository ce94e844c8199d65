/*
 * The names of a node's children, as the store sends them: texts that follow each other, in pieces
 * (XS_DIRECTORY_PART) where one answer cannot hold them all.
 */
#ifndef DKIT_XLIST_H
#define DKIT_XLIST_H

#include <stddef.h>

/* Begins as all zeros. `names` is malloced; whoever began the list frees it. */
struct xlist {
    char *names;
    size_t len; /* where the next piece is to begin */
    char generation[24];
};

/*
 * One more piece: the node's generation as text, then names; an empty one is the end of the list.
 * 1: that was the last, `len` bytes of names are whole. 0: ask for what is at `len`; after a change
 * of the node that is 0 again. -EIO: no piece at all; -ENOMEM.
 */
int xlist_add(struct xlist *l, const char *piece, size_t n);

/* An array of *n names, in one block of memory that the caller frees; NULL: none, or no memory. */
char **xlist_split(const char *names, size_t len, unsigned *n);

#endif
