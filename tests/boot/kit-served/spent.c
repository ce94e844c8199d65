/*
 * spent: what a command costs the whole machine, and two domains of it: busy nanoseconds of the
 * processors, which are instructions under QEMU's -icount shift=0. A domain's include those that
 * the hypervisor executes for it. The command's own are what Linux gives its processes time for:
 * its code, its system calls, and what of interrupts happens to run in them.
 *
 * usage: spent DOMID COMMAND...      prints "BUSY n GUEST n DOM0 n CLIENT n" on the standard error
 */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xencall.h>

enum { CPUS = 64 };

static xencall_handle *call;
static xen_sysctl_t *op;
static xen_sysctl_cpuinfo_t *cpus;
static xen_domctl_getdomaininfo_t *info;

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void sysctl(uint32_t command)
{
    op->cmd = command;
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    if (xencall1(call, __HYPERVISOR_sysctl, (uint64_t)op))
        die("sysctl");
}

/* Nanoseconds since some start in which processors were not idle. */
static uint64_t busy(void)
{
    struct timespec t;
    memset(op, 0, sizeof *op);
    op->u.getcpuinfo.max_cpus = CPUS;
    op->u.getcpuinfo.info.p = cpus;
    sysctl(XEN_SYSCTL_getcpuinfo);
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint32_t n = op->u.getcpuinfo.nr_cpus;
    uint64_t ns = n * ((uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec);
    for (uint32_t i = 0; i < n; i++)
        ns -= cpus[i].idletime;
    return ns;
}

static uint64_t of_domain(domid_t domid)
{
    memset(op, 0, sizeof *op);
    op->u.getdomaininfolist.first_domain = domid;
    op->u.getdomaininfolist.max_domains = 1;
    op->u.getdomaininfolist.buffer.p = info;
    sysctl(XEN_SYSCTL_getdomaininfolist);
    if (op->u.getdomaininfolist.num_domains != 1 || info->domain != domid)
        die("no such domain");
    return info->cpu_time;
}

/* Of a process that has ended and was not reaped: its leader's and its other threads', which are
 * gone, too. */
static uint64_t of_process(pid_t pid)
{
    struct timespec t;
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        die("its time");
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
    extern char **environ;
    if (argc < 3)
        return 2;
    domid_t guest = (domid_t)atoi(argv[1]);
    call = xencall_open(NULL, 0);
    if (!call)
        die("no control domain");
    op = xencall_alloc_buffer(call, sizeof *op);
    cpus = xencall_alloc_buffer(call, CPUS * sizeof *cpus);
    info = xencall_alloc_buffer(call, sizeof *info);
    if (!op || !cpus || !info)
        die("setting up");

    pid_t pid;
    int status;
    uint64_t guest_before = of_domain(guest), dom0_before = of_domain(0), before = busy();
    if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ))
        die(argv[2]);
    siginfo_t ended;
    if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT))
        die("wait");
    uint64_t after = busy(), client = of_process(pid);
    if (waitpid(pid, &status, 0) < 0)
        die("wait");
    fprintf(stderr, "BUSY %llu GUEST %llu DOM0 %llu CLIENT %llu\n",
            (unsigned long long)(after - before),
            (unsigned long long)(of_domain(guest) - guest_before),
            (unsigned long long)(of_domain(0) - dom0_before), (unsigned long long)client);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
