/*
 * Event channels (see evt.h), by the kernel's device.
 */
#include "dkit/evt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "dkit/log.h"
#include "dkit/loop.h"

enum { PORTS = 4096, BATCH = 64 }; /* 2-level channels of a 64-bit domain */

static xenevtchn_handle *handle;
static struct source source;
static struct evt *by_port[PORTS];
static bool (*unmask_by)(const struct evt *e); /* NULL: a call of its own */

void evt_raised(const uint32_t *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct evt *e = ports[i] < PORTS ? by_port[ports[i]] : NULL;
        if (e)
            e->raised(e);
    }
}

/* The device hands out as many as fit; the library's call takes one at a time. */
static void ports_ready(struct source *s, uint32_t events)
{
    uint32_t ports[BATCH];
    (void)events;
    ssize_t n = read(s->fd, ports, sizeof ports);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        log_line("/dev/xen/evtchn: %s", strerror(errno));
    evt_raised(ports, n < 0 ? 0 : (size_t)n / sizeof ports[0]);
}

int evt_open(void)
{
    handle = xenevtchn_open(NULL, 0);
    if (!handle)
        return errno ? -errno : -EIO;
    unmask_by = NULL;
    source = (struct source){.ready = ports_ready, .fd = xenevtchn_fd(handle)};
    return loop_add(&source, EPOLLIN);
}

int evt_take_over(bool (*unmask)(const struct evt *e))
{
    int flags = fcntl(source.fd, F_GETFL);
    if (flags < 0 || fcntl(source.fd, F_SETFL, flags | O_NONBLOCK))
        return -errno;
    loop_remove(&source);
    unmask_by = unmask;
    return source.fd;
}

int evt_restrict(unsigned domid)
{
    return xenevtchn_restrict(handle, (domid_t)domid) ? -errno : 0;
}

static int bound(struct evt *e, int port)
{
    if (port < 0)
        return errno ? -errno : -EIO;
    if (port >= PORTS) {
        (void)xenevtchn_unbind(handle, (evtchn_port_t)port);
        return -ERANGE;
    }
    e->port = port;
    by_port[port] = e;
    return 0;
}

int evt_bind(struct evt *e, unsigned domid, uint32_t port)
{
    e->port = -1;
    return bound(e, xenevtchn_bind_interdomain(handle, domid, port));
}

int evt_bind_virq(struct evt *e, unsigned virq)
{
    e->port = -1;
    return bound(e, xenevtchn_bind_virq(handle, virq));
}

void evt_unbind(struct evt *e)
{
    if (e->port < 0)
        return;
    by_port[e->port] = NULL;
    (void)xenevtchn_unbind(handle, (evtchn_port_t)e->port); /* the guest may have closed it */
    e->port = -1;
}

void evt_notify(const struct evt *e)
{
    if (e->port >= 0)
        (void)xenevtchn_notify(handle, (evtchn_port_t)e->port); /* likewise */
}

void evt_unmask(const struct evt *e)
{
    if (e->port >= 0 && !(unmask_by && unmask_by(e)))
        (void)xenevtchn_unmask(handle, (evtchn_port_t)e->port); /* likewise */
}
