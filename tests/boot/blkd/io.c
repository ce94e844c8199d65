/*
 * What the guest of the disk tests does to its disk, past its own page cache. Exit 0: all was
 * right.
 *
 *   io fill DEV START COUNT SEED      writes COUNT pages of 4 KiB, each telling its place and SEED
 *   io check DEV START COUNT SEED     reads them
 *   io zero DEV START COUNT           reads them, all must be zero
 *   io discard DEV START COUNT        BLKDISCARD
 *   io mix DEV PAGES ROUNDS SEED      four processes write, read and sync parts of their own,
 *                                     in all sizes, and check each page; "io: N rounds"
 *   io acks DEV                       for ever: writes record N, syncs, then says "acked N"
 *   io read|write DEV MIB KIB DEPTH   MIB in pieces of KIB, DEPTH of them under way (Linux's own
 *                                     asynchronous I/O if more than one), in an order in which no
 *                                     two lie side by side
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 8, MOST = 256 };

static uint64_t *buffer;
static int fd;

static void die(const char *what)
{
    printf("io: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t word(uint64_t page, uint64_t seed, uint64_t i)
{
    uint64_t x = page * 0x9e3779b97f4a7c15u + seed * 0xbf58476d1ce4e5b9u + i;
    x ^= x >> 31;
    return x * 0x94d049bb133111ebu;
}

static void put(uint64_t *p, uint64_t page, uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        p[i] = word(page, seed, i);
}

static bool right(const uint64_t *p, uint64_t page, uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        if (p[i] != word(page, seed, i)) {
            printf("io: page %llu word %llu is %#llx\n", (unsigned long long)page,
                   (unsigned long long)i, (unsigned long long)p[i]);
            return false;
        }
    return true;
}

static void transfer(bool out, uint64_t page, uint64_t n)
{
    size_t len = n * PAGE;
    ssize_t done = out ? pwrite(fd, buffer, len, (off_t)(page * PAGE))
                       : pread(fd, buffer, len, (off_t)(page * PAGE));
    if (done != (ssize_t)len)
        die(out ? "write" : "read");
}

static void open_disk(const char *path, int flags)
{
    fd = open(path, flags | O_DIRECT);
    if (fd < 0)
        die(path);
    void *p;
    if (posix_memalign(&p, PAGE, MOST * PAGE))
        die("memory");
    buffer = p;
}

static int fill(uint64_t start, uint64_t count, uint64_t seed)
{
    for (uint64_t at = start, n; at < start + count; at += n) {
        n = 1 + (at * 7 + seed) % MOST;
        if (n > start + count - at)
            n = start + count - at;
        for (uint64_t i = 0; i < n; i++)
            put(buffer + i * WORDS, at + i, seed);
        transfer(true, at, n);
    }
    return fdatasync(fd) ? 1 : 0;
}

static int check(uint64_t start, uint64_t count, uint64_t seed, bool zero)
{
    for (uint64_t at = start, n; at < start + count; at += n) {
        n = start + count - at < MOST ? start + count - at : MOST;
        transfer(false, at, n);
        for (uint64_t i = 0; i < n; i++) {
            if (!zero && !right(buffer + i * WORDS, at + i, seed))
                return 1;
            for (uint64_t k = 0; zero && k < WORDS; k++)
                if (buffer[i * WORDS + k]) {
                    printf("io: page %llu is not zero\n", (unsigned long long)(at + i));
                    return 1;
                }
        }
    }
    return 0;
}

/* --- many at once ---------------------------------------------------------------------------- */

static int wait_all(int n)
{
    int bad = 0, status;
    while (n--)
        bad |= wait(&status) < 0 || status != 0;
    return bad;
}

/* Writes a piece with a new seed, reads another back: what was written last must be there. */
static int mix_one(uint64_t base, uint64_t pages, unsigned rounds, unsigned seed)
{
    uint64_t *seeds = calloc(pages, sizeof *seeds);
    if (!seeds)
        return 1;
    srandom(seed);
    for (unsigned r = 1; r <= rounds; r++) {
        uint64_t at = (uint64_t)random() % pages, n = 1 + (uint64_t)random() % 40;
        if (n > pages - at)
            n = pages - at;
        for (uint64_t i = 0; i < n; i++) {
            seeds[at + i] = (uint64_t)seed << 32 | r;
            put(buffer + i * WORDS, base + at + i, seeds[at + i]);
        }
        transfer(true, base + at, n);
        if (r % 16 == 0 && fdatasync(fd))
            return 1;
        at = (uint64_t)random() % pages;
        n = pages - at < 16 ? pages - at : 16;
        transfer(false, base + at, n);
        for (uint64_t i = 0; i < n; i++)
            if (seeds[at + i] && !right(buffer + i * WORDS, base + at + i, seeds[at + i]))
                return 1;
        if (r % 100 == 0)
            printf("io: %u rounds\n", r);
    }
    for (uint64_t i = 0; i < pages; i++) {
        transfer(false, base + i, 1);
        if (seeds[i] && !right(buffer, base + i, seeds[i]))
            return 1;
    }
    return 0;
}

