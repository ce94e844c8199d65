/*
 * The process of one device (see process.h).
 */
#include "dkit/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dkit/confine.h"
#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/log.h"

static const struct process_kind *kind;
static struct source monitor;
static struct device_report report;
static bool connected;
static int lock = -1;

static void tell(int what)
{
    report.kind = what;
    if (send(monitor.fd, &report, sizeof report, MSG_NOSIGNAL) < 0)
        log_line("the monitor is gone: %s", strerror(errno));
}

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    if (!report.text[0])
        snprintf(report.text, sizeof report.text, "%s: %s", what, strerror(-rc));
    tell(REPORT_FAILED);
    exit(0);
}

void process_broken(const char *what)
{
    snprintf(report.text, sizeof report.text, "%s", what);
    tell(REPORT_BROKEN);
}

static void stopped(void)
{
    exit(0);
}

static void order_ready(struct source *s, uint32_t events)
{
    struct device_order o;
    (void)events;
    ssize_t n = recv(s->fd, &o, sizeof o, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof o && o.kind == ORDER_CONNECT) {
        if (connected)
            return;
        report.text[0] = 0;
        must(kind->connect(o.rings, o.resume, report.text, sizeof report.text), "rings");
        connected = true;
        tell(REPORT_CONNECTED);
        return;
    }
    /* Told to stop, or alone: what was taken is answered, the next process goes on from there. */
    loop_remove(&monitor);
    if (connected)
        kind->stop(stopped);
    else
        stopped();
}

/*
 * The process before us may still be ending, its last writes under way: its lock goes when they are
 * done, and until then none of ours may begin.
 */
static void *open_state(const char *path, size_t bytes)
{
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) || ftruncate(lock, (off_t)bytes))
        return MAP_FAILED;
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, lock, 0);
}

int process_lock(void)
{
    return lock;
}

_Noreturn void process_main(const struct device *d, int fd, const struct process_kind *k)
{
    size_t n = 0;
    kind = k;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* and then the socket's end tells, too */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    monitor = (struct source){.ready = order_ready, .fd = fd};
    must(loop_open(), "epoll");
    must(loop_add(&monitor, EPOLLIN), "epoll");
    void *state = open_state(d->state_path, k->state_bytes);
    must(state == MAP_FAILED ? -errno : 0, d->state_path);
    must(gnt_open(), "/dev/xen/gntdev");
    must(evt_open(), "/dev/xen/evtchn");
    must(evt_restrict(d->domid), "/dev/xen/evtchn");
    must(k->open(d, state, report.info, report.text, sizeof report.text), "open");
    const int *calls = k->calls ? k->calls(&n) : NULL;
    if (!k->no_confine)
        must(confine_alone(calls, n), "confinement");
    tell(REPORT_OPEN);
    loop_run();
    exit(1);
}
