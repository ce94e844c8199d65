/*
 * Devices of a back-end (see device.h).
 */
#include "dkit/device.h"

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

#include "dkit/daemon.h"
#include "dkit/log.h"

enum { AGAIN_FIRST_MS = 1, AGAIN_MOST_MS = 2000, STEADY_MS = 10000, FRONT_GONE = 0 };

static const struct device_kind *kind;
static char base[64];
static struct list devices = LIST_INIT(devices);
static struct xb_watch root_watch;
static struct source children;

/* "domain 3 disk 51712" */
#define WHO       "domain %u %s %u: "
#define ARGS(dev) (dev)->domid, kind->noun, (dev)->devid

const char *device_node(const struct device *d, const char *key)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%u/%u/%s", base, d->domid, d->devid, key);
    return path;
}

bool device_queue_number(const struct device *d, unsigned nr_queues, unsigned i, const char *key,
                         uint32_t *to)
{
    uint64_t v = nr_queues == 1
                     ? xb_number(UINT64_MAX, UINT32_MAX, "%s/%s", d->front, key)
                     : xb_number(UINT64_MAX, UINT32_MAX, "%s/queue-%u/%s", d->front, i, key);
    *to = (uint32_t)v;
    return v != UINT64_MAX;
}

static void set_state(struct device *d, unsigned state)
{
    int rc = xb_write_number(state, "%s", device_node(d, "state"));
    if (rc)
        log_line(WHO "state %u: %s", ARGS(d), state, strerror(-rc));
}

static unsigned own_state(const struct device *d)
{
    return (unsigned)xb_number(XenbusStateUnknown, 8, "%s", device_node(d, "state"));
}

static unsigned front_state(const struct device *d)
{
    return (unsigned)xb_number(FRONT_GONE, 8, "%s/state", d->front);
}

/* Where tools look for the reason. */
static void say_why(const struct device *d, const char *why)
{
    log_line(WHO "%s", ARGS(d), why);
    xb_write(why, "/local/domain/0/error/backend/%s/%u/%u/error", kind->name, d->domid, d->devid);
}

/* --- the process ----------------------------------------------------------------------------- */

static void heard(struct source *s, uint32_t events);

static _Noreturn void be_process(const struct device *d, int fd)
{
    xb_forget();
    daemon_close_others(fd); /* the lock and other devices' sockets are not for it */
    kind->process(d, fd);
}

static int start_process(struct device *d)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        be_process(d, pair[1]);
    int rc = pid < 0 ? -errno : 0;
    close(pair[1]);
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

