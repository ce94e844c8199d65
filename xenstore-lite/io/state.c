/*
 * Journal, snapshots and slots. See state.h for the idea.
 *
 *   S1  of the two files the one with the higher sequence number and a whole header is in force
 *   S2  bytes below `tail` are whole frames and never change
 *   S3  a file gets its sequence number last, when its snapshot is complete
 */
#include "io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dkit/log.h"
#include "io/step.h"
#include "store/dom.h"
#include "wire/server.h"

#define MAGIC     UINT64_C(0x314c5458534e4f47) /* changes with the layout of records */
#define HEAD      4096u
#define GROW      (1u << 20)
#define SLOT_SIZE 8192u

_Static_assert(sizeof(struct ring_slot) <= SLOT_SIZE, "a slot holds a request");

struct header {
    uint64_t magic;
    uint64_t sequence; /* 0: not in force */
    uint64_t tail;     /* end of the last whole frame, from the file's start */
    uint64_t epoch;    /* how often a daemon has started; upper bits of generations */
    char boot_id[40];  /* of the dom0 boot it belongs to */
};

struct frame {
    uint32_t len;
    uint32_t sum;
};

static struct journal {
    int fd;
    char *map;
    uint64_t size; /* of file and map */
} journals[2] = {{.fd = -1}, {.fd = -1}};

static struct journal *now; /* the one in force */
static uint64_t snapshot_size, allowance;
static char *slots;
static int slots_fd = -1;
static uint8_t slot_ready[DOM_FIRST_RESERVED / 8 + 1];
static char boot_id[40];
static bool broken; /* the file could not take a frame; the next snapshot may */

static struct header *head(const struct journal *j)
{
    return (struct header *)(void *)j->map;
}

static uint32_t checksum(const char *data, size_t len, uint64_t sequence)
{
    uint64_t h = sequence * UINT64_C(0x9e3779b97f4a7c15) + len;
    for (; len >= 8; data += 8, len -= 8)
        h = (h ^ load_le64(data)) * UINT64_C(0xff51afd7ed558ccd), h ^= h >> 29;
    uint64_t rest = 0;
    memcpy(&rest, data, len);
    h = (h ^ rest) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)(h >> 32);
}

/* --- one file -------------------------------------------------------------------------------- */

/* Make file and map reach `size`; what is mapped has memory behind it. 0 or -errno. */
static int reach(struct journal *j, uint64_t size)
{
    if (size <= j->size)
        return 0;
    size = (size + GROW - 1) & ~(uint64_t)(GROW - 1);
    int rc = posix_fallocate(j->fd, (off_t)j->size, (off_t)(size - j->size));
    if (rc)
        return -rc;
    void *map = j->map ? mremap(j->map, j->size, size, MREMAP_MAYMOVE)
                       : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    j->map = map;
    j->size = size;
    return 0;
}

static int open_journal(struct journal *j, int dir, const char *name)
{
    struct stat st;
    j->fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return -errno;
    if (flock(j->fd, LOCK_EX | LOCK_NB))
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    if (fstat(j->fd, &st))
        return -errno;
    uint64_t size = (uint64_t)st.st_size & ~(uint64_t)(GROW - 1);
    if (!size)
        return reach(j, GROW);
    j->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
    if (j->map == MAP_FAILED)
        return -errno;
    j->size = size;
    return 0;
}

static void shrink(struct journal *j)
{
    void *map = j->size > GROW ? mremap(j->map, j->size, GROW, 0) : MAP_FAILED;
    if (map == MAP_FAILED)
        return;
    j->map = map;
    j->size = GROW;
    if (ftruncate(j->fd, GROW))
        log_line("state: cannot shrink: %s", strerror(errno));
}

static int append(struct journal *j, const char *data, size_t len)
{
    struct header *h = head(j);
    uint64_t need = (sizeof(struct frame) + len + 7) & ~(uint64_t)7;
    int rc = reach(j, h->tail + need);
    if (rc)
        return rc;
    h = head(j); /* the map may have moved */
    struct frame *f = (struct frame *)(void *)(j->map + h->tail);
    step();
    memcpy(f + 1, data, len);
    f->len = (uint32_t)len;
    f->sum = checksum(data, len, h->epoch);
    store_order();
    step();
    h->tail += need;
    store_order();
    step();
    return 0;
}

/* --- snapshot -------------------------------------------------------------------------------- */

static struct journal *target; /* where a snapshot is being written */
static int target_error;

static void flush_records(struct xs *xs)
{
    if (xs->rec.len < 60000 && xs->rec.len)
        return;
    if (!target_error && xs->rec.len)
        target_error = append(target, xs->rec.buf, xs->rec.len);
    xs->rec.len = 0;
}

