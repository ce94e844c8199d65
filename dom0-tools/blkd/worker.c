/*
 * One disk's process (see worker.h).
 */
#include "blkd/worker.h"

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

#include "blkd/queue.h"
#include "dkit/confine.h"
#include "dkit/evt.h"
#include "dkit/gnt.h"
#include "dkit/log.h"
#include "dkit/loop.h"

static struct source monitor;
static struct worker_report report;
static struct state_file *state;
static unsigned domid;
static bool connected;

static void tell(enum report_kind kind)
{
    report.kind = kind;
    if (send(monitor.fd, &report, sizeof report, MSG_NOSIGNAL) < 0)
        log_line("the monitor is gone: %s", strerror(errno));
}

static _Noreturn void fail(int rc, const char *what)
{
    if (!report.text[0])
        snprintf(report.text, sizeof report.text, "%s: %s", what, strerror(-rc));
    tell(REPORT_FAILED);
    exit(0);
}

static void must(int rc, const char *what)
{
    if (rc < 0)
        fail(rc, what);
}

static void broken(const char *what)
{
    snprintf(report.text, sizeof report.text, "%s", what);
    tell(REPORT_BROKEN);
}

static void stopped(void)
{
    exit(0);
}

static void connect_rings(const struct worker_order *o)
{
    if (connected)
        return;
    report.text[0] = 0;
    int rc = queues_open(domid, &o->rings, o->persistent, &report.info, state, o->resume,
                         report.text, sizeof report.text);
    must(rc, "rings");
    connected = true;
    tell(REPORT_CONNECTED);
}

static void order_ready(struct source *s, uint32_t events)
{
    struct worker_order o;
    (void)events;
    ssize_t n = recv(s->fd, &o, sizeof o, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof o && o.kind == ORDER_CONNECT) {
        connect_rings(&o);
        return;
    }
    /* Told to stop, or alone: what was taken is answered, the next process goes on from there. */
    loop_remove(&monitor);
    if (connected)
        queues_stop(stopped);
    else
        stopped();
}

/*
 * The process before us may still be ending, its last writes under way: its lock goes when they are
 * done, and until then none of ours may begin.
 */
static int open_state(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) || ftruncate(fd, sizeof *state))
        return -errno;
    state = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return state == MAP_FAILED ? -errno : 0;
}

_Noreturn void worker_main(const struct worker_task *t, int fd)
{
    size_t n;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* and then the socket's end tells, too */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    domid = t->domid;
    monitor = (struct source){.ready = order_ready, .fd = fd};
    must(loop_open(), "epoll");
    must(loop_add(&monitor, EPOLLIN), "epoll");
    must(open_state(t->state_path), t->state_path);
    must(gnt_open(), "/dev/xen/gntdev");
    must(evt_open(), "/dev/xen/evtchn");
    must(evt_restrict(t->domid), "/dev/xen/evtchn");
    must(disk_open(t->target, t->readonly, t->discard, &report.info, report.text,
                   sizeof report.text),
         "disk");
    const int *calls = disk_calls(&n);
    if (!t->no_confine)
        must(confine_alone(calls, n), "confinement");
    queues_broken = broken;
    tell(REPORT_OPEN);
    loop_run();
    exit(1);
}
