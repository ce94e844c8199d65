/* The channel's ring: every byte in order over many wraps, full, empty, and a peer's impossible
 * index. */
#include "check.h"

#include "chan/ring.h"

static union {
    struct vchan_interface chan;
    uint8_t bytes[4096];
} page __attribute__((aligned(4096)));

static void bytes_in_order(uint16_t order, uint32_t start)
{
    struct chan_ring out, in;
    uint8_t sent = 0, got = 0, chunk[600];
    uint32_t level = 0, size = 1U << order;

    memset(&page, 0xee, sizeof(page));
    page.chan.left = (struct ring_shared){start, start};
    CHECK(chan_ring_place(&out, &page.chan, &page.chan.left, order, start));
    CHECK(chan_ring_place(&in, &page.chan, &page.chan.left, order, start));
    for (unsigned int round = 0; round < 2000; round++) {
        size_t want = round * 37 % sizeof(chunk);
        for (size_t i = 0; i < want; i++)
            chunk[i] = (uint8_t)(sent + i);
        long n = chan_ring_put(&out, chunk, want);
        CHECK_EQ(n, want < size - level ? want : size - level);
        sent = (uint8_t)(sent + n);
        level += (uint32_t)n;
        CHECK_EQ(chan_ring_can_put(&out), level < size);
        want = round * 53 % sizeof(chunk);
        n = chan_ring_get(&in, chunk, want);
        CHECK_EQ(n, want < level ? want : level);
        level -= (uint32_t)n;
        CHECK_EQ(chan_ring_can_get(&in), level > 0);
        for (long i = 0; i < n; i++)
            CHECK_EQ(chunk[i], got++);
    }
    /* Nothing outside of the ring was written. */
    for (size_t i = 64; i < sizeof(page); i++)
        if (i < size || i >= 2 * size)
            CHECK_EQ(page.bytes[i], 0xee);
}

static void liar(void)
{
    struct chan_ring r;
    uint8_t bytes[4096];

    memset(&page, 0, sizeof(page));
    CHECK(!chan_ring_place(&r, &page.chan, &page.chan.left, 12, 0));
    CHECK(!chan_ring_place(&r, &page.chan, &page.chan.left, 0, 0));
    CHECK(chan_ring_place(&r, &page.chan, &page.chan.left, 10, 5));
    page.chan.left.prod = 5 + 1025;
    CHECK_EQ(chan_ring_get(&r, bytes, sizeof(bytes)), -1);
    page.chan.left.prod = 4;
    CHECK_EQ(chan_ring_get(&r, bytes, sizeof(bytes)), -1);
    page.chan.left.prod = 5 + 1024;
    CHECK_EQ(chan_ring_get(&r, bytes, sizeof(bytes)), 1024);
    CHECK(chan_ring_place(&r, &page.chan, &page.chan.right, 11, 5));
    page.chan.right.cons = 6;
    CHECK_EQ(chan_ring_put(&r, bytes, 1), -1);
    page.chan.right.cons = 5U - 2049;
    CHECK_EQ(chan_ring_put(&r, bytes, 1), -1);
    page.chan.right.cons = 5U - 2048;
    CHECK_EQ(chan_ring_put(&r, bytes, 1), 0);
    /* Our own index is never read back. */
    page.chan.right.cons = 5;
    page.chan.right.prod = 12345;
    CHECK_EQ(chan_ring_put(&r, bytes, 3), 3);
    CHECK_EQ(page.chan.right.prod, 8);
}

int main(void)
{
    bytes_in_order(10, 0);
    bytes_in_order(11, 0xfffffff0);
    liar();
    return check_result();
}
