/*
 * The kit's allocators: page allocation in all sizes with the audit after each step, memory that
 * gives out, blocks that do not overlap, wrong pointers refused.
 */
#include "check.h"

#include <stdlib.h>

#include "mem/mem.h"

#define PAGES 1024
static struct buddy buddy;
static struct slab slab;

static void *page_get(void)
{
    return buddy_alloc(&buddy, 1, 0);
}

static void start(void)
{
    uint8_t *base = aligned_alloc(PAGES * GK_PAGE_SIZE, PAGES * GK_PAGE_SIZE);

    buddy = (struct buddy){.base = base, .tags = calloc(PAGES, 1), .pages = PAGES};
    slab = (struct slab){.pages = &buddy, .page_get = page_get};
}

static void stop(void)
{
    free(buddy.base);
    free(buddy.tags);
}

static void whole(void)
{
    start();
    buddy_add(&buddy, 3, PAGES - 3);
    CHECK_EQ(buddy.free_pages, PAGES - 3);
    CHECK(!buddy_audit(&buddy));
    CHECK(!buddy_alloc(&buddy, 0, 0));
    CHECK(!buddy_alloc(&buddy, PAGES, 0));
    CHECK(!buddy_alloc(&buddy, 1, BUDDY_ORDERS));
    CHECK(!buddy_alloc(&buddy, (1UL << (BUDDY_ORDERS - 1)) + 1, 0));
    uint8_t *five = buddy_alloc(&buddy, 5, 0);
    CHECK_EQ(buddy_size(&buddy, five), 5);
    CHECK_EQ(buddy_size(&buddy, five + GK_PAGE_SIZE), 0);
    CHECK_EQ(buddy.free_pages, PAGES - 8);
    uint8_t *aligned = buddy_alloc(&buddy, 3, 5);
    CHECK_EQ((uintptr_t)aligned % (32 * GK_PAGE_SIZE), 0);
    CHECK(!buddy_audit(&buddy));
    buddy_free(&buddy, five);
    buddy_free(&buddy, aligned);
    CHECK_EQ(buddy.free_pages, PAGES - 3);
    CHECK(!buddy_audit(&buddy));
    stop();
}

#define HELD 64
static struct {
    uint8_t *at;
    size_t pages;
    uint8_t mark;
} held[HELD];

static void hold(unsigned int i)
{
    size_t pages = 1 + (size_t)rand() % 40;

    held[i].at = buddy_alloc(&buddy, pages, (unsigned int)rand() % 4);
    held[i].pages = pages;
    held[i].mark = (uint8_t)rand();
    if (held[i].at)
        memset(held[i].at, held[i].mark, pages * GK_PAGE_SIZE);
}

static void let_go(unsigned int i)
{
    bool whole_ = true;

    for (size_t n = 0; n < held[i].pages * GK_PAGE_SIZE; n++)
        whole_ &= held[i].at[n] == held[i].mark;
    CHECK(whole_);
    CHECK_EQ(buddy_size(&buddy, held[i].at), held[i].pages);
    buddy_free(&buddy, held[i].at);
    held[i].at = NULL;
}

static void walk(unsigned int seed)
{
    srand(seed);
    start();
    buddy_add(&buddy, 0, PAGES);
    for (unsigned int step = 0; step < 3000; step++) {
        unsigned int i = (unsigned int)rand() % HELD;
        if (held[i].at)
            let_go(i);
        else
            hold(i);
        const char *wrong = buddy_audit(&buddy);
        if (!CHECK(!wrong)) {
            printf("seed %u, step %u: %s\n", seed, step, wrong);
            break;
        }
    }
    for (unsigned int i = 0; i < HELD; i++)
        if (held[i].at)
            let_go(i);
    CHECK_EQ(buddy.free_pages, PAGES);
    stop();
}

static void slabs(void)
{
    static uint8_t *objects[4000];

    start();
    buddy_add(&buddy, 0, PAGES);
    CHECK_EQ(slab_class(2017, 16), SLAB_CLASSES);
    CHECK_EQ(slab_size(slab_class(1, 16)), 16);
    CHECK_EQ(slab_size(slab_class(65, 16)), 96);
    CHECK_EQ(slab_size(slab_class(65, 64)), 128);
    for (unsigned int k = 0; k < SLAB_CLASSES; k++) {
        size_t size = slab_size(k);
        for (unsigned int i = 0; i < 500; i++) {
            objects[i] = slab_alloc(&slab, size, k);
            if (CHECK(objects[i]))
                memset(objects[i], (int)i, size);
        }
        CHECK(!slab_free(&slab, objects[1] + 8));
        for (unsigned int i = 0; i < 500; i++) {
            CHECK(objects[i][0] == (uint8_t)i && objects[i][size - 1] == (uint8_t)i);
            CHECK(slab_free(&slab, objects[i]));
        }
        CHECK(!buddy_audit(&buddy));
    }
    CHECK(slab.slab_pages <= SLAB_CLASSES);
    CHECK_EQ(buddy.free_pages, PAGES - slab.slab_pages);
    /* Until nothing is left: an error, not a crash. */
    unsigned long count = 0;
    while (slab_alloc(&slab, 16, 0))
        count++;
    CHECK(count > 200000);
    CHECK(!buddy_audit(&buddy));
    stop();
}

int main(void)
{
    whole();
    for (unsigned int seed = 1; seed <= 5; seed++)
        walk(seed);
    slabs();
    return check_result();
}
