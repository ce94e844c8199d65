/*
 * Xen, by the stable libraries and one raw domctl (the header's interface version is pinned in
 * hypervisor/abi/abi_check.c).
 */
#include "io/xen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include "abi/abi.h"
#include <xen/domctl.h>

static xencall_handle *call;
static struct xen_domctl *domctl; /* in a page that the hypervisor may reach */
static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static xenforeignmemory_handle *fmem;
static bool foreign[0x8000]; /* this domain's ring was mapped by frame, not by grant */

static int failed(const char **what, const char *name)
{
    *what = name;
    return errno ? -errno : -EIO;
}

int xen_open(const char **what)
{
    call = xencall_open(NULL, 0);
    if (!call)
        return failed(what, "/dev/xen/privcmd");
    domctl = xencall_alloc_buffer(call, sizeof(*domctl));
    if (!domctl)
        return failed(what, "a hypercall buffer");
    evtchn = xenevtchn_open(NULL, 0);
    if (!evtchn)
        return failed(what, "/dev/xen/evtchn");
    gnttab = xengnttab_open(NULL, 0);
    if (!gnttab)
        return failed(what, "/dev/xen/gntdev");
    fmem = xenforeignmemory_open(NULL, 0);
    return fmem ? 0 : failed(what, "/dev/xen/privcmd");
}

enum xen_dom_state xen_dom_state(unsigned id)
{
    memset(domctl, 0, sizeof(*domctl));
    domctl->cmd = XEN_DOMCTL_getdomaininfo;
    domctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    domctl->domain = (domid_t)id;
    int rc = xencall1(call, __HYPERVISOR_domctl, (uint64_t)(uintptr_t)domctl);
    /* 4.17 answers with the next domain when there is none of this id. */
    if (rc < 0 || domctl->u.getdomaininfo.domain != id)
        return XEN_DOM_NONE;
    uint32_t flags = domctl->u.getdomaininfo.flags;
    if (flags & XEN_DOMINF_dying)
        return XEN_DOM_DYING;
    return flags & XEN_DOMINF_shutdown ? XEN_DOM_SHUTDOWN : XEN_DOM_ALIVE;
}

int xen_ring_map(unsigned id, uint64_t gfn, void **page)
{
    *page = xengnttab_map_grant_ref(gnttab, id, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
    foreign[id] = !*page;
    if (*page)
        return 0;
    const xen_pfn_t frame = gfn;
    int err = 0;
    *page = xenforeignmemory_map(fmem, id, PROT_READ | PROT_WRITE, 1, &frame, &err);
    if (*page && err) {
        (void)xenforeignmemory_unmap(fmem, *page, 1);
        *page = NULL;
    }
    if (*page)
        return 0;
    return err ? -abs(err) : errno ? -errno : -EINVAL;
}

void xen_ring_unmap(unsigned id, void *page)
{
    /* Either fails only for an address that was not mapped so. */
    if (foreign[id])
        (void)xenforeignmemory_unmap(fmem, page, 1);
    else
        (void)xengnttab_unmap(gnttab, page, 1);
}

int xen_dom0_ring(void **page, uint32_t *port)
{
    char text[32] = "";
    int fd = open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return -EIO;
    *port = (uint32_t)strtoul(text, NULL, 10);
    fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    int rc = *page == MAP_FAILED ? -errno : 0;
    close(fd);
    return rc;
}

int xen_event_fd(void)
{
    return xenevtchn_fd(evtchn);
}

int xen_events(uint32_t *ports, size_t n)
{
    /* The device hands out as many ports as fit; the library's call takes one at a time. */
    ssize_t got = read(xenevtchn_fd(evtchn), ports, n * sizeof(*ports));
    return got < 0 ? -errno : (int)((size_t)got / sizeof(*ports));
}

void xen_event_unmask(const uint32_t *ports, size_t n)
{
    /* Fails only for ports unbound meanwhile, which need no unmasking. */
    if (write(xenevtchn_fd(evtchn), ports, n * sizeof(*ports)) < 0)
        for (size_t i = 0; i < n; i++)
            (void)xenevtchn_unmask(evtchn, ports[i]);
}

static int port_or_errno(xenevtchn_port_or_error_t port)
{
    return port < 0 ? -errno : port;
}

int xen_event_bind(unsigned id, uint32_t port)
{
    return port_or_errno(xenevtchn_bind_interdomain(evtchn, id, port));
}

int xen_event_bind_dom_exc(void)
{
    return port_or_errno(xenevtchn_bind_virq(evtchn, VIRQ_DOM_EXC));
}

void xen_event_unbind(uint32_t port)
{
    (void)xenevtchn_unbind(evtchn, port); /* the other side may have closed it */
}

void xen_event_notify(uint32_t port)
{
    (void)xenevtchn_notify(evtchn, port); /* likewise */
}
