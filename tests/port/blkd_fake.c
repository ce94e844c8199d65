/*
 * The machine around argon-blkd's rings (see blkd_fake.h).
 */
#include "port/blkd_fake.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/log.h"
#include "dkit/loop.h"

enum { MAPPINGS = 8192, CHANNELS = 8, OPERATIONS = 4096 };

uint8_t *fake_page[FAKE_PAGES];
uint8_t fake_disk[FAKE_SECTORS * REQ_SECTOR], fake_platter[FAKE_SECTORS * REQ_SECTOR];
unsigned fake_notified, fake_unmasked, fake_under_way;
int fake_disk_error;

static int memory = -1;
static struct {
    void *at;
    size_t len;
} mapping[MAPPINGS];
static unsigned nr_mappings;
static struct evt *channel[CHANNELS];
static unsigned nr_channels;
static struct list jobs = LIST_INIT(jobs);
static struct disk_io *queued[OPERATIONS], *running[OPERATIONS];
static unsigned nr_queued;

void fake_start(void)
{
    if (memory < 0) {
        memory = memfd_create("guest", 0);
        if (ftruncate(memory, FAKE_PAGES * 4096L))
            _exit(99);
        uint8_t *all =
            mmap(NULL, FAKE_PAGES * 4096L, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        for (unsigned i = 0; i < FAKE_PAGES; i++)
            fake_page[i] = all + i * 4096L;
    }
    for (unsigned i = 0; i < FAKE_PAGES; i++)
        memset(fake_page[i], 0, 4096);
    memset(fake_disk, 0, sizeof fake_disk);
    memset(fake_platter, 0, sizeof fake_platter);
    fake_notified = fake_unmasked = 0;
    fake_disk_error = 0;
    fake_killed(0);
}

/* --- grants ---------------------------------------------------------------------------------- */

void *gnt_map(unsigned domid, uint32_t *refs, unsigned n, bool writable)
{
    (void)domid;
    (void)writable;
    for (unsigned i = 0; i < n; i++)
        if (refs[i] >= FAKE_PAGES)
            return errno = EINVAL, NULL;
    char *at = mmap(NULL, n * 4096L, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < n; i++)
        if (mmap(at + i * 4096L, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory,
                 refs[i] * 4096L) == MAP_FAILED)
            _exit(99);
    if (nr_mappings == MAPPINGS)
        _exit(98);
    mapping[nr_mappings].at = at;
    mapping[nr_mappings++].len = n * 4096L;
    return at;
}

void gnt_unmap(void *pages, unsigned n)
{
    munmap(pages, n * 4096L);
    for (unsigned i = 0; i < nr_mappings; i++)
        if (mapping[i].at == pages)
            mapping[i] = mapping[--nr_mappings];
}

int gnt_copy(unsigned domid, const struct gnt_piece *p, unsigned n)
{
    (void)domid;
    for (unsigned i = 0; i < n; i++) {
        if (p[i].ref >= FAKE_PAGES || p[i].offset + p[i].len > 4096)
            return -EFAULT;
        uint8_t *guest = fake_page[p[i].ref] + p[i].offset;
        memcpy(p[i].to_guest ? guest : p[i].local, p[i].to_guest ? p[i].local : guest, p[i].len);
    }
    return 0;
}

/* --- channels, loop, log --------------------------------------------------------------------- */

int evt_bind(struct evt *e, unsigned domid, uint32_t port)
{
    (void)domid;
    (void)port;
    e->port = (int)nr_channels;
    channel[nr_channels++] = e;
    return 0;
}

void evt_unbind(struct evt *e)
{
    e->port = -1;
}

void evt_notify(const struct evt *e)
{
    (void)e;
    fake_notified++;
}

void evt_unmask(const struct evt *e)
{
    (void)e;
    fake_unmasked++;
}

void fake_raise(void)
{
    for (unsigned i = 0; i < nr_channels; i++)
        channel[i]->raised(channel[i]);
}

void job_init(struct job *j, void (*run)(struct job *j))
{
    j->run = run;
    list_init(&j->link);
}

void job_later(struct job *j)
{
    if (list_empty(&j->link))
        list_push_back(&jobs, &j->link);
}

bool fake_turn(void)
{
    struct list *link = list_pop_front(&jobs);
    if (link)
        list_entry(link, struct job, link)->run(list_entry(link, struct job, link));
    return link != NULL;
}

void log_line(const char *format, ...)
{
    (void)format;
}

void log_guest(struct log_limit *l, const char *format, ...)
{
    (void)l;
    (void)format;
}

/* --- the disk -------------------------------------------------------------------------------- */

int disk_lend(void *buffer, size_t bytes)
{
    (void)buffer;
    (void)bytes;
    return -1;
}

void disk_submit(struct disk_io *io)
{
    queued[nr_queued++] = io;
}

void disk_kick(void)
{
    for (unsigned i = 0; i < nr_queued; i++)
        running[fake_under_way++] = queued[i];
    nr_queued = 0;
}

static void carry_out(const struct disk_io *io)
{
    uint8_t *at = fake_disk + io->offset;
    if (io->kind == REQ_FLUSH)
        memcpy(fake_platter, fake_disk, sizeof fake_disk);
    if (io->kind == REQ_DISCARD)
        memset(at, 0, io->bytes);
    if (io->kind == REQ_READ)
        memcpy(io->data, at, io->bytes);
    if (io->kind == REQ_WRITE)
        memcpy(at, io->data, io->bytes);
}

bool fake_finish(unsigned which)
{
    if (!fake_under_way)
        return false;
    unsigned i = which % fake_under_way;
    struct disk_io *io = running[i];
    running[i] = running[--fake_under_way];
    if (!fake_disk_error)
        carry_out(io);
    io->done(io, fake_disk_error);
    return true;
}

void fake_killed(unsigned random)
{
    for (unsigned i = 0; i < fake_under_way; i++)
        if (random >> (i % 30) & 1)
            carry_out(running[i]);
    fake_under_way = nr_queued = nr_channels = 0;
    for (unsigned i = 0; i < nr_mappings; i++)
        munmap(mapping[i].at, mapping[i].len);
    nr_mappings = 0;
    list_init(&jobs);
}
