/* domctl: dom0's tools make, change and end domains.
 *
 * This file copies the request in, finds the domain, keeps two callers apart, and sends the request
 * to its theme's file (domctl_life.c, domctl_vcpu.c, domctl_memory.c). Read-only queries take no
 * lock (checklist G8: permission first, then the lock). */
#include "core/dom/create.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "port/guestmem.h"

static bool needs_lock(uint32_t cmd)
{
    switch (cmd) {
    case XEN_DOMCTL_getdomaininfo:
    case XEN_DOMCTL_getvcpuinfo:
    case XEN_DOMCTL_getvcpuaffinity:
    case XEN_DOMCTL_get_address_size:
    case XEN_DOMCTL_getnodeaffinity:
    case XEN_DOMCTL_gettscinfo:
        return false;
    default:
        return true;
    }
}

/* Not on oneself: they would stop, or take apart, the vcpu that asks. */
static bool not_on_self(uint32_t cmd)
{
    switch (cmd) {
    case XEN_DOMCTL_destroydomain:
    case XEN_DOMCTL_pausedomain:
    case XEN_DOMCTL_setdebugging:
    case XEN_DOMCTL_setvcpucontext:
    case XEN_DOMCTL_getvcpucontext:
    case XEN_DOMCTL_resumedomain:
    case XEN_DOMCTL_max_vcpus:
    case XEN_DOMCTL_set_address_size:
        return true;
    default:
        return false;
    }
}

static long dispatch(struct domctl_call *c)
{
    static uint64_t refused[2];
    long result = domctl_life(c);

    if (result == -XEN_ENOSYS)
        result = domctl_vcpu(c);
    if (result == -XEN_ENOSYS)
        result = domctl_memory(c);
    if (result == -XEN_ENOSYS)
        return control_not_offered("domctl", c->op->cmd, refused);
    return result;
}

static long run(struct domctl_call *c)
{
    bool locked = needs_lock(c->op->cmd);

    if (locked && !control_begin())
        return HC_AGAIN;
    /* It may have gone for good since it was found. */
    long result = locked && c->d && !c->d->shared ? -XEN_ESRCH : dispatch(c);
    if (locked)
        control_end();
    return result;
}

/* getdomaininfo answers for the next domain where there is none of that id: `xl` walks so. */
static struct domain *find(const struct xen_domctl *op)
{
    if (op->cmd == XEN_DOMCTL_createdomain)
        return NULL;
    if (op->cmd == XEN_DOMCTL_getdomaininfo)
        return op->domain == DOMID_SELF ? dom_get(0) : dom_get_next(op->domain);
    return dom_get(op->domain);
}

long hc_domctl(struct vcpu *v, uint64_t *arg)
{
    struct xen_domctl op;
    struct domctl_call call = {.caller = v, .op = &op, .at = arg[0]};
    long result;

    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    if (guest_get(&op, arg[0]))
        return -XEN_EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -XEN_EACCES;
    call.d = find(&op);
    if (!call.d && op.cmd != XEN_DOMCTL_createdomain)
        return -XEN_ESRCH;
    if (call.d == v->dom && not_on_self(op.cmd))
        result = -XEN_EINVAL;
    else
        result = run(&call);
    if (call.d)
        dom_put(call.d);
    if (call.copy_back && guest_put(arg[0], &op))
        return -XEN_EFAULT;
    return result;
}
