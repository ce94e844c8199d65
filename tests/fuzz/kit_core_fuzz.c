/*
 * A mischievous peer for the kit's rings of disk, xenstore, console and channel: bytes are what the
 * other side writes into the shared page between our own steps. Whatever it does: no memory but our
 * own is touched, no more comes out than was asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gk/mem.h>
#include "blk/ring.h"
#include "chan/ring.h"
#include "console/con.h"
#include "xenbus/xb.h"

void *gk_alloc(size_t size)
{
    return size % 7 ? malloc(size) : NULL; /* memory gives out now and then */
}

void gk_free(void *block)
{
    free(block);
}

void xs_message_done(const struct xsd_sockmsg *head, char *body)
{
    if (head->len > XENSTORE_PAYLOAD_MAX || (body && body[head->len]))
        abort();
    free(body);
}

static union {
    struct blkif_sring blk;
    struct xenstore_domain_interface xs;
    struct xencons_interface con;
    struct vchan_interface chan;
    uint32_t words[1024];
} page;

static void blk_step(struct blk_ring *r, uint8_t what)
{
    blkif_request_t request = {.id = what};
    blkif_response_t response;
    unsigned int taken = 0;

    for (unsigned int i = 0; i < what % 8U && blk_ring_room(r); i++)
        blk_ring_put(r, &request);
    blk_ring_publish(r);
    while (blk_ring_take(r, &response) > 0)
        if (++taken > BLK_RING_SLOTS)
            abort();
    if (blk_ring_room(r) > BLK_RING_SLOTS)
        abort();
}

static bool xs_step(struct xs_stream *s, uint8_t what)
{
    char bytes[256] = {0};
    long n = xs_ring_put(&page.xs, bytes, what);

    if (n > what)
        abort();
    n = xs_ring_get(&page.xs, bytes, what);
    if (n > what)
        abort();
    return n <= 0 || xs_stream_feed(s, bytes, (size_t)n);
}

static void con_step(uint8_t what)
{
    char bytes[256] = {0};

    if (con_ring_put(&page.con, bytes, what) > what || con_ring_get(&page.con, bytes, what) > what)
        abort();
}

/* Whole chunks, on the heap: what goes beyond is seen. */
static void chan_step(struct chan_ring r[2], uint8_t what)
{
    size_t size = what * 16U;
    uint8_t *bytes = calloc(1, size + 1);

    if (!bytes)
        return;
    for (unsigned int i = 0; i < 2; i++) {
        long n = i ? chan_ring_put(&r[1], bytes, size) : chan_ring_get(&r[0], bytes, size);
        if (n > (long)size || n > (long)r[i].size)
            abort();
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct blk_ring r;
    struct xs_stream s = {.have = 0};
    struct chan_ring c[2];
    bool sound = true;

    if (!size)
        return 0;
    memset(&page, 0, sizeof(page));
    blk_ring_init(&r, &page.blk);
    chan_ring_place(&c[0], &page.chan, &page.chan.left, 10, 0);
    chan_ring_place(&c[1], &page.chan, &page.chan.right, 11, 0);
    /* Each 8 bytes: where, what to write there, then a step of ours. */
    for (size_t i = 1; i + 8 <= size && sound; i += 8) {
        uint32_t value;
        memcpy(&value, data + i + 3, 4);
        page.words[(data[i] | (unsigned int)data[i + 1] << 8) % 1024] = value;
        if (data[0] % 4 == 0)
            blk_step(&r, data[i + 2]);
        else if (data[0] % 4 == 1)
            sound = xs_step(&s, data[i + 2]);
        else if (data[0] % 4 == 2)
            chan_step(c, data[i + 2]);
        else
            con_step(data[i + 2]);
    }
    free(s.body);
    return 0;
}
