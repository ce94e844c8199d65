/*
 * blkcheck: writes a disk with blocks that know their place and age, flushes, reads them back,
 * several threads at once. Command line: disk=xvda, mib=N to use (default 4), rounds=N (default 3),
 * threads=N (default 3), wait=1: goes on until `data/stop` appears in xenstore. Ends with 0 when
 * every block was as written.
 */
#include <gk/blk.h>
#include <gk/err.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>

#define BLOCK 8192UL

static struct gk_blk *disk;
static uint64_t blocks, threads;
static unsigned int faults;

/* Deterministic words from place and round: what a block must hold is computed again when it is
 * read. */
static void fill(uint64_t *words, size_t bytes, uint64_t block, uint64_t round)
{
    uint64_t x = (block + 1) * 0x9e3779b97f4a7c15UL ^ (round + 1) * 0xbf58476d1ce4e5b9UL;

    for (size_t i = 0; i < bytes / 8; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        words[i] = x;
    }
}

static void fault(const char *what, uint64_t block, int rc)
{
    gk_printf("blkcheck: block %lu: %s: %s\n", block, what, gk_err_name(rc));
    faults++;
}

static bool same(const uint64_t *a, const uint64_t *b, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

struct job {
    uint64_t first, round;
    struct gk_thread *thread;
};

/* Every threads-th run of blocks: lengths from one sector to more than a request takes. */
static void work(void *argument)
{
    const struct job *job = argument;
    uint64_t *out = gk_alloc(32 * BLOCK), *in = gk_alloc(32 * BLOCK);

    for (uint64_t b = job->first * 32; out && in && b + 32 <= blocks; b += threads * 32) {
        size_t length = (b / 32 + job->round) % 3 ? 32 * BLOCK : 512 * (1 + b / 32 % 60);
        fill(out, length, b, job->round);
        int rc = gk_blk_write(disk, b * BLOCK, out, length);
        if (rc)
            fault("write", b, rc);
        rc = gk_blk_read(disk, b * BLOCK, in, length);
        if (rc)
            fault("read", b, rc);
        else if (!same(in, out, length))
            fault("is not as written", b, 0);
    }
    if (!out || !in)
        fault("no memory", 0, -XEN_ENOMEM);
    gk_free(out);
    gk_free(in);
}

static void round_run(uint64_t round)
{
    struct job jobs[16];

    for (uint64_t i = 0; i < threads; i++) {
        jobs[i] = (struct job){.first = i, .round = round};
        jobs[i].thread = gk_thread_create("work", work, &jobs[i], GK_STACK_DEFAULT);
        if (!jobs[i].thread)
            work(&jobs[i]);
    }
    for (uint64_t i = 0; i < threads; i++)
        if (jobs[i].thread)
            gk_thread_join(jobs[i].thread);
    int rc = gk_blk_flush(disk);
    if (rc)
        fault("flush", 0, rc);
}

/* What must be refused, is. */
static void refusals(const struct gk_blk_info *info)
{
    uint8_t sector[512];

    if (gk_blk_read(disk, info->size, sector, 512) != -XEN_EINVAL)
        fault("a read beyond the end is not refused", 0, 0);
    if (gk_blk_read(disk, 1, sector, 512) != -XEN_EINVAL)
        fault("an odd offset is not refused", 0, 0);
    if (info->discard) {
        int rc = gk_blk_discard(disk, 0, BLOCK);
        if (rc)
            fault("discard", 0, rc);
    }
}

int main(void)
{
    char name[16] = "xvda";
    struct gk_blk_info info;

    gk_option("disk", name, sizeof(name));
    int rc = gk_blk_open(name, gk_time_mono() + 60 * GK_S, &disk);
    if (rc) {
        gk_printf("blkcheck: %s: %s\n", name, gk_err_name(rc));
        return 1;
    }
    gk_blk_info(disk, &info);
    gk_printf("blkcheck: %s: %lu KiB, sectors of %u, %u queues, %u segments%s%s%s%s\n", name,
              info.size >> 10, info.sector_size, info.queues, info.segments,
              info.persistent ? ", persistent" : "", info.flush ? ", flush" : "",
              info.discard ? ", discard" : "", info.readonly ? ", read-only" : "");
    blocks = (gk_option_u64("mib", 4) << 20) / BLOCK;
    if (blocks * BLOCK > info.size)
        blocks = info.size / BLOCK;
    threads = gk_option_u64("threads", 3);
    threads = threads < 1 ? 1 : threads > 16 ? 16 : threads;
    refusals(&info);
    uint64_t rounds = gk_option_u64("rounds", 3), done = 0, wait = gk_option_u64("wait", 0);
    for (; !faults && (done < rounds || (wait && !gk_xs_read_or("data/stop", 0))); done++) {
        round_run(done);
        gk_blk_info(disk, &info);
        gk_printf("blkcheck: round %lu, connection %u\n", done + 1, info.connections);
    }
    gk_blk_close(disk);
    gk_printf("blkcheck: %lu rounds, %u faults\n", done, faults);
    return faults ? 2 : 0;
}
