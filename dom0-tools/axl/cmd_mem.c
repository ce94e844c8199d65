/* axl mem-set, mem-max, sched-credit2, cpupool-list: what a domain may use. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/record.h"

/* Room above the target that the guest's drivers may use; xl gives the same. */
enum { SLACK_KIB = 1024 };

static bool memory_args(struct axl *a, int argc, char **argv, int *domid, hyp_dominfo *d,
                        uint64_t *kib, int *rc)
{
    int o = axl_getopt(a, argc, argv, "", NULL, rc);
    if (o == -2)
        return false;
    *rc = AXL_USAGE;
    if (!axl_args(a, argc, 2, 2))
        return false;
    *rc = AXL_FAILED;
    *domid = axl_domain(a, argv[optind]);
    if (*domid < 0)
        return false;
    if (!axl_kib(argv[optind + 1], kib) || !*kib)
        axl_fail("invalid memory size '%s': write MiB, or a number with k, m, g or t",
                 argv[optind + 1]);
    else if (hyp_info(axl_hyp(a), (uint32_t)*domid, d) < 0)
        axl_fail("there is no domain '%s'", argv[optind]);
    else
        return true;
    return false;
}

int cmd_mem_set(struct axl *a, int argc, char **argv)
{
    int domid, rc;
    uint64_t kib;
    hyp_dominfo d;
    if (!memory_args(a, argc, argv, &domid, &d, &kib, &rc))
        return rc;
    struct store *s = axl_store(a);
    int64_t most = store_number(s, -1, "/local/domain/%d/memory/static-max", domid);
    if (most >= 0 && kib > (uint64_t)most)
        return axl_fail("domain '%s' can have at most %lld MiB (maxmem= in its configuration)",
                        argv[optind], (long long)most >> 10);
    struct why w;
    if (domid) {
        rc = hyp_max_mem(a->hyp, (uint32_t)domid, kib + SLACK_KIB);
        if (rc < 0)
            return axl_fail("domain '%s': cannot set its limit: %s", argv[optind], strerror(-rc));
    }
    store_at(s, "/local/domain/%d/memory", domid);
    store_put(s, "target", "%llu", (unsigned long long)kib);
    if (store_commit(s, false, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}

int cmd_mem_max(struct axl *a, int argc, char **argv)
{
    int domid, rc;
    uint64_t kib;
    hyp_dominfo d;
    if (!memory_args(a, argc, argv, &domid, &d, &kib, &rc))
        return rc;
    int64_t target = store_number(axl_store(a), 0, "/local/domain/%d/memory/target", domid);
    if (kib < (uint64_t)target)
        return axl_fail("domain '%s' has a target of %lld MiB; lower that first (mem-set)",
                        argv[optind], (long long)target >> 10);
    rc = hyp_max_mem(a->hyp, (uint32_t)domid, kib + SLACK_KIB);
    if (rc < 0)
        return axl_fail("domain '%s': cannot set its limit: %s", argv[optind], strerror(-rc));
    return AXL_OK;
}

/* --- the credit2 scheduler ------------------------------------------------------------------ */

static void weight_line(struct axl *a, const hyp_dominfo *d, struct json *j)
{
    struct xen_domctl_sched_credit2 p = {0};
    if (hyp_credit2(a->hyp, d->domain, false, &p) < 0)
        return;
    char *name = axl_name(a, d->domain);
    if (j) {
        json_map(j, NULL);
        json_string(j, "name", name);
        json_number(j, "domid", d->domain);
        json_number(j, "weight", p.weight);
        json_number(j, "cap", p.cap);
        json_map_end(j);
    } else
        printf("%-33s %4d %6d %4d\n", name, d->domain, p.weight, p.cap);
    free(name);
}

static int weights(struct axl *a, const char *who)
{
    struct json *j = a->json ? json_new() : NULL;
    hyp_dominfo *d = NULL, one;
    int n = 1;
    if (who) {
        int domid = axl_domain(a, who);
        if (domid < 0)
            return AXL_FAILED;
        if (hyp_info(axl_hyp(a), (uint32_t)domid, &one) < 0)
            return axl_fail("there is no domain '%s'", who);
    } else {
        struct xen_sysctl_credit2_schedule p = {0};
        n = hyp_list(axl_hyp(a), &d);
        if (n < 0)
            return axl_fail("cannot list the domains: %s", strerror(-n));
        if (!j && hyp_credit2_params(a->hyp, 0, false, &p) >= 0)
            printf("Cpupool Pool-0: ratelimit=%uus\n", p.ratelimit_us);
    }
    if (j)
        json_array(j, NULL);
    else
        printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
    for (int i = 0; i < n; i++)
        weight_line(a, who ? &one : &d[i], j);
    free(d);
    if (!j)
        return AXL_OK;
    json_array_end(j);
    return axl_json_out(j);
}

/* The scheduler's own parameter (-s). */
static int show_limit(struct axl *a, unsigned us)
{
    if (!a->json) {
        printf("Cpupool Pool-0: ratelimit=%uus\n", us);
        return AXL_OK;
    }
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_map(j, NULL);
    json_string(j, "cpupool", "Pool-0");
    json_number(j, "ratelimit_us", us);
    json_map_end(j);
    return axl_json_out(j);
}

int cmd_sched_credit2(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"domain", required_argument, NULL, 'd'},
                                          {"weight", required_argument, NULL, 'w'},
                                          {"cap", required_argument, NULL, 'c'},
                                          {"schedparam", no_argument, NULL, 's'},
                                          {"ratelimit_us", required_argument, NULL, 'r'},
                                          {"cpupool", required_argument, NULL, 'p'},
                                          {0}};
    const char *who = NULL;
    long long weight = -1, cap = -1, limit = -1;
    bool pool = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "d:w:c:sr:p:", longs, &rc)) != -1) {
        long long *into = o == 'w' ? &weight : o == 'c' ? &cap : o == 'r' ? &limit : NULL;
        if (o == -2)
            return rc;
        if (into && (!axl_number(optarg, into) || *into < 0 || *into > 65535000))
            return axl_misuse(a, "'%s' is no valid value for -%c.", optarg, o);
        if (o == 'd')
            who = optarg;
        pool |= o == 's';
    }
    if (pool) {
        struct xen_sysctl_credit2_schedule p = {.ratelimit_us = (unsigned)limit};
        rc = hyp_credit2_params(axl_hyp(a), 0, limit >= 0, &p);
        if (rc < 0)
            return axl_fail("scheduler parameters: %s", strerror(-rc));
        return limit >= 0 && !a->json ? AXL_OK : show_limit(a, p.ratelimit_us);
    }
    if ((weight >= 0 || cap >= 0) && !who)
        return axl_misuse(a, "Must specify a domain."), AXL_FAILED;
    if (weight < 0 && cap < 0)
        return weights(a, who);
    int domid = axl_domain(a, who);
    if (domid < 0)
        return AXL_FAILED;
    struct xen_domctl_sched_credit2 p = {0};
    rc = hyp_credit2(axl_hyp(a), (uint32_t)domid, false, &p);
    if (rc >= 0) {
        if (weight >= 0)
            p.weight = (uint16_t)weight;
        if (cap >= 0)
            p.cap = (uint16_t)cap;
        if (weight > 65535 || weight == 0 || cap > 65535)
            return axl_fail("a weight is 1 to 65535, a cap 0 (none) to 65535");
        rc = hyp_credit2(a->hyp, (uint32_t)domid, true, &p);
    }
    return rc < 0 ? axl_fail("domain '%s': %s", who, strerror(-rc)) : AXL_OK;
}

