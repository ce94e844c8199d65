/*
 * The devices in the xenstore (see monitor.h): xenbus states on one side, a process on the other.
 *
 *   back-end    front-end         what is done
 *   1           any               start a process; when it has the disk: offer features, state 2
 *   2           3 or 4            tell the process the rings; when it serves them: state 4
 *   4           4                 nothing; a process that dies is started again and goes on
 *   4           5                 state 5
 *   any         6 or gone         stop the process; when it has ended: state 6
 *   6           1, and online     as from 1
 *
 * Found at our own start, a device in state 4 is one whose process was killed with us.
 *
 * Of what the front-end writes only numbers are read, and states. What the process is told to open
 * comes from the back-end's nodes, which are dom0's alone.
 */
#include "blkd/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/abi.h"
#include <xen/io/xenbus.h>

#include "blkd/worker.h"
#include "dkit/daemon.h"
#include "dkit/log.h"
#include "dkit/loop.h"
#include "dkit/xb.h"

#define BASE "/local/domain/0/backend/blkd"

enum { AGAIN_FIRST_MS = 1, AGAIN_MOST_MS = 2000, STEADY_MS = 10000, FRONT_GONE = 0 };

struct device {
    struct list link;
    unsigned domid, devid;
    char *front; /* its path */
    struct xb_watch front_watch;
    struct job look;
    struct timer again;
    int backoff;
    int64_t started;
    pid_t pid; /* of its process; 0: none */
    struct source socket;
    enum { IDLE, OPENING, OPEN, CONNECTING, CONNECTED, STOPPING, FAILED } stage;
    struct disk_info info;
};

static const struct monitor_options *opt;
static struct list devices = LIST_INIT(devices);
static struct xb_watch root_watch;
static struct source children;

#define NODE      BASE "/%u/%u/"
#define ARGS(dev) (dev)->domid, (dev)->devid

static void set_state(struct device *d, unsigned state)
{
    int rc = xb_write_number(state, NODE "state", ARGS(d));
    if (rc)
        log_line("domain %u disk %u: state %u: %s", ARGS(d), state, strerror(-rc));
}

static unsigned own_state(const struct device *d)
{
    return (unsigned)xb_number(XenbusStateUnknown, 8, NODE "state", ARGS(d));
}

static unsigned front_state(const struct device *d)
{
    return (unsigned)xb_number(FRONT_GONE, 8, "%s/state", d->front);
}

/* Where tools look for the reason. */
static void say_why(const struct device *d, const char *why)
{
    log_line("domain %u disk %u: %s", ARGS(d), why);
    xb_write(why, "/local/domain/0/error/backend/blkd/%u/%u/error", ARGS(d));
}

/* --- the process ----------------------------------------------------------------------------- */

static void heard(struct source *s, uint32_t events);

static void fill_path(const struct device *d, char *path, size_t room)
{
    snprintf(path, room, "%s/%u-%u", opt->state_dir, ARGS(d));
}

static _Noreturn void be_worker(const struct device *d, const char *target, bool readonly,
                                bool discard, int fd)
{
    char path[256];
    fill_path(d, path, sizeof path);
    xb_forget();             /* from here on the connection is the monitor's alone */
    daemon_close_others(fd); /* the lock and other devices' sockets are not for it */
    const struct worker_task t = {.domid = d->domid,
                                  .devid = d->devid,
                                  .target = target,
                                  .state_path = path,
                                  .readonly = readonly,
                                  .discard = discard,
                                  .no_confine = opt->no_confine};
    worker_main(&t, fd);
}

static int start_process(struct device *d)
{
    int pair[2];
    char *target = xb_read(NODE "params", ARGS(d)), *mode = xb_read(NODE "mode", ARGS(d));
    if (!target || !mode) {
        free(target);
        free(mode);
        return -ENOENT;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        free(target);
        free(mode);
        return -errno;
    }
    bool discard = xb_number(1, 1, NODE "discard-enable", ARGS(d)) != 0;
    pid_t pid = fork();
    if (pid == 0)
        be_worker(d, target, mode[0] != 'w', discard, pair[1]);
    int rc = pid < 0 ? -errno : 0;
    close(pair[1]);
    free(target);
    free(mode);
    d->socket = (struct source){.ready = heard, .fd = pair[0]};
    if (!rc)
        rc = loop_add(&d->socket, EPOLLIN);
    if (rc) { /* a process that was started sees the socket's end, and ends */
        close(pair[0]);
        return rc;
    }
    d->pid = pid;
    d->started = loop_now();
    d->stage = OPENING;
    return 0;
}

