/*
 * A mischievous front-end: bytes become writes to its pages, indices and signals, and turns of
 * argon-blkd and its disk between them. After each the books must balance.
 */
#include "blkd/queue.h"

#include <stdlib.h>
#include <string.h>

#include "port/blkd_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct state_file file;
static bool broken;

static void is_broken(const char *what)
{
    (void)what;
    broken = true;
}

static const uint8_t *at, *end;

static uint32_t take(unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes && at < end; i++)
        v |= (uint32_t)*at++ << (8 * i);
    return v;
}

/* A request of almost sane shape, so that the checks behind the first are reached too. */
static void put_request(uint32_t index)
{
    union {
        struct blkif_request r;
        struct blkif_request_indirect i;
        struct blkif_request_discard d;
    } u;
    memset(&u, 0, sizeof u);
    u.r.operation = (uint8_t)take(1) % 8;
    u.r.sector_number = take(2);
    u.r.nr_segments = (uint8_t)take(1);
    if (u.r.operation == BLKIF_OP_INDIRECT) {
        u.i.indirect_op = (uint8_t)take(1) % 3;
        u.i.nr_segments = (uint16_t)take(1);
        u.i.indirect_grefs[0] = take(2);
    } else if (u.r.operation == BLKIF_OP_DISCARD) {
        u.d.nr_sectors = take(2);
    } else {
        for (unsigned k = 0; k < BLKIF_MAX_SEGMENTS_PER_REQUEST; k++)
            u.r.seg[k] = (struct blkif_request_segment){.gref = take(2) % (FAKE_PAGES + 4),
                                                        .first_sect = (uint8_t)take(1) % 9,
                                                        .last_sect = (uint8_t)take(1) % 9};
    }
    memcpy(fake_page[0] + 64 + (index % 32) * sizeof u.r, &u, sizeof u.r);
}

static void act(void)
{
    struct ring_head *head = (void *)fake_page[0];
    uint32_t a;
    switch (take(1) % 9) {
    case 0: /* any word of any page */
        a = take(2);
        memcpy(fake_page[a / 1024 % FAKE_PAGES] + a % 1024 * 4, &(uint32_t){take(4)}, 4);
        break;
    case 1:
        head->req_prod = take(4);
        break;
    case 2:
        put_request(head->req_prod);
        head->req_prod++;
        break;
    case 3:
        for (a = take(1) % 40; a--;)
            put_request(head->req_prod++);
        break;
    case 4:
        fake_raise();
        break;
    case 5:
    case 6:
        (void)fake_turn();
        break;
    case 7:
        (void)fake_finish(take(1));
        break;
    case 8:
        fake_disk_error = take(1) % 4 ? 0 : -5;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct state_rings rings = {.nr_queues = 1, .port = {1}};
    const struct disk_info info = {
        .limits = {.sectors = FAKE_SECTORS, .flush = true, .discard = true}};
    char why[200];
    at = data;
    end = data + size;
    fake_start();
    broken = false;
    queues_broken = is_broken;
    bool persistent = take(1) & 1;
    if (queues_open(1, &rings, persistent, &info, &file, false, why, sizeof why))
        abort();
    while (at < end) {
        act();
        if (!queues_audit())
            abort();
    }
    while (fake_turn() || fake_finish(0))
        if (!queues_audit())
            abort();
    queues_close();
    return 0;
}
