/*
 * Xen as the kill test plays it: a folder ($FAKEXEN) in which ring.N is the ring of domain N, a
 * datagram socket for events each way. And step(): the daemon's $KILL_AT-th is its last.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/step.h"
#include "io/xen.h"

#define PORT_DOM_EXC 1
#define PORT_RING    100 /* + domid */

static int events = -1;
static struct sockaddr_un guests = {.sun_family = AF_UNIX};

void step(void)
{
    static long kill_at = -1, count;
    if (kill_at < 0)
        kill_at = getenv("KILL_AT") ? atol(getenv("KILL_AT")) : 0;
    if (++count == kill_at)
        kill(getpid(), SIGKILL);
}

static void name(char *to, size_t room, const char *file, int n)
{
    snprintf(to, room, n < 0 ? "%s/%s" : "%s/%s%d", getenv("FAKEXEN"), file, n);
}

int xen_open(const char **what)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    *what = "the fake's socket";
    name(a.sun_path, sizeof(a.sun_path), "events", -1);
    name(guests.sun_path, sizeof(guests.sun_path), "guests", -1);
    unlink(a.sun_path);
    events = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return events < 0 || bind(events, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
}

enum xen_dom_state xen_dom_state(unsigned id)
{
    char file[200];
    name(file, sizeof(file), "ring.", (int)id);
    return access(file, F_OK) ? XEN_DOM_NONE : XEN_DOM_ALIVE;
}

int xen_ring_map(unsigned id, uint64_t gfn, void **page)
{
    char file[200];
    (void)gfn;
    name(file, sizeof(file), "ring.", (int)id);
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return *page == MAP_FAILED ? -ENOMEM : 0;
}

void xen_ring_unmap(unsigned id, void *page)
{
    (void)id;
    munmap(page, 4096);
}

int xen_dom0_ring(void **page, uint32_t *port)
{
    *port = 1;
    return xen_ring_map(0, 0, page);
}

int xen_event_fd(void)
{
    return events;
}

int xen_events(uint32_t *ports, size_t n)
{
    size_t got = 0;
    while (got < n && recv(events, &ports[got], sizeof(*ports), 0) == (ssize_t)sizeof(*ports))
        got++;
    return (int)got;
}

void xen_event_unmask(const uint32_t *ports, size_t n)
{
    (void)ports;
    (void)n;
}

int xen_event_bind(unsigned id, uint32_t port)
{
    (void)port;
    return PORT_RING + (int)id;
}

int xen_event_bind_dom_exc(void)
{
    return PORT_DOM_EXC;
}

void xen_event_unbind(uint32_t port)
{
    (void)port;
}

void xen_event_notify(uint32_t port)
{
    /* Nobody listens when the test is between two waits: it looks at the rings first. */
    if (sendto(events, &port, sizeof(port), 0, (struct sockaddr *)&guests, sizeof(guests)) < 0)
        return;
}
