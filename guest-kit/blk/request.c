/* From a slot to the request in the ring: direct with up to 11 pages, indirect above. */
#include "blk/blk.h"
#include "libc/string.h"

#define SECTORS_PER_PAGE 8

static struct blkif_request_segment segment(const struct blk_slot *s, unsigned int i)
{
    uint64_t left = s->sectors - (uint64_t)i * SECTORS_PER_PAGE;

    return (struct blkif_request_segment){
        .gref = s->page[i]->ref,
        .first_sect = 0,
        .last_sect = (uint8_t)((left < SECTORS_PER_PAGE ? left : SECTORS_PER_PAGE) - 1),
    };
}

static void indirect_make(const struct blk_slot *s, uint64_t id, uint16_t handle, void *request)
{
    blkif_request_indirect_t r = {
        .operation = BLKIF_OP_INDIRECT,
        .indirect_op = s->operation,
        .nr_segments = s->pages,
        .id = id,
        .sector_number = s->sector,
        .handle = handle,
        .indirect_grefs = {s->indirect->ref},
    };
    struct blkif_request_segment *list = (struct blkif_request_segment *)s->indirect->bytes;

    for (unsigned int i = 0; i < s->pages; i++)
        list[i] = segment(s, i);
    memcpy(request, &r, sizeof(r));
}

static void discard_make(const struct blk_slot *s, uint64_t id, uint16_t handle, void *request)
{
    blkif_request_discard_t r = {
        .operation = BLKIF_OP_DISCARD,
        .handle = handle,
        .id = id,
        .sector_number = s->sector,
        .nr_sectors = s->sectors,
    };

    memcpy(request, &r, sizeof(r));
}

void blk_request_make(const struct blk_slot *s, uint64_t id, uint16_t handle, blkif_request_t *r)
{
    memset(r, 0, sizeof(*r));
    if (s->operation == BLKIF_OP_DISCARD) {
        discard_make(s, id, handle, r);
        return;
    }
    if (s->indirect) {
        indirect_make(s, id, handle, r);
        return;
    }
    r->operation = s->operation;
    r->nr_segments = (uint8_t)s->pages;
    r->handle = handle;
    r->id = id;
    r->sector_number = s->sector;
    for (unsigned int i = 0; i < s->pages; i++)
        r->seg[i] = segment(s, i);
}