/* --- cpu pools ------------------------------------------------------------------------------ */

static const char *scheduler_name(uint32_t id)
{
    return id == XEN_SCHEDULER_CREDIT2    ? "credit2"
           : id == XEN_SCHEDULER_CREDIT   ? "credit"
           : id == XEN_SCHEDULER_NULL     ? "null"
           : id == XEN_SCHEDULER_RTDS     ? "rtds"
           : id == XEN_SCHEDULER_ARINC653 ? "arinc653"
                                          : "unknown";
}

/* One pool; with `list` its CPUs by number. */
static void pool_line(struct json *j, const char *name, const struct xen_sysctl_cpupool_op *p,
                      const uint8_t *map, int cpus, bool list)
{
    unsigned n = 0;
    if (list)
        printf("%-19s", name);
    for (int i = 0; i < cpus; i++)
        if (map[i / 8] >> (i % 8) & 1) {
            if (list)
                printf("%s%d", n ? "," : "", i);
            n++;
        }
    if (list) {
        putchar('\n');
    } else if (j) {
        json_map(j, NULL);
        json_string(j, "name", name);
        json_number(j, "cpus", n);
        json_string(j, "scheduler", scheduler_name(p->sched_id));
        json_number(j, "domains", p->n_dom);
        json_map_end(j);
    } else {
        printf("%-19s%3u%10s%8s%11u\n", name, n, scheduler_name(p->sched_id), "y", p->n_dom);
    }
}

int cmd_cpupool_list(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"cpus", no_argument, NULL, 'c'}, {0}};
    bool list = false, found = false;
    int rc, o;
    while ((o = axl_getopt(a, argc, argv, "c", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        list |= o == 'c';
    }
    list = list && !a->json;
    const char *who = argv[optind];
    int cpus = hyp_nr_cpus(axl_hyp(a));
    struct json *j = a->json ? json_new() : NULL;
    if (j)
        json_array(j, NULL);
    else
        puts(list ? "Name               CPU list"
                  : "Name               CPUs   Sched     Active   Domain count");
    uint8_t *map = hyp_lend(a->hyp, CPUS_MAX / 8);
    for (uint32_t id = 0; map && cpus > 0;) {
        struct xen_sysctl op = {.cmd = XEN_SYSCTL_cpupool_op};
        struct xen_sysctl_cpupool_op *p = &op.u.cpupool_op;
        p->op = XEN_SYSCTL_CPUPOOL_OP_INFO;
        p->cpupool_id = id;
        memset(map, 0, CPUS_MAX / 8);
        set_xen_guest_handle(p->cpumap.bitmap, map);
        p->cpumap.nr_bits = (uint32_t)cpus;
        if (hyp_sysctl(a->hyp, &op) < 0)
            break;
        char *name = store_read(axl_store(a), "/local/pool/%u/name", p->cpupool_id);
        char made[32];
        snprintf(made, sizeof made, "Pool-%u", p->cpupool_id);
        const char *called = name ? name : made;
        if (!who || strcmp(who, called) == 0) {
            pool_line(j, called, p, map, cpus, list);
            found = true;
        }
        free(name);
        id = p->cpupool_id + 1;
    }
    hyp_unlend(a->hyp, map);
    if (who && !found) {
        json_free(j);
        return axl_fail("there is no pool '%s'", who);
    }
    if (!j)
        return AXL_OK;
    json_array_end(j);
    return axl_json_out(j);
}