static int mix(uint64_t pages, unsigned rounds, unsigned seed)
{
    enum { PROCESSES = 4 };
    for (unsigned i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            setvbuf(stdout, NULL, _IONBF, 0);
            exit(mix_one(i * (pages / PROCESSES), pages / PROCESSES, rounds, seed + i));
        }
    return wait_all(PROCESSES);
}

static _Noreturn void acks(void)
{
    for (uint64_t n = 1;; n++) {
        put(buffer, n, 7);
        transfer(true, n, 1);
        if (fdatasync(fd))
            die("fdatasync");
        printf("acked %llu\n", (unsigned long long)n);
        fflush(stdout);
    }
}

/* --- for the comparison of back-ends --------------------------------------------------------- */

/* Where the `i`th piece of `n` lies, which is a power of two: each once, by the golden section. */
static uint64_t place(uint64_t i, uint64_t n)
{
    return i * (n * 618 / 1000 | 1) % n;
}

static int one_by_one(bool out, uint64_t n, uint64_t pages)
{
    for (uint64_t i = 0; i < n; i++)
        transfer(out, i * pages, pages);
    return 0;
}

/* As many as have ended begin anew, by one call. */
static int many(bool out, uint64_t n, uint64_t pages, uint64_t depth)
{
    struct iocb cb[MOST], *start[MOST];
    struct io_event ended[MOST];
    aio_context_t context = 0;
    uint64_t begun = 0;
    long idle = (long)depth;
    if (syscall(SYS_io_setup, depth, &context))
        die("io_setup");
    for (uint64_t i = 0; i < depth; i++)
        ended[i].obj = (uint64_t)(uintptr_t)&cb[i];
    for (uint64_t done = 0; done < n;) {
        long more = 0;
        for (; more < idle && begun < n; more++, begun++) {
            struct iocb *c = start[more] = (void *)(uintptr_t)ended[more].obj;
            *c = (struct iocb){.aio_fildes = (uint32_t)fd,
                               .aio_lio_opcode = out ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                               .aio_buf =
                                   (uint64_t)(uintptr_t)(buffer + (c - cb) * (long)pages * WORDS),
                               .aio_nbytes = pages * PAGE,
                               .aio_offset = (int64_t)(place(begun, n) * pages * PAGE)};
        }
        if (more && syscall(SYS_io_submit, context, more, start) != more)
            die("io_submit");
        idle = syscall(SYS_io_getevents, context, 1L, (long)depth, ended, NULL);
        if (idle < 1)
            die("io_getevents");
        for (long i = 0; i < idle; i++)
            if (ended[i].res != (int64_t)(pages * PAGE))
                die("a transfer");
        done += (uint64_t)idle;
    }
    return 0;
}

static int speed(bool out, uint64_t mib, uint64_t kib, uint64_t depth)
{
    uint64_t pages = kib * 1024 / PAGE;
    if (!pages || !depth || pages * depth > MOST)
        return 2;
    uint64_t n = (mib << 20) / PAGE / pages;
    return depth == 1 ? one_by_one(out, n, pages) : many(out, n, pages, depth);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t n[3] = {0};
    for (int i = 3; i < argc && i < 6; i++)
        n[i - 3] = strtoull(argv[i], NULL, 0);
    bool reads =
        strcmp(what, "check") == 0 || strcmp(what, "zero") == 0 || strcmp(what, "read") == 0;
    if (argc < 3)
        return 2;
    open_disk(argv[2], reads ? O_RDONLY : O_RDWR);
    if (strcmp(what, "fill") == 0)
        return fill(n[0], n[1], n[2]);
    if (strcmp(what, "check") == 0)
        return check(n[0], n[1], n[2], false);
    if (strcmp(what, "zero") == 0)
        return check(n[0], n[1], 0, true);
    if (strcmp(what, "mix") == 0)
        return mix(n[0], (unsigned)n[1], (unsigned)n[2]);
    if (strcmp(what, "acks") == 0)
        acks();
    if (strcmp(what, "read") == 0 || strcmp(what, "write") == 0)
        return speed(what[0] == 'w', n[0], n[1], n[2]);
    if (strcmp(what, "discard") == 0) {
        uint64_t range[2] = {n[0] * PAGE, n[1] * PAGE};
        if (ioctl(fd, BLKDISCARD, range))
            die("BLKDISCARD");
        return 0;
    }
    return 2;
}