static int snapshot(struct xs *xs, uint64_t sequence, uint64_t epoch)
{
    struct journal *other = now == &journals[0] ? &journals[1] : &journals[0];
    struct header *h = head(other);
    h->sequence = 0;
    store_order();
    shrink(other);
    h = head(other);
    h->magic = MAGIC;
    h->epoch = epoch;
    h->tail = HEAD;
    memcpy(h->boot_id, boot_id, sizeof(boot_id));
    target = other;
    target_error = 0;
    xs->rec.len = 0;
    xs->rec.lost = false;
    rec_snapshot(xs, flush_records);
    if (!target_error && xs->rec.len)
        target_error = append(other, xs->rec.buf, xs->rec.len);
    xs->rec.len = 0;
    if (target_error || xs->rec.lost)
        return target_error ? target_error : -ENOMEM;
    store_order();
    step();
    h = head(other);
    h->sequence = sequence;
    store_order();
    step();
    if (now) {
        head(now)->sequence = 0;
        shrink(now);
    }
    now = other;
    snapshot_size = h->tail;
    return 0;
}

void state_commit(struct xs *xs)
{
    if (!xs->rec.len || !xs->rec.on)
        return;
    struct header *h = head(now);
    int rc = broken ? -EIO : append(now, xs->rec.buf, xs->rec.len);
    xs->rec.len = 0;
    h = head(now);
    if (!rc && !xs->rec.lost && h->tail < 2 * snapshot_size + allowance)
        return;
    int err = snapshot(xs, h->sequence + 1, h->epoch);
    if (!err) {
        if (broken)
            log_line("state: whole again");
        broken = false;
        return;
    }
    if (!broken)
        log_line("state: cannot be written (%s): a crash now loses changes", strerror(-err));
    /* Journal on where there is room; only a lost frame makes the rest worthless. */
    broken = rc != 0 || xs->rec.lost;
    allowance *= 2;
}

/* --- loading --------------------------------------------------------------------------------- */

static bool in_force(const struct journal *j)
{
    const struct header *h = head(j);
    return h->magic == MAGIC && h->sequence && h->tail >= HEAD && h->tail <= j->size &&
           memcmp(h->boot_id, boot_id, sizeof(boot_id)) == 0;
}

static int replay(struct xs *xs, const struct journal *j)
{
    const struct header *h = head(j);
    uint64_t at = HEAD;
    while (at < h->tail) {
        const struct frame *f = (const struct frame *)(const void *)(j->map + at);
        uint64_t left = h->tail - at;
        if (left < sizeof(*f) || f->len > left - sizeof(*f) ||
            f->sum != checksum((const char *)(f + 1), f->len, h->epoch))
            return -EBADMSG;
        int rc = rec_replay(xs, (const char *)(f + 1), f->len);
        if (rc)
            return rc;
        at += (sizeof(*f) + f->len + 7) & ~(uint64_t)7;
    }
    return 0;
}

int state_load(struct xs *xs, bool *found)
{
    /* Guests may be at work: to start empty beside them must be somebody's decision. */
    for (unsigned i = 0; i < 2; i++)
        if (head(&journals[i])->sequence && head(&journals[i])->magic != MAGIC) {
            log_line("the state is of another version: start that, or remove state.0, state.1");
            return -EPROTO;
        }
    for (unsigned i = 0; i < 2; i++)
        if (in_force(&journals[i]) && (!now || head(&journals[i])->sequence > head(now)->sequence))
            now = &journals[i];
    uint64_t sequence = 1, epoch = 1;
    *found = now != NULL;
    if (now) {
        sequence = head(now)->sequence + 1;
        epoch = head(now)->epoch + 1;
        int rc = replay(xs, now);
        if (rc)
            log_line("state: damaged (%s): going on with what could be read", strerror(-rc));
    }
    xs->st.gen = epoch << 40;
    xs->rec.on = true;
    return snapshot(xs, sequence, epoch);
}

/* --- opening and slots ----------------------------------------------------------------------- */

static void read_boot_id(void)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (read(fd, boot_id, sizeof(boot_id) - 1) < 0)
        boot_id[0] = 0;
    close(fd);
}

int state_open(const char *path, uint64_t size)
{
    allowance = size;
    read_boot_id();
    if (mkdir(path, 0755) && errno != EEXIST)
        return -errno;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    int rc = open_journal(&journals[0], dir, "state.0");
    if (!rc)
        rc = open_journal(&journals[1], dir, "state.1");
    if (!rc) {
        slots_fd = openat(dir, "rings", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (slots_fd < 0 || ftruncate(slots_fd, (off_t)SLOT_SIZE * DOM_FIRST_RESERVED))
            rc = -errno;
    }
    close(dir);
    if (rc)
        return rc;
    slots = mmap(NULL, (size_t)SLOT_SIZE * DOM_FIRST_RESERVED, PROT_READ | PROT_WRITE, MAP_SHARED,
                 slots_fd, 0);
    return slots == MAP_FAILED ? -errno : 0;
}

struct ring_slot *state_slot(unsigned domid)
{
    size_t at = (size_t)domid * SLOT_SIZE;
    if (slots_fd < 0)
        return NULL;
    if (!(slot_ready[domid / 8] & (1u << domid % 8))) {
        if (posix_fallocate(slots_fd, (off_t)at, SLOT_SIZE))
            return NULL;
        slot_ready[domid / 8] |= (uint8_t)(1u << domid % 8);
    }
    return (struct ring_slot *)(void *)(slots + at);
}
