/* sysctl: questions and settings of the whole machine, for dom0's tools. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/dom/create.h"
#include "core/frame/frame.h"
#include "dbg/dbg.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "port/console.h"
#include "port/kick.h"
#include "port/log.h"
#include "x86/cpu.h"
#include "x86/paging.h"
#include "x86/pv/policy.h"

/* xl dmesg: the ring passes through a small buffer, since the guest's memory may fault. */
static long read_console(struct xen_sysctl_readconsole *op)
{
    char chunk[256];
    uint32_t at = op->incremental ? op->index : 0;
    uint32_t done = 0;

    while (done < op->count) {
        uint32_t room = op->count - done < sizeof(chunk) ? op->count - done : sizeof(chunk);
        uint32_t n = log_ring_read(&at, chunk, room);

        if (!n)
            break;
        if (guest_write(HANDLE(op->buffer) + done, chunk, n))
            return -XEN_EFAULT;
        done += n;
    }
    op->index = at;
    op->count = done;
    if (op->clear)
        log_ring_clear();
    return 0;
}

static long physinfo(struct xen_sysctl_physinfo *info)
{
    memset(info, 0, sizeof(*info));
    info->threads_per_core = 1;
    info->cores_per_socket = cpu_count();
    info->nr_cpus = cpu_count();
    info->max_cpu_id = 63u - (uint32_t)__builtin_clzl(cpus_online);
    info->nr_nodes = 1;
    info->cpu_khz = (uint32_t)(tsc_hz / 1000);
    info->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
    info->total_pages = frame_total;
    info->free_pages = frame_free_count();
    info->outstanding_pages = frame_claimed_count();
    info->max_mfn = frame_max - 1;
    policy_hw_caps(info->hw_cap);
    return 0;
}

static long domain_list(struct xen_sysctl_getdomaininfolist *list)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t at = HANDLE(list->buffer);
    domid_t next = list->first_domain;
    uint32_t n = 0;

    while (n < list->max_domains) {
        struct domain *d = dom_get_next(next);

        if (!d)
            break;
        control_domain_info(d, &info);
        next = (domid_t)(d->id + 1);
        dom_put(d);
        if (guest_write(at + n * sizeof(info), &info, sizeof(info)))
            return -XEN_EFAULT;
        n++;
    }
    list->num_domains = n;
    return 0;
}

static long debug_keys(const struct xen_sysctl_debug_keys *op)
{
    for (uint32_t i = 0; i < op->nr_keys && i < 64; i++) {
        char key;

        if (guest_read(&key, HANDLE(op->keys) + i, 1))
            return -XEN_EFAULT;
        key_pressed(key);
    }
    return 0;
}

static long cpu_info(struct xen_sysctl_getcpuinfo *op)
{
    uint32_t n = op->max_cpus < cpu_count() ? op->max_cpus : cpu_count();

    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cpuinfo info = {.idletime = sched_idle_time(i)};

        if (guest_write(HANDLE(op->info) + i * sizeof(info), &info, sizeof(info)))
            return -XEN_EFAULT;
    }
    op->nr_cpus = n;
    return 0;
}

static long topology(struct xen_sysctl_cputopoinfo *op)
{
    uint32_t n = cpu_count();

    if (!HANDLE(op->cputopo)) {
        op->num_cpus = n;
        return 0;
    }
    if (op->num_cpus < n)
        n = op->num_cpus;
    for (uint32_t i = 0; i < n; i++) {
        struct xen_sysctl_cputopo topo = {.core = i, .socket = 0, .node = 0};

        if (guest_write(HANDLE(op->cputopo) + i * sizeof(topo), &topo, sizeof(topo)))
            return -XEN_EFAULT;
    }
    op->num_cpus = n;
    return 0;
}

static long numa(struct xen_sysctl_numainfo *op)
{
    struct xen_sysctl_meminfo mem = {
        .memsize = frame_max << FRAME_SHIFT,
        .memfree = frame_free_count() << FRAME_SHIFT,
    };
    uint32_t distance = 10;

    if (HANDLE(op->meminfo) && op->num_nodes && guest_write(HANDLE(op->meminfo), &mem, sizeof(mem)))
        return -XEN_EFAULT;
    if (HANDLE(op->distance) && op->num_nodes &&
        guest_write(HANDLE(op->distance), &distance, sizeof(distance)))
        return -XEN_EFAULT;
    op->num_nodes = 1;
    return 0;
}

static uint32_t domain_count(void)
{
    uint32_t n = 0;
    struct domain *d;

    for (domid_t id = 0; (d = dom_get_next(id)); n++) {
        id = (domid_t)(d->id + 1);
        dom_put(d);
    }
    return n;
}

/* There is one pool, number 0, with all processors. */
static long cpupool(struct xen_sysctl_cpupool_op *op)
{
    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        if (op->cpupool_id && op->cpupool_id != XEN_SYSCTL_CPUPOOL_PAR_ANY)
            return -XEN_ENOENT;
        op->cpupool_id = 0;
        op->sched_id = XEN_SCHEDULER_CREDIT2;
        op->n_dom = domain_count();
        return bitmap_put(&op->cpumap, cpus_online);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_put(&op->cpumap, 0);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return op->cpupool_id ? -XEN_ENOENT : 0;
    default:
        return -XEN_EOPNOTSUPP;
    }
}

static long run(struct xen_sysctl *op)
{
    static uint64_t refused[2];

    switch (op->cmd) {
        ROW(XEN_SYSCTL_readconsole, read_console(&op->u.readconsole));
        ROW(XEN_SYSCTL_physinfo, physinfo(&op->u.physinfo));
    case XEN_SYSCTL_sched_id:
        op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
        return 0;
        ROW(XEN_SYSCTL_getdomaininfolist, domain_list(&op->u.getdomaininfolist));
        ROW(XEN_SYSCTL_debug_keys, debug_keys(&op->u.debug_keys));
        ROW(XEN_SYSCTL_getcpuinfo, cpu_info(&op->u.getcpuinfo));
    case XEN_SYSCTL_availheap:
        op->u.availheap.avail_bytes = frame_free_count() << FRAME_SHIFT;
        return 0;
        ROW(XEN_SYSCTL_cputopoinfo, topology(&op->u.cputopoinfo));
        ROW(XEN_SYSCTL_numainfo, numa(&op->u.numainfo));
        ROW(XEN_SYSCTL_cpupool_op, cpupool(&op->u.cpupool_op));
        ROW(XEN_SYSCTL_scheduler_op, sched_sysctl(&op->u.scheduler_op));
    case XEN_SYSCTL_get_cpu_levelling_caps:
        op->u.cpu_levelling_caps.caps = 0;
        return 0;
        ROW(XEN_SYSCTL_get_cpu_featureset, policy_featureset(&op->u.cpu_featureset));
        ROW(XEN_SYSCTL_get_cpu_policy, policy_host(&op->u.cpu_policy));
    default:
        return control_not_offered("sysctl", op->cmd, refused);
    }
}

long hc_sysctl(struct vcpu *v, uint64_t *arg)
{
    struct xen_sysctl op;

    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    if (guest_get(&op, arg[0]))
        return -XEN_EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -XEN_EACCES;
    long result = run(&op);
    if (!result && guest_put(arg[0], &op))
        return -XEN_EFAULT;
    return result;
}
