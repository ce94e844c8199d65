/* malloc() and its kin are the kit's heap. */
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gk/mem.h>

static void *result(void *block)
{
    if (!block)
        errno = ENOMEM;
    return block;
}

void *malloc(size_t size)
{
    return result(gk_alloc(size ? size : 1));
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return result(NULL);
    return result(gk_zalloc(bytes ? bytes : 1));
}

void *realloc(void *block, size_t size)
{
    return block ? result(gk_realloc(block, size ? size : 1)) : malloc(size);
}

void free(void *block)
{
    gk_free(block);
}

void *memalign(size_t align, size_t size)
{
    return result(gk_alloc_aligned(align, size ? size : 1));
}

void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

int posix_memalign(void **block, size_t align, size_t size)
{
    *block = gk_alloc_aligned(align, size ? size : 1);
    return *block ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *block)
{
    return block ? gk_alloc_size(block) : 0;
}

/* newlib's own calls. */
void *_malloc_r(struct _reent *reent, size_t size)
{
    (void)reent;
    return malloc(size);
}

void *_calloc_r(struct _reent *reent, size_t count, size_t size)
{
    (void)reent;
    return calloc(count, size);
}

void *_realloc_r(struct _reent *reent, void *block, size_t size)
{
    (void)reent;
    return realloc(block, size);
}

void _free_r(struct _reent *reent, void *block)
{
    (void)reent;
    gk_free(block);
}
