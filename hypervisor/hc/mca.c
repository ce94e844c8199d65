/* mca: machine checks as dom0's driver asks for them. A machine check that the processor reports
 * ends the machine (dbg), so there is never one to fetch. */
#include "hc/hc.h"
#include "hc/vcpu.h"
#include "port/kick.h"

static long physcpuinfo(struct xen_mc_physcpuinfo *info)
{
    uint32_t cpus = cpu_count();
    uint64_t to = HANDLE(info->info);
    uint32_t room = info->ncpus < cpus ? info->ncpus : cpus;

    info->ncpus = cpus;
    if (!to)
        return 0;
    info->ncpus = room;
    for (uint32_t cpu = 0; cpu < room; cpu++) {
        struct mcinfo_logical_cpu one = {0};

        x86_describe_cpu(cpu, &one);
        if (guest_put(to + cpu * sizeof(one), &one))
            return -XEN_EFAULT;
    }
    return 0;
}

long hc_mca(struct vcpu *v, uint64_t *arg)
{
    struct xen_mc op;
    long result;

    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    if (guest_get(&op, arg[0]))
        return -XEN_EFAULT;
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
        return -XEN_EACCES;
    switch (op.cmd) {
    case XEN_MC_physcpuinfo:
        result = physcpuinfo(&op.u.mc_physcpuinfo);
        break;
    case XEN_MC_fetch:
        op.u.mc_fetch.flags = op.u.mc_fetch.flags & XEN_MC_ACK ? XEN_MC_OK : XEN_MC_NODATA;
        op.u.mc_fetch.fetch_id = 0;
        result = 0;
        break;
    default:
        return -XEN_ENOSYS;
    }
    if (!result && guest_put(arg[0], &op))
        return -XEN_EFAULT;
    return result;
}
