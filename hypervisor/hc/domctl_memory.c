/* domctl: a domain's memory: its limit, the types of its frames, rights to device memory and
 * ports. */
#include "core/frame/frame.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "port/clock.h"

static long max_mem(struct domctl_call *c)
{
    uint64_t pages = c->op->u.max_mem.max_memkb >> (FRAME_SHIFT - 10);

    /* Below what it has now is fine: it can then only shrink. */
    c->d->mem.max_pages = pages;
    return 0;
}

/* xl save and dump-core ask what each frame is: in: mfns, out: XEN_DOMCTL_PFINFO_* in their
 * place. */
static long frame_info(struct domctl_call *c)
{
    struct xen_domctl_getpageframeinfo3 *op = &c->op->u.getpageframeinfo3;
    uint64_t at = HANDLE(op->array);

    if (op->num > 1024)
        return -XEN_E2BIG;
    for (uint64_t i = 0; i < op->num; i++) {
        uint64_t entry;

        if (guest_read64(&entry, at + i * 8))
            return -XEN_EFAULT;
        if (guest_write64(at + i * 8, frame_pfinfo(mfn(entry), c->d)))
            return -XEN_EFAULT;
    }
    return 0;
}

/* dom0 owns all devices; none is handed to another domain while there is no IOMMU (checklist
 * G10). */
static long device_right(bool allow)
{
    return allow ? -XEN_EPERM : 0;
}

long domctl_memory(struct domctl_call *c)
{
    switch (c->op->cmd) {
        ROW(XEN_DOMCTL_max_mem, max_mem(c));
        ROW(XEN_DOMCTL_getpageframeinfo3, frame_info(c));
        ROW(XEN_DOMCTL_irq_permission, device_right(c->op->u.irq_permission.allow_access));
        ROW(XEN_DOMCTL_iomem_permission, device_right(c->op->u.iomem_permission.allow_access));
        ROW(XEN_DOMCTL_ioport_permission, device_right(c->op->u.ioport_permission.allow_access));
    default: /* also shadow_op (no log of dirty pages yet) and handing on devices */
        return -XEN_ENOSYS;
    }
}
