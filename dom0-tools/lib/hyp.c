/*
 * The hypervisor as the tools see it: the handle, and requests as they are (see hyp.h).
 *
 * Arguments are copied to and from memory that libxencall keeps mapped for the hypervisor: small
 * ones to one page that lives as long as the handle, others to a buffer of their own.
 */
#include "lib/hyp_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int hyp_open(struct hyp **out, struct why *w)
{
    struct hyp *h = calloc(1, sizeof *h);
    if (!h)
        return why(w, -ENOMEM, "out of memory");
    /* Look before libxencall does: it prints on its own when it fails. */
    if (access("/dev/xen/privcmd", R_OK | W_OK) < 0 &&
        access("/proc/xen/privcmd", R_OK | W_OK) < 0) {
        int err = errno;
        free(h);
        return why(w, -err, "cannot reach the hypervisor at /dev/xen/privcmd: %s; %s",
                   strerror(err),
                   err == EACCES ? "run as root"
                                 : "is this Xen's control domain, and xen-privcmd loaded?");
    }
    h->call = xencall_open(NULL, XENCALL_OPENFLAG_NON_REENTRANT);
    if (!h->call) {
        int err = errno;
        free(h);
        return why(w, -err, "cannot open /dev/xen/privcmd: %s", strerror(err));
    }
    h->page = xencall_alloc_buffer_pages(h->call, 1);
    if (!h->page) {
        hyp_close(h);
        return why(w, -ENOMEM, "no memory for hypercall arguments");
    }
    *out = h;
    return 0;
}

void hyp_close(struct hyp *h)
{
    if (!h)
        return;
    if (h->m2p)
        hyp_unmap(h, h->m2p, h->m2p_pages);
    if (h->page)
        xencall_free_buffer_pages(h->call, h->page, 1);
    if (h->fmem)
        xenforeignmemory_close(h->fmem);
    xencall_close(h->call);
    free(h);
}

void *hyp_lend(struct hyp *h, size_t size)
{
    return xencall_alloc_buffer(h->call, size ? size : 1);
}

void hyp_unlend(struct hyp *h, void *p)
{
    if (p)
        xencall_free_buffer(h->call, p);
}

/* The argument's place: the handle's page when it fits, else lent memory (freed by unstage). */
static void *stage(struct hyp *h, const void *arg, size_t size)
{
    void *p = size <= 4096 ? h->page : hyp_lend(h, size);
    if (p)
        memcpy(p, arg, size);
    return p;
}

static void unstage(struct hyp *h, void *p, void *arg, size_t size)
{
    memcpy(arg, p, size);
    if (p != h->page)
        hyp_unlend(h, p);
}

static int hypercall1(struct hyp *h, unsigned nr, void *arg, size_t size)
{
    void *p = stage(h, arg, size);
    if (!p)
        return -ENOMEM;
    int rc = xencall1(h->call, nr, (uintptr_t)p);
    int err = errno;
    unstage(h, p, arg, size);
    return rc < 0 ? -err : rc;
}

int hyp_domctl(struct hyp *h, struct xen_domctl *op)
{
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return hypercall1(h, __HYPERVISOR_domctl, op, sizeof *op);
}

int hyp_sysctl(struct hyp *h, struct xen_sysctl *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(h, __HYPERVISOR_sysctl, op, sizeof *op);
}

long hyp_memory(struct hyp *h, unsigned cmd, void *arg, size_t size)
{
    void *p = stage(h, arg, size);
    if (!p)
        return -ENOMEM;
    long rc = xencall2L(h->call, __HYPERVISOR_memory_op, cmd, (uintptr_t)p);
    int err = errno;
    unstage(h, p, arg, size);
    return rc < 0 ? -err : rc;
}

static int hypercall2(struct hyp *h, unsigned nr, unsigned cmd, void *arg, size_t size)
{
    void *p = stage(h, arg, size);
    if (!p)
        return -ENOMEM;
    int rc = xencall2(h->call, nr, cmd, (uintptr_t)p);
    int err = errno;
    unstage(h, p, arg, size);
    return rc < 0 ? -err : rc;
}

int hyp_evtchn(struct hyp *h, unsigned cmd, void *arg, size_t size)
{
    return hypercall2(h, __HYPERVISOR_event_channel_op, cmd, arg, size);
}

