/*
 * counts: the hypervisor's own numbers, finer than xl prints them, at one moment: free pages, and
 * for each domain its number, pages, nanoseconds of CPU time and, where it is a `load`, its work.
 * With "-s SECONDS" twice, that long apart, then the differences only.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <xen/xen.h>
#include <xen/sysctl.h>
#include <xencall.h>
#include <xenforeignmemory.h>

#include "load.h"

#define MOST 256

struct moment {
    uint64_t free_pages, ns;
    uint32_t n;
    xen_domctl_getdomaininfo_t dom[MOST];
    uint64_t work[MOST];
};

static xencall_handle *call;
static xenforeignmemory_handle *mem;
static volatile uint64_t *work_of[MOST]; /* by place in the list: it must not change meanwhile */

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static void ask(xen_sysctl_t *op)
{
    op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    xen_sysctl_t *lent = xencall_alloc_buffer(call, sizeof(*lent));
    *lent = *op;
    if (xencall1(call, __HYPERVISOR_sysctl, (uint64_t)lent))
        die("sysctl");
    *op = *lent;
    xencall_free_buffer(call, lent);
}

static void look(struct moment *m)
{
    xen_sysctl_t op = {.cmd = XEN_SYSCTL_physinfo};
    ask(&op);
    m->free_pages = op.u.physinfo.free_pages;

    xen_domctl_getdomaininfo_t *list = xencall_alloc_buffer(call, sizeof(m->dom));
    op = (xen_sysctl_t){.cmd = XEN_SYSCTL_getdomaininfolist};
    op.u.getdomaininfolist.max_domains = MOST;
    op.u.getdomaininfolist.buffer.p = list;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    ask(&op);
    m->n = op.u.getdomaininfolist.num_domains;
    for (uint32_t i = 0; i < m->n; i++)
        m->work[i] = work_of[i] ? *work_of[i] : 0;
    m->ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    memcpy(m->dom, list, sizeof(m->dom));
    xencall_free_buffer(call, list);
}

static void find_work(const struct moment *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (!m->dom[i].domain)
            continue;
        xen_pfn_t gfn = m->dom[i].shared_info_frame;
        char *page = xenforeignmemory_map(mem, m->dom[i].domain, PROT_READ, 1, &gfn, NULL);
        if (page)
            work_of[i] = (volatile uint64_t *)(page + LOAD_WORK_AT);
    }
}

int main(int argc, char **argv)
{
    static struct moment a, b;
    call = xencall_open(NULL, 0);
    mem = xenforeignmemory_open(NULL, 0);
    if (!call || !mem)
        die("no control domain");
    look(&a);
    if (argc == 3 && !strcmp(argv[1], "-s")) {
        find_work(&a);
        look(&a);
        struct timespec t = {.tv_sec = atoi(argv[2])};
        nanosleep(&t, NULL);
        look(&b);
    } else {
        b = a;
        a.ns = 0;
        a.free_pages = 0;
        memset(a.dom, 0, sizeof(a.dom));
    }
    printf("free %lld\nelapsed %llu\n", (long long)(b.free_pages - a.free_pages),
           (unsigned long long)(b.ns - a.ns));
    for (uint32_t i = 0; i < b.n; i++)
        printf("dom %u %llu %llu %llu\n", b.dom[i].domain, (unsigned long long)b.dom[i].tot_pages,
               (unsigned long long)(b.dom[i].cpu_time - a.dom[i].cpu_time),
               (unsigned long long)(b.work[i] - a.work[i]));
    return 0;
}