static void order(struct device *d, const struct device_order *o)
{
    if (send(d->socket.fd, o, sizeof *o, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_line(WHO "its process does not listen: %s", ARGS(d), strerror(errno));
}

static void stop_process(struct device *d)
{
    static const struct device_order o = {.kind = ORDER_STOP};
    if (d->stage == STOPPING)
        return;
    d->stage = STOPPING;
    order(d, &o);
}

static void offer(struct device *d)
{
    kind->offer(d);
    set_state(d, XenbusStateInitWait);
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
    struct device_order o = {.kind = ORDER_CONNECT, .resume = resume};
    const char *wrong = kind->read_rings(d, o.rings);
    if (wrong) {
        give_up(d, wrong);
        return;
    }
    d->stage = CONNECTING;
    order(d, &o);
}

/* --- looking at a device --------------------------------------------------------------------- */

static void forget(struct device *d)
{
    unlink(d->state_path);
    if (kind->gone)
        kind->gone(d);
    xb_unwatch(&d->front_watch);
    job_cancel(&d->look);
    timer_stop(&d->again);
    list_remove(&d->link);
    free(d->front);
    free(d);
}

static void start_or_fail(struct device *d)
{
    char why[DEVICE_TEXT] = "";
    int rc = kind->prepare ? kind->prepare(d, why, sizeof why) : 0;
    if (!rc)
        rc = start_process(d);
    if (!rc)
        return;
    if (!why[0])
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
    bool online = xb_number(0, 1, "%s", device_node(d, "online")) != 0;
    if (own == XenbusStateClosing && front == XenbusStateInitialising) {
        d->stage = FAILED; /* given up, or taken away, before the guest used it */
        set_state(d, XenbusStateClosed);
    }
    if (d->stage == FAILED)
        return;
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
        close_device(d, own); /* likewise */
}

/* --- what the process says ------------------------------------------------------------------- */

/* What was open before may come back, a server of NBD say: its guest waits, and may let go. */
static bool wait_for_it(struct device *d, const char *why)
{
    if (d->stage != OPENING || own_state(d) != XenbusStateConnected)
        return false;
    if (!d->away)
        log_line(WHO "%s; it is tried again until it is there", ARGS(d), why);
    d->away = true;
    return true;
}

static void heard(struct source *s, uint32_t events)
{
    struct device *d = CONTAINER_OF(s, struct device, socket);
    struct device_report r;
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
        memcpy(d->info, r.info, sizeof d->info);
        if (d->stage == OPENING)
            d->stage = OPEN;
        if (d->away)
            log_line(WHO "it is there again", ARGS(d));
        d->away = false;
        job_later(&d->look);
        break;
    case REPORT_CONNECTED:
        if (d->stage != CONNECTING)
            break;
        d->stage = CONNECTED;
        if (own_state(d) == XenbusStateInitWait) {
            if (kind->describe)
                kind->describe(d);
            set_state(d, XenbusStateConnected);
        }
        job_later(&d->look);
        break;
    case REPORT_FAILED:
        if (!wait_for_it(d, r.text))
            give_up(d, r.text);
        break;
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
    if (!d->away)
        log_line(WHO "its process ended (%s %d); starting it again in %d ms", ARGS(d),
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
    d->front = xb_read("%s", device_node(d, "frontend"));
    if (!d->front) {
        free(d); /* not whole yet: its other nodes bring us here again */
        return;
    }
    snprintf(d->state_path, sizeof d->state_path, "%s/%u-%u", kind->state_dir, domid, devid);
    job_init(&d->look, look);
    timer_init(&d->again, start_again);
    d->front_watch = (struct xb_watch){.fired = front_fired, .exact = true};
    list_push_back(&devices, &d->link);
    if (xb_watch(&d->front_watch, "%s/state", d->front))
        log_line(WHO "no watch can be set", ARGS(d));
    job_later(&d->look);
}

static void look_at(unsigned domid, unsigned devid)
{
    struct device *d = find(domid, devid);
    if (d)
        job_later(&d->look);
    else if (xb_exists("%s/%u/%u/state", base, domid, devid))
        add(domid, devid);
}

static void look_at_all(void)
{
    unsigned nr_doms, nr_devs;
    list_for_each (it, &devices)
        job_later(&list_entry(it, struct device, link)->look);
    char **doms = xb_list(&nr_doms, "%s", base);
    for (unsigned i = 0; i < nr_doms; i++) {
        char **devs = xb_list(&nr_devs, "%s/%s", base, doms[i]);
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
    size_t skip = strlen(base);
    int n = strncmp(path, base, skip) ? 0 : sscanf(path + skip, "/%u/%u/%31s", &domid, &devid, key);
    if (n < 2)
        look_at_all();
    else if (n == 2 || strcmp(key, "state") == 0 || strcmp(key, "frontend") == 0 ||
             strcmp(key, "online") == 0)
        look_at(domid, devid);
}

int devices_start(const struct device_kind *k)
{
    sigset_t set;
    kind = k;
    snprintf(base, sizeof base, "/local/domain/0/backend/%s", k->name);
    if (mkdir(k->state_dir, 0700) && errno != EEXIST)
        return -errno;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    children =
        (struct source){.ready = child_ended, .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    int rc = children.fd < 0 ? -errno : loop_add(&children, EPOLLIN);
    root_watch = (struct xb_watch){.fired = root_fired};
    return rc ? rc : xb_watch(&root_watch, "%s", base);
}
