/*
 * Memory for the pure parts, from malloc.
 */
#include "store/mem.h"

#include <stdlib.h>

void *mem_get(size_t bytes)
{
    return calloc(1, bytes);
}

void *mem_grow(void *old, size_t bytes)
{
    return realloc(old, bytes);
}

void mem_put(void *p)
{
    free(p);
}
