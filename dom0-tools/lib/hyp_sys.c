/* The hypervisor as the tools see it: the machine and its schedulers (see hyp.h). */
#include "lib/hyp_private.h"

#include <errno.h>
#include <string.h>

int hyp_physinfo(struct hyp *h, struct xen_sysctl_physinfo *out)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_physinfo};
    int rc = hyp_sysctl(h, &op);
    *out = op.u.physinfo;
    return rc;
}

int hyp_sched_id(struct hyp *h, uint32_t *id)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_sched_id};
    int rc = hyp_sysctl(h, &op);
    *id = op.u.sched_id.sched_id;
    return rc;
}

int hyp_credit2(struct hyp *h, uint32_t domid, bool set, struct xen_domctl_sched_credit2 *p)
{
    struct xen_domctl op = {.cmd = XEN_DOMCTL_scheduler_op, .domain = (domid_t)domid};
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = set ? XEN_DOMCTL_SCHEDOP_putinfo : XEN_DOMCTL_SCHEDOP_getinfo;
    op.u.scheduler_op.u.credit2 = *p;
    int rc = hyp_domctl(h, &op);
    if (rc >= 0)
        *p = op.u.scheduler_op.u.credit2;
    return rc;
}

int hyp_credit2_params(struct hyp *h, uint32_t pool, bool set,
                       struct xen_sysctl_credit2_schedule *p)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_scheduler_op};
    op.u.scheduler_op.cpupool_id = pool;
    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = set ? XEN_SYSCTL_SCHEDOP_putinfo : XEN_SYSCTL_SCHEDOP_getinfo;
    op.u.scheduler_op.u.sched_credit2 = *p;
    int rc = hyp_sysctl(h, &op);
    if (rc >= 0)
        *p = op.u.scheduler_op.u.sched_credit2;
    return rc;
}

int hyp_debug_keys(struct hyp *h, const char *keys)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_debug_keys};
    size_t n = strlen(keys);
    char *lent = hyp_lend(h, n);
    if (!lent)
        return -ENOMEM;
    memcpy(lent, keys, n);
    set_xen_guest_handle(op.u.debug_keys.keys, lent);
    op.u.debug_keys.nr_keys = (uint32_t)n;
    int rc = hyp_sysctl(h, &op);
    hyp_unlend(h, lent);
    return rc;
}

int hyp_readconsole(struct hyp *h, char *buf, uint32_t room, uint32_t *index, bool clear)
{
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_readconsole};
    char *lent = hyp_lend(h, room);
    if (!lent)
        return -ENOMEM;
    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = *index;
    op.u.readconsole.count = room;
    set_xen_guest_handle(op.u.readconsole.buffer, lent);
    int rc = hyp_sysctl(h, &op);
    uint32_t n = op.u.readconsole.count;
    if (rc >= 0 && n <= room) {
        memcpy(buf, lent, n);
        *index = op.u.readconsole.index;
        rc = (int)n;
    }
    hyp_unlend(h, lent);
    return rc;
}

int hyp_nr_cpus(struct hyp *h)
{
    struct xen_sysctl_physinfo p;
    int rc = hyp_physinfo(h, &p);
    return rc < 0 ? rc : (int)p.max_cpu_id + 1;
}
