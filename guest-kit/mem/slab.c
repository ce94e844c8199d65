/* Small blocks: pages cut into equal objects, a list per class. Pure but for the page source. */
#include "mem/mem.h"

struct slab_page {
    struct slab_page *next, *prev; /* of the class, while it has a free object */
    void *free;
    uint16_t used, fresh; /* objects in use; objects ever given (the rest is untouched) */
    uint32_t mark;
};
#define FIRST 64 /* objects of 64 bytes are aligned so */
#define MARK  0x51ab51ab

static const uint16_t sizes[SLAB_CLASSES] = {16,  32,  48,  64,  96,   128,  192,
                                             256, 384, 512, 672, 1008, 1344, 2016};

static unsigned int objects(unsigned int klass)
{
    return (unsigned int)((GK_PAGE_SIZE - FIRST) / sizes[klass]);
}

size_t slab_size(unsigned int klass)
{
    return sizes[klass];
}

unsigned int slab_class(size_t size, size_t align)
{
    /* The first classes are known to be too small; fewer are looked at. */
    for (unsigned int k = size <= 64    ? 0
                          : size <= 192 ? 4
                          : size <= 384 ? 7
                                        : 9;
         k < SLAB_CLASSES; k++)
        if (sizes[k] >= size && !(sizes[k] % align))
            return k;
    return SLAB_CLASSES;
}

static void list_take(struct slab *s, unsigned int klass, struct slab_page *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        s->partial[klass] = p->next;
    if (p->next)
        p->next->prev = p->prev;
}

static void list_put(struct slab *s, unsigned int klass, struct slab_page *p)
{
    p->prev = NULL;
    p->next = s->partial[klass];
    if (p->next)
        p->next->prev = p;
    s->partial[klass] = p;
}

static uint8_t *tag_of(const struct slab *s, const void *at)
{
    return &s->pages->tags[(size_t)((const uint8_t *)at - s->pages->base) >> GK_PAGE_SHIFT];
}

static struct slab_page *page_new(struct slab *s, unsigned int klass)
{
    struct slab_page *p = s->page_get();

    if (!p)
        return NULL;
    *p = (struct slab_page){.mark = MARK};
    *tag_of(s, p) = (uint8_t)(BUDDY_SLAB | klass);
    s->slab_pages++;
    list_put(s, klass, p);
    return p;
}

void *slab_alloc(struct slab *s, size_t size, unsigned int klass)
{
    struct slab_page *p = s->partial[klass];
    void *object;

    (void)size;
    if (!p && !(p = page_new(s, klass)))
        return NULL;
    if (p->free) {
        object = p->free;
        p->free = *(void **)object;
    } else {
        object = (uint8_t *)p + FIRST + (size_t)p->fresh++ * sizes[klass];
    }
    if (++p->used == objects(klass))
        list_take(s, klass, p);
    return object;
}

bool slab_free(struct slab *s, void *object)
{
    struct slab_page *p = (struct slab_page *)((uintptr_t)object & ~(GK_PAGE_SIZE - 1));
    unsigned int klass = *tag_of(s, p) & BUDDY_ORDER;
    size_t offset = (size_t)((uint8_t *)object - (uint8_t *)p);

    if (klass >= SLAB_CLASSES || p->mark != MARK || offset < FIRST ||
        (offset - FIRST) % sizes[klass] || (offset - FIRST) / sizes[klass] >= p->fresh || !p->used)
        return false;
    if (p->used-- == objects(klass))
        list_put(s, klass, p);
    *(void **)object = p->free;
    p->free = object;
    /* The last empty page of a class stays: a program that takes and frees one object must not pay
     * for it. */
    if (!p->used && (p->next || p->prev)) {
        list_take(s, klass, p);
        *tag_of(s, p) = BUDDY_USED;
        s->slab_pages--;
        buddy_free(s->pages, p);
    }
    return true;
}