static void order(struct device *d, const struct worker_order *o)
{
    if (send(d->socket.fd, o, sizeof *o, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_line("domain %u disk %u: its process does not listen: %s", ARGS(d), strerror(errno));
}

static void stop_process(struct device *d)
{
    const struct worker_order o = {.kind = ORDER_STOP};
    if (d->stage == STOPPING)
        return;
    d->stage = STOPPING;
    order(d, &o);
}

/* --- what the guest is offered --------------------------------------------------------------- */

static void offer(struct device *d)
{
    xb_write_number(opt->max_queues, NODE "multi-queue-max-queues", ARGS(d));
    xb_write_number(opt->max_order, NODE "max-ring-page-order", ARGS(d));
    xb_write_number(1, NODE "feature-persistent", ARGS(d));
    xb_write_number(REQ_SEGMENTS, NODE "feature-max-indirect-segments", ARGS(d));
    xb_write_number(d->info.limits.flush, NODE "feature-flush-cache", ARGS(d));
    xb_write_number(d->info.limits.flush, NODE "feature-barrier", ARGS(d));
    xb_write_number(d->info.limits.discard, NODE "feature-discard", ARGS(d));
    if (d->info.limits.discard && d->info.discard_granularity) {
        xb_write_number(d->info.discard_granularity, NODE "discard-granularity", ARGS(d));
        xb_write_number(0, NODE "discard-alignment", ARGS(d));
    }
    set_state(d, XenbusStateInitWait);
}

static void describe(struct device *d)
{
    char *type = xb_read(NODE "device-type", ARGS(d));
    unsigned info = (d->info.limits.readonly ? VDISK_READONLY : 0) |
                    (type && strcmp(type, "cdrom") == 0 ? VDISK_CDROM : 0);
    free(type);
    xb_write_number(d->info.limits.sectors, NODE "sectors", ARGS(d));
    xb_write_number(info, NODE "info", ARGS(d));
    xb_write_number(d->info.sector_size, NODE "sector-size", ARGS(d));
    xb_write_number(d->info.physical_size, NODE "physical-sector-size", ARGS(d));
    set_state(d, XenbusStateConnected);
}

/* --- the front-end's rings ------------------------------------------------------------------- */

static bool read_ring(const struct device *d, const char *dir, struct state_rings *r, unsigned n)
{
    const uint64_t none = UINT64_MAX;
    bool single = r->order == 0 && xb_exists("%s/ring-ref", dir);
    for (unsigned i = 0; i < 1u << r->order; i++) {
        uint64_t ref = single ? xb_number(none, UINT32_MAX, "%s/ring-ref", dir)
                              : xb_number(none, UINT32_MAX, "%s/ring-ref%u", dir, i);
        if (ref == none)
            return false;
        r->ref[n][i] = (uint32_t)ref;
    }
    uint64_t port = xb_number(none, UINT32_MAX, "%s/event-channel", dir);
    r->port[n] = (uint32_t)port;
    (void)d;
    return port != none;
}

static const char *read_rings(const struct device *d, struct state_rings *r)
{
    *r = (struct state_rings){0};
    char *abi = xb_read("%s/protocol", d->front);
    bool right = !abi || strcmp(abi, "x86_64-abi") == 0;
    free(abi);
    if (!right)
        return "the front-end speaks another ABI than x86_64-abi";
    r->nr_queues = (uint32_t)xb_number(1, UINT32_MAX, "%s/multi-queue-num-queues", d->front);
    r->order = (uint32_t)xb_number(0, UINT32_MAX, "%s/ring-page-order", d->front);
    if (r->nr_queues < 1 || r->nr_queues > opt->max_queues || r->order > opt->max_order)
        return "the front-end wants more queues or pages of rings than were offered";
    for (unsigned i = 0; i < r->nr_queues; i++) {
        char dir[512];
        if (r->nr_queues == 1)
            snprintf(dir, sizeof dir, "%s", d->front);
        else
            snprintf(dir, sizeof dir, "%s/queue-%u", d->front, i);
        if (!read_ring(d, dir, r, i))
            return "the front-end's ring-ref or event-channel is missing or not a number";
    }
    return NULL;
}

static void give_up(struct device *d, const char *why)
{
    say_why(d, why);
    if (d->pid)
        stop_process(d);
    d->stage = d->pid ? STOPPING : FAILED;
    set_state(d, XenbusStateClosing);
}

static void connect_device(struct device *d, bool resume)
{
    struct worker_order o = {.kind = ORDER_CONNECT, .resume = resume};
    const char *wrong = read_rings(d, &o.rings);
    if (wrong) {
        give_up(d, wrong);
        return;
    }
    o.persistent = xb_number(0, 1, "%s/feature-persistent", d->front) != 0;
    d->stage = CONNECTING;
    order(d, &o);
}

/* --- looking at a device --------------------------------------------------------------------- */

static void forget(struct device *d)
{
    char path[256];
    fill_path(d, path, sizeof path);
    unlink(path);
    xb_unwatch(&d->front_watch);
    job_cancel(&d->look);
    timer_stop(&d->again);
    list_remove(&d->link);
    free(d->front);
    free(d);
}

static void start_or_fail(struct device *d)
{
    int rc = start_process(d);
    if (!rc)
        return;
    char why[128];
    snprintf(why, sizeof why, "its process cannot be started: %s", strerror(-rc));
    give_up(d, why);
}

/* The guest is done with it, or it is taken away. */
static void close_device(struct device *d, unsigned own)
{
    if (d->pid) {
        stop_process(d);
        return;
    }
    timer_stop(&d->again);
    d->stage = IDLE;
    if (own != XenbusStateClosed)
        set_state(d, XenbusStateClosed);
}

static void look_without_process(struct device *d, unsigned own, unsigned front)
{
    bool online = xb_number(0, 1, NODE "online", ARGS(d)) != 0;
    if (own == XenbusStateClosed && front == XenbusStateInitialising && online) {
        set_state(d, XenbusStateInitialising); /* the guest wants it once more */
        own = XenbusStateInitialising;
    }
    bool wanted =
        own == XenbusStateInitialising || own == XenbusStateInitWait || own == XenbusStateConnected;
    if (wanted && d->stage == IDLE && list_empty(&d->again.link))
        start_or_fail(d);
}

static void look(struct job *j)
{
    struct device *d = CONTAINER_OF(j, struct device, look);
    unsigned own = own_state(d);
    if (own == XenbusStateUnknown) { /* taken away */
        if (d->pid)
            stop_process(d);
        else
            forget(d);
        return;
    }
    unsigned front = front_state(d);
    if (front == XenbusStateClosed || front == FRONT_GONE) {
        /* Of a device that nobody has used yet the front-end's node is state 1. */
        close_device(d, own);
        return;
    }
    if (front == XenbusStateClosing && own == XenbusStateConnected) {
        set_state(d, XenbusStateClosing);
        own = XenbusStateClosing;
    }
    bool ready = front == XenbusStateInitialised || front == XenbusStateConnected;
    if (!d->pid)
        look_without_process(d, own, front);
    else if (d->stage == OPEN && own == XenbusStateConnected && ready)
        connect_device(d, true);
    else if (d->stage == OPEN && own == XenbusStateInitialising)
        offer(d);
    else if (d->stage == OPEN && own == XenbusStateInitWait && ready)
        connect_device(d, false);
    else if (own == XenbusStateClosing && front == XenbusStateInitialising)
        close_device(d, own); /* taken away before the guest used it */
}

/* --- what the process says ------------------------------------------------------------------- */

static void heard(struct source *s, uint32_t events)
{
    struct device *d = CONTAINER_OF(s, struct device, socket);
    struct worker_report r;
    (void)events;
    ssize_t n = recv(s->fd, &r, sizeof r, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof r) {
        loop_remove(s); /* its end is told by the kernel (ended) */
        return;
    }
    r.text[sizeof r.text - 1] = 0;
    switch (r.kind) {
    case REPORT_OPEN:
        d->info = r.info;
        if (d->stage == OPENING)
            d->stage = OPEN;
        job_later(&d->look);
        break;
    case REPORT_CONNECTED:
        if (d->stage != CONNECTING)
            break;
        d->stage = CONNECTED;
        if (own_state(d) == XenbusStateInitWait)
            describe(d);
        job_later(&d->look);
        break;
    case REPORT_FAILED:
    case REPORT_BROKEN:
        give_up(d, r.text);
        break;
    }
}

/* Started again soon, and ever later while it dies at once; its rings wait. */
static void ended(struct device *d, int status)
{
    bool stopped = d->stage == STOPPING;
    loop_remove(&d->socket);
    close(d->socket.fd);
    d->pid = 0;
    d->stage = IDLE;
    if (stopped) {
        unsigned own = own_state(d);
        if (own == XenbusStateClosing && front_state(d) == XenbusStateConnected)
            d->stage = FAILED; /* given up: the guest has yet to close it */
        job_later(&d->look);
        return;
    }
    if (loop_now() - d->started > STEADY_MS)
        d->backoff = 0;
    log_line("domain %u disk %u: its process ended (%s %d); starting it again in %d ms", ARGS(d),
             WIFSIGNALED(status) ? "signal" : "exit status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), d->backoff);
    timer_set(&d->again, d->backoff);
    d->backoff = d->backoff ? d->backoff * 2 : AGAIN_FIRST_MS;
    if (d->backoff > AGAIN_MOST_MS)
        d->backoff = AGAIN_MOST_MS;
}

static void start_again(struct timer *t)
{
    struct device *d = CONTAINER_OF(t, struct device, again);
    job_later(&d->look);
}

static void child_ended(struct source *s, uint32_t events)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    (void)events;
    (void)!read(s->fd, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        list_for_each_safe (it, &devices) {
            struct device *d = list_entry(it, struct device, link);
            if (d->pid != pid)
                continue;
            heard(&d->socket, 0); /* its last words may still be there */
            ended(d, status);
        }
    }
}

/* --- finding devices ------------------------------------------------------------------------- */

static void front_fired(struct xb_watch *w, const char *path)
{
    (void)path;
    job_later(&CONTAINER_OF(w, struct device, front_watch)->look);
}

static struct device *find(unsigned domid, unsigned devid)
{
    list_for_each (it, &devices) {
        struct device *d = list_entry(it, struct device, link);
        if (d->domid == domid && d->devid == devid)
            return d;
    }
    return NULL;
}

static void add(unsigned domid, unsigned devid)
{
    struct device *d = calloc(1, sizeof *d);
    if (!d)
        return;
    d->domid = domid;
    d->devid = devid;
    d->front = xb_read(NODE "frontend", ARGS(d));
    if (!d->front) {
        free(d); /* not whole yet: its other nodes bring us here again */
        return;
    }
    job_init(&d->look, look);
    timer_init(&d->again, start_again);
    d->front_watch = (struct xb_watch){.fired = front_fired, .exact = true};
    list_push_back(&devices, &d->link);
    if (xb_watch(&d->front_watch, "%s/state", d->front))
        log_line("domain %u disk %u: no watch can be set", ARGS(d));
    job_later(&d->look);
}

static void look_at(unsigned domid, unsigned devid)
{
    struct device *d = find(domid, devid);
    if (d)
        job_later(&d->look);
    else if (xb_exists(BASE "/%u/%u/state", domid, devid))
        add(domid, devid);
}

static void look_at_all(void)
{
    unsigned nr_doms, nr_devs;
    list_for_each (it, &devices)
        job_later(&list_entry(it, struct device, link)->look);
    char **doms = xb_list(&nr_doms, BASE);
    for (unsigned i = 0; i < nr_doms; i++) {
        char **devs = xb_list(&nr_devs, BASE "/%s", doms[i]);
        for (unsigned k = 0; k < nr_devs; k++)
            look_at((unsigned)strtoul(doms[i], NULL, 10), (unsigned)strtoul(devs[k], NULL, 10));
        free(devs);
    }
    free(doms);
}

/* Features and sizes that we write ourselves come here too: only these say something. */
static void root_fired(struct xb_watch *w, const char *path)
{
    unsigned domid, devid;
    char key[32] = "";
    (void)w;
    int n = sscanf(path, BASE "/%u/%u/%31s", &domid, &devid, key);
    if (n < 2)
        look_at_all();
    else if (n == 2 || strcmp(key, "state") == 0 || strcmp(key, "frontend") == 0 ||
             strcmp(key, "online") == 0)
        look_at(domid, devid);
}

int monitor_start(const struct monitor_options *o)
{
    sigset_t set;
    opt = o;
    if (mkdir(o->state_dir, 0700) && errno != EEXIST)
        return -errno;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    children =
        (struct source){.ready = child_ended, .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    int rc = children.fd < 0 ? -errno : loop_add(&children, EPOLLIN);
    root_watch = (struct xb_watch){.fired = root_fired};
    return rc ? rc : xb_watch(&root_watch, BASE);
}