int hyp_version(struct hyp *h, unsigned cmd, void *arg, size_t size)
{
    if (!size) {
        int rc = xencall2(h->call, __HYPERVISOR_xen_version, cmd, 0);
        return rc < 0 ? -errno : rc;
    }
    return hypercall2(h, __HYPERVISOR_xen_version, cmd, arg, size);
}

int hyp_mmuext(struct hyp *h, uint16_t domid, const struct mmuext_op *ops, unsigned n)
{
    size_t size = n * sizeof *ops;
    void *p = stage(h, ops, size);
    if (!p)
        return -ENOMEM;
    int rc = xencall4(h->call, __HYPERVISOR_mmuext_op, (uintptr_t)p, n, 0, domid);
    int err = errno;
    if (p != h->page)
        hyp_unlend(h, p);
    return rc < 0 ? -err : 0;
}

/* --- events ------------------------------------------------------------------------------- */

int hyp_evtchn_unbound(struct hyp *h, uint32_t domid, uint32_t remote)
{
    struct evtchn_alloc_unbound a = {.dom = (domid_t)domid, .remote_dom = (domid_t)remote};
    int rc = hyp_evtchn(h, EVTCHNOP_alloc_unbound, &a, sizeof a);
    return rc < 0 ? rc : (int)a.port;
}

/* --- mapping memory ------------------------------------------------------------------------ */

static xenforeignmemory_handle *fmem(struct hyp *h)
{
    if (!h->fmem)
        h->fmem = xenforeignmemory_open(NULL, 0);
    return h->fmem;
}

void *hyp_map_some(struct hyp *h, uint32_t domid, int prot, const xen_pfn_t *mfns, int *err,
                   size_t n)
{
    return fmem(h) ? xenforeignmemory_map(h->fmem, domid, prot, n, mfns, err) : NULL;
}

void *hyp_map(struct hyp *h, uint32_t domid, int prot, const xen_pfn_t *mfns, size_t n)
{
    return hyp_map_some(h, domid, prot, mfns, NULL, n);
}

void hyp_unmap(struct hyp *h, void *p, size_t n)
{
    if (p)
        xenforeignmemory_unmap(h->fmem, p, n);
}

void *hyp_map_grants(struct hyp *h, uint32_t domid, void **res)
{
    void *addr = NULL;
    if (!fmem(h))
        return NULL;
    *res = xenforeignmemory_map_resource(h->fmem, (domid_t)domid, XENMEM_resource_grant_table,
                                         XENMEM_resource_grant_table_id_shared, 0, 1, &addr,
                                         PROT_READ | PROT_WRITE, 0);
    return *res ? addr : NULL;
}

void hyp_unmap_grants(struct hyp *h, void *res)
{
    if (res)
        xenforeignmemory_unmap_resource(h->fmem, res);
}

int hyp_m2p(struct hyp *h, const uint64_t **table, uint64_t *frames)
{
    if (!h->m2p) {
        long top = hyp_memory(h, XENMEM_maximum_ram_page, &(char){0}, 1);
        if (top < 0)
            return (int)top;
        /* One list entry stands for 2 MiB of the table: 2^18 machine frames. */
        size_t chunks = ((size_t)top >> 18) + 1;
        xen_pfn_t *list = hyp_lend(h, chunks * sizeof *list);
        xen_pfn_t *mfns = calloc(chunks * 512, sizeof *mfns);
        if (!list || !mfns) {
            hyp_unlend(h, list);
            free(mfns);
            return -ENOMEM;
        }
        struct xen_machphys_mfn_list l = {.max_extents = (unsigned)chunks};
        set_xen_guest_handle(l.extent_start, list);
        long rc = hyp_memory(h, XENMEM_machphys_mfn_list, &l, sizeof l);
        if (rc >= 0) {
            for (size_t i = 0; i < chunks * 512; i++)
                mfns[i] = list[i / 512] + i % 512;
            h->m2p_pages = l.nr_extents * 512ul;
            h->m2p = hyp_map(h, DOMID_XEN, PROT_READ, mfns, h->m2p_pages);
            if (!h->m2p)
                rc = -errno;
        }
        hyp_unlend(h, list);
        free(mfns);
        if (rc < 0)
            return (int)rc;
    }
    *table = h->m2p;
    *frames = h->m2p_pages * 512;
    return 0;
}
