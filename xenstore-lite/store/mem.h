/*
 * The one source of memory for the pure parts. The seam is the linker: io/mem.c hands on to
 * malloc, tests/port/xs_mem.c fails the n-th request.
 */
#ifndef STORE_MEM_H
#define STORE_MEM_H

#include <stddef.h>

/* Zeroed memory, or NULL. */
void *mem_get(size_t bytes);

/* As realloc: the old block stays valid when this returns NULL. The new part is not zeroed. */
void *mem_grow(void *old, size_t bytes);

void mem_put(void *p);

#endif
