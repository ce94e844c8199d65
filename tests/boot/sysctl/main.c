/*
 * Property: sysctl as tools use it: physinfo, list of domains, console ring, scheduler, topology;
 * refusals.
 */
#include "pvk.h"

static struct xen_sysctl op;

static long sysctl(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return HC(__HYPERVISOR_sysctl, &op);
}

static void run(void)
{
    static xen_domctl_getdomaininfo_t list[4];
    static char ring[4096];

    long rc = sysctl(XEN_SYSCTL_physinfo);
    struct xen_sysctl_physinfo p = op.u.physinfo;
    say("physinfo: %s, threads %u, sockets right %d, nodes %u", rc_name(rc), p.threads_per_core,
        p.nr_cpus > 0, p.nr_nodes);
    say("about 1 GiB in all: %d, less free: %d, PV: %d",
        p.total_pages > 0x3e000 && p.total_pages <= 0x40000, p.free_pages < p.total_pages,
        (p.capabilities & XEN_SYSCTL_PHYSCAP_pv) != 0);
    note("cpus %u, khz %u, free %lu, capabilities %x", p.nr_cpus, p.cpu_khz, p.free_pages,
         p.capabilities);
    op.u.getdomaininfolist.first_domain = 0;
    op.u.getdomaininfolist.max_domains = 4;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, list);
    rc = sysctl(XEN_SYSCTL_getdomaininfolist);
    note("getdomaininfolist: %s, %u, the first is %u with vcpus: %d", rc_name(rc),
         op.u.getdomaininfolist.num_domains, list[0].domain, list[0].nr_online_vcpus > 0);
    say("getdomaininfolist: %s, the first is %u with vcpus: %d", rc_name(rc), list[0].domain,
        list[0].nr_online_vcpus > 0);
    op.u.getdomaininfolist.first_domain = 1;
    rc = sysctl(XEN_SYSCTL_getdomaininfolist);
    note("from 1 on: %s, %u", rc_name(rc), op.u.getdomaininfolist.num_domains);
    op.u.getdomaininfolist.first_domain = 0;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, (void *)BAD_POINTER);
    say("into a bad buffer: %s", rc_name(sysctl(XEN_SYSCTL_getdomaininfolist)));
    memset(&op.u, 0, sizeof(op.u));
    op.u.readconsole.count = sizeof(ring);
    set_xen_guest_handle(op.u.readconsole.buffer, ring);
    rc = sysctl(XEN_SYSCTL_readconsole);
    say("readconsole: %s", rc_name(rc));
    rc = sysctl(XEN_SYSCTL_sched_id);
    note("sched_id: %s, %u", rc_name(rc), op.u.sched_id.sched_id);
    memset(&op.u, 0, sizeof(op.u));
    rc = sysctl(XEN_SYSCTL_cputopoinfo);
    say("cputopoinfo without a buffer: %s, cpus: %d", rc_name(rc), op.u.cputopoinfo.num_cpus > 0);
    memset(&op.u, 0, sizeof(op.u));
    rc = sysctl(XEN_SYSCTL_numainfo);
    say("numainfo without a buffer: %s, nodes: %u", rc_name(rc), op.u.numainfo.num_nodes);
    memset(&op.u, 0, sizeof(op.u));
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    rc = sysctl(XEN_SYSCTL_cpupool_op);
    say("cpupool info: %s, pool %u", rc_name(rc), op.u.cpupool_op.cpupool_id);
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    op.u.cpupool_op.cpupool_id = 1;
    say("cpupool info past the last: %s", rc_name(sysctl(XEN_SYSCTL_cpupool_op)));
    static char keys[] = "~";
    memset(&op.u, 0, sizeof(op.u));
    op.u.debug_keys.nr_keys = 1;
    set_xen_guest_handle(op.u.debug_keys.keys, keys);
    say("debug_keys of an unused key: %s", rc_name(sysctl(XEN_SYSCTL_debug_keys)));
    set_xen_guest_handle(op.u.debug_keys.keys, (void *)BAD_POINTER);
    say("debug_keys at a bad pointer: %s", rc_name(sysctl(XEN_SYSCTL_debug_keys)));
    note("unknown: %s", rc_name(sysctl(900)));
    op.interface_version = 7;
    op.cmd = XEN_SYSCTL_physinfo;
    say("wrong interface version: %s", rc_name(HC(__HYPERVISOR_sysctl, &op)));
    say("bad pointer: %s", rc_name(HC(__HYPERVISOR_sysctl, BAD_POINTER)));
    say("in the hypervisor: %s", rc_name(HC(__HYPERVISOR_sysctl, HV_POINTER)));
}
PROPERTY(sysctl, "sysctl", run);
