/*
 * A world of one guest for argon-consoled, in the folder $CONS_WORLD, in place of dkit's event
 * channels, grants and xenstore: `page` is its console ring, bytes in the pipe `bell` its events,
 * and it is there as long as `alive` is.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consoled/guard.h"
#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/loop.h"
#include "dkit/xb.h"

static struct source bell;
static struct evt *bound;
static bool masked;
static struct job first_look, first_watch, ended;
static struct xb_watch *domains, *nodes;

static char *in_world(const char *name)
{
    static char path[500];
    snprintf(path, sizeof path, "%s/%s", getenv("CONS_WORLD"), name);
    return path;
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);

static void perhaps_die(unsigned one_in)
{
    static bool seeded;
    if (!seeded)
        srand((unsigned)getpid());
    seeded = true;
    if ((unsigned)rand() % one_in == 0 && access(in_world("mortal"), F_OK) == 0)
        raise(SIGKILL);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    struct stat st;
    ssize_t done = __real_write(fd, bytes, n);
    if (fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        perhaps_die(60);
    return done;
}

int __wrap_renameat(int from, const char *a, int to, const char *b)
{
    int rc = __real_renameat(from, a, to, b);
    perhaps_die(40);
    return rc;
}

int guard(int log_dir)
{
    (void)log_dir;
    return 0;
}

int gnt_open(void)
{
    return 0;
}

void *gnt_map(unsigned domid, uint32_t *refs, unsigned n, bool writable)
{
    (void)domid, (void)refs, (void)n, (void)writable;
    int fd = open(in_world("page"), O_RDWR);
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

void gnt_unmap(void *pages, unsigned n)
{
    munmap(pages, n * 4096ul);
}

static void look_at_end(struct job *j)
{
    (void)j;
    if (nodes && access(in_world("alive"), F_OK))
        nodes->fired(nodes, "");
}

static void rung(struct source *s, uint32_t events)
{
    char bytes[4096];
    (void)events;
    if (read(s->fd, bytes, sizeof bytes) <= 0)
        return;
    if (access(in_world("alive"), F_OK)) {
        job_later(&ended);
        return;
    }
    if (bound && !masked) {
        masked = true;
        loop_change(s, 0);
        bound->raised(bound);
    }
}

static void look_once(struct job *j)
{
    (void)j;
    if (bound)
        bound->raised(bound);
}

int evt_open(void)
{
    job_init(&first_look, look_once);
    job_init(&ended, look_at_end);
    bell = (struct source){.ready = rung, .fd = open(in_world("bell"), O_RDWR | O_NONBLOCK)};
    return bell.fd < 0 ? -errno : loop_add(&bell, EPOLLIN);
}

int evt_bind(struct evt *e, unsigned domid, uint32_t port)
{
    (void)domid;
    e->port = (int)port;
    bound = e;
    masked = true;
    job_later(&first_look);
    return 0;
}

void evt_unbind(struct evt *e)
{
    e->port = -1;
    bound = NULL;
}

void evt_notify(const struct evt *e)
{
    (void)e; /* the guest polls */
}

void evt_unmask(const struct evt *e)
{
    (void)e;
    masked = false;
    loop_change(&bell, EPOLLIN);
}

static void fire_all(struct job *j)
{
    (void)j;
    if (domains)
        domains->fired(domains, "");
    if (nodes)
        nodes->fired(nodes, "");
}

int xb_open(void)
{
    job_init(&first_watch, fire_all);
    return 0;
}

int xb_watch(struct xb_watch *w, const char *fmt, ...)
{
    *(fmt[0] == '@' ? &domains : &nodes) = w;
    job_later(&first_watch);
    return 0;
}

void xb_unwatch(struct xb_watch *w)
{
    if (w == nodes)
        nodes = NULL;
}

static const char *node(const char *path)
{
    static const char *const tree[][2] = {
        {"/name", "guest"},          {"/vm", "/vm/1-2-3"},   {"/console/type", "xenconsoled"},
        {"/console/ring-ref", "77"}, {"/console/port", "5"}, {"", ""}};
    if (strncmp(path, "/local/domain/1", 15) != 0 || access(in_world("alive"), F_OK))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(tree); i++)
        if (strcmp(path + 15, tree[i][0]) == 0)
            return tree[i][1];
    return NULL;
}

#define FORMAT(path)                                                                               \
    char path[200];                                                                                \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    vsnprintf(path, sizeof path, fmt, ap);                                                         \
    va_end(ap)

char *xb_read(const char *fmt, ...)
{
    FORMAT(path);
    const char *v = node(path);
    errno = ENOENT;
    return v ? strdup(v) : NULL;
}

bool xb_exists(const char *fmt, ...)
{
    FORMAT(path);
    return node(path) != NULL;
}

uint64_t xb_number(uint64_t otherwise, uint64_t max, const char *fmt, ...)
{
    FORMAT(path);
    (void)max;
    const char *v = node(path);
    return v ? strtoull(v, NULL, 10) : otherwise;
}

char **xb_list(unsigned *n, const char *fmt, ...)
{
    (void)fmt;
    char **list = malloc(sizeof *list + 2);
    *n = 1;
    list[0] = strcpy((char *)(list + 1), "1");
    return list;
}

int xb_write(const char *value, const char *fmt, ...)
{
    (void)value, (void)fmt;
    return 0;
}
