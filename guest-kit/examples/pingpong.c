/*
 * pingpong: two guests and a channel between them (gk/chan.h). One is started with `serve` and
 * sends back what it gets from the domain that is named in its xenstore node data/peer (or peer=N);
 * the other with `join=N`, N the first one's domain. It measures round trips of several sizes
 * (rounds=N each), checks every byte, then sends a megabyte through and tells what one round trip
 * took: counts of the time stamp counter, which are instructions under QEMU's -icount.
 */
#include <gk/chan.h>
#include <gk/err.h>
#include <gk/kit.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>

#define PATIENCE (60 * GK_S)
#define STREAM   (1UL << 20)

static uint8_t out[4096], in[4096];

static uint64_t patience(void)
{
    return gk_time_mono() + PATIENCE;
}

static int serve(void)
{
    uint64_t peer = gk_option_u64("peer", 0), deadline = patience(), bytes = 0;
    struct gk_chan *chan;
    long n;

    while (!peer) {
        peer = gk_xs_read_or("data/peer", 0);
        if (!peer && gk_time_mono() > deadline)
            return 2;
        if (!peer)
            gk_sleep(50 * GK_MS);
    }
    int rc = gk_chan_serve((uint16_t)peer, "pingpong", &chan);
    gk_printf("pingpong: serving domain %lu: %d\n", peer, rc);
    if (rc)
        return 3;
    while ((n = gk_chan_read(chan, in, sizeof(in), patience())) > 0) {
        if (gk_chan_write(chan, in, (size_t)n, patience()) != n)
            return 4;
        bytes += (uint64_t)n;
    }
    gk_chan_close(chan);
    gk_printf("pingpong: sent back %lu bytes, end %ld\n", bytes, n);
    return n ? 5 : 0;
}

static bool get_all(struct gk_chan *chan, size_t size, uint8_t first)
{
    size_t have = 0;

    while (have < size) {
        long n = gk_chan_read(chan, in + have, size - have, patience());
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    for (size_t i = 0; i < size; i++)
        if (in[i] != (uint8_t)(first + i * 7))
            return false;
    return true;
}

static bool put_all(struct gk_chan *chan, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(first + i * 7);
    return gk_chan_write(chan, out, size, patience()) == (long)size;
}

static bool round_trips(struct gk_chan *chan, size_t size, uint64_t rounds)
{
    uint64_t least = UINT64_MAX, start = gk_time_mono();

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t before = __builtin_ia32_rdtsc();
        if (!put_all(chan, size, (uint8_t)i) || !get_all(chan, size, (uint8_t)i))
            return false;
        uint64_t took = __builtin_ia32_rdtsc() - before;
        least = took < least ? took : least;
    }
    gk_printf("pingpong: %zu bytes: %lu counts a round trip at least, %lu ns on average\n", size,
              least, (gk_time_mono() - start) / rounds);
    return true;
}

static struct gk_chan *stream_chan;
static bool stream_bad;

static void stream_reader(void *unused)
{
    (void)unused;
    for (size_t at = 0; at < STREAM && !stream_bad; at += 4096)
        stream_bad = !get_all(stream_chan, 4096, (uint8_t)(at >> 12));
}

/* Both ways at once, more than fits into either ring. */
static bool stream(struct gk_chan *chan)
{
    uint64_t start = gk_time_mono();

    stream_chan = chan;
    struct gk_thread *reader = gk_thread_create("reader", stream_reader, NULL, GK_STACK_DEFAULT);
    if (!reader)
        return false;
    for (size_t at = 0; at < STREAM && !stream_bad; at += 4096)
        if (!put_all(chan, 4096, (uint8_t)(at >> 12)))
            stream_bad = true;
    gk_thread_join(reader);
    gk_printf("pingpong: %lu KiB there and back in %lu us\n", STREAM >> 10,
              (gk_time_mono() - start) / GK_US);
    return !stream_bad;
}

static int join(uint16_t server)
{
    static const size_t sizes[] = {1, 64, 1000, 4096};
    uint64_t rounds = gk_option_u64("rounds", 200);
    struct gk_chan *chan;
    int rc = gk_chan_connect(server, "pingpong", patience(), &chan);

    gk_printf("pingpong: joined domain %u: %d\n", server, rc);
    if (rc)
        return 6;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        if (!round_trips(chan, sizes[i], rounds))
            return 7;
    if (!stream(chan))
        return 8;
    gk_chan_close(chan);
    gk_printf("pingpong: every byte right\n");
    return 0;
}

int main(void)
{
    char word[8];

    if (gk_option("serve", word, sizeof(word)) >= 0)
        return serve();
    uint64_t server = gk_option_u64("join", 0);
    if (!server) {
        gk_printf("pingpong: serve, or join=DOMID\n");
        return 1;
    }
    return join((uint16_t)server);
}
