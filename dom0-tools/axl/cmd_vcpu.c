/* axl vcpu-list, vcpu-set, vcpu-pin. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cpus.h"
#include "lib/json.h"

static void one_vcpu(struct axl *a, const char *name, uint32_t domid, uint32_t v, unsigned cpus,
                     struct json *j)
{
    struct xen_domctl_getvcpuinfo i;
    struct cpus hard = {0}, soft = {0};
    if (hyp_vcpu_info(a->hyp, domid, v, &i) < 0)
        return;
    hyp_get_affinity(a->hyp, domid, v, hard.bits, soft.bits, cpus);
    char hs[256], ss[256], where[12] = "-";
    cpus_format(&hard, cpus, hs, sizeof hs);
    cpus_format(&soft, cpus, ss, sizeof ss);
    if (i.online)
        snprintf(where, sizeof where, "%u", i.cpu);
    char state[4] = {i.running ? 'r' : '-', i.blocked ? 'b' : '-', i.online ? '-' : 'p', 0};
    if (!j) {
        printf("%-32s %5u %5u %4s   %s  %8.1f  %s / %s\n", name, domid, v, where, state,
               (double)i.cpu_time / 1e9, hs, ss);
        return;
    }
    json_map(j, NULL);
    json_string(j, "name", name);
    json_number(j, "domid", domid);
    json_number(j, "vcpu", v);
    if (i.online)
        json_number(j, "cpu", i.cpu);
    json_bool(j, "online", i.online);
    json_bool(j, "running", i.running);
    json_bool(j, "blocked", i.blocked);
    json_number(j, "cpu_time_ns", (int64_t)i.cpu_time);
    json_string(j, "hard_affinity", hs);
    json_string(j, "soft_affinity", ss);
    json_map_end(j);
}

static void one_domain(struct axl *a, const hyp_dominfo *d, unsigned cpus, struct json *j)
{
    char *name = axl_name(a, d->domain);
    if (d->max_vcpu_id != XEN_INVALID_MAX_VCPU_ID)
        for (uint32_t v = 0; v <= d->max_vcpu_id; v++)
            one_vcpu(a, name, d->domain, v, cpus, j);
    free(name);
}

int cmd_vcpu_list(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    int cpus = hyp_nr_cpus(axl_hyp(a));
    if (cpus < 0 || cpus > CPUS_MAX)
        return axl_fail("cannot learn the number of cpus: %s", strerror(cpus < 0 ? -cpus : E2BIG));
    struct json *j = a->json ? json_new() : NULL;
    if (j)
        json_array(j, NULL);
    else
        puts("Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / "
             "Soft)");
    rc = AXL_OK;
    if (optind >= argc) {
        hyp_dominfo *d;
        int n = hyp_list(a->hyp, &d);
        if (n < 0)
            rc = axl_fail("cannot list the domains: %s", strerror(-n));
        for (int i = 0; i < n; i++)
            one_domain(a, &d[i], (unsigned)cpus, j);
        if (n >= 0)
            free(d);
    }
    for (int i = optind; i < argc; i++) {
        hyp_dominfo d;
        int domid = axl_domain(a, argv[i]);
        if (domid >= 0 && hyp_info(a->hyp, (uint32_t)domid, &d) < 0)
            rc = axl_fail("there is no domain '%s'", argv[i]);
        else if (domid < 0)
            rc = AXL_FAILED;
        else
            one_domain(a, &d, (unsigned)cpus, j);
    }
    if (j) {
        json_array_end(j);
        rc |= axl_json_out(j);
    }
    return rc;
}

int cmd_vcpu_set(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"ignore-host", no_argument, NULL, 'i'}, {0}};
    bool ignore_host = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "i", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        ignore_host |= o == 'i';
    }
    if (!axl_args(a, argc, 2, 2))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    long long n;
    hyp_dominfo d;
    if (domid < 0)
        return AXL_FAILED;
    if (!axl_number(argv[optind + 1], &n) || n < 1)
        return axl_fail("'%s' is no number of vcpus", argv[optind + 1]);
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    struct xen_sysctl_physinfo p;
    if (!ignore_host && hyp_physinfo(a->hyp, &p) >= 0 && n > d.nr_online_vcpus && n > p.nr_cpus)
        return axl_fail("this machine has %u physical CPUs, and you want %lld vCPUs; use "
                        "--ignore-host if you mean it",
                        p.nr_cpus, n);
    if (n > (long long)d.max_vcpu_id + 1)
        return axl_fail("domain '%s' can have at most %u vcpus (maxvcpus= in its configuration)",
                        argv[optind], d.max_vcpu_id + 1);
    struct why w;
    store_at(axl_store(a), "/local/domain/%d/cpu", domid);
    for (uint32_t v = 0; v <= d.max_vcpu_id; v++) {
        char key[32];
        snprintf(key, sizeof key, "%u/availability", v);
        store_put(a->store, key, "%s", v < n ? "online" : "offline");
    }
    if (store_commit(a->store, true, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}

/* "-": leave as it is. */
static bool pin_map(const char *text, struct cpus *c, unsigned cpus, bool *given)
{
    *given = strcmp(text, "-") != 0;
    if (*given && !cpus_parse(c, text))
        return false;
    if (!*given)
        return true;
    for (unsigned i = 0; i < cpus; i++)
        if (cpus_has(c, i))
            return true;
    return false;
}

int cmd_vcpu_pin(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"force", no_argument, NULL, 'f'}, {0}};
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "f", longs, &rc)) != -1)
        if (o == -2)
            return rc;
    if (!axl_args(a, argc, 3, 4))
        return AXL_USAGE;
    const char *who = argv[optind], *which = argv[optind + 1];
    int domid = axl_domain(a, who), cpus = hyp_nr_cpus(axl_hyp(a));
    hyp_dominfo d;
    if (domid < 0)
        return AXL_FAILED;
    if (cpus < 0 || hyp_info(a->hyp, (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", who);
    struct cpus hard = {0}, soft = {0};
    bool set_hard, set_soft = false;
    if (!pin_map(argv[optind + 2], &hard, (unsigned)cpus, &set_hard) ||
        (optind + 3 < argc && !pin_map(argv[optind + 3], &soft, (unsigned)cpus, &set_soft)))
        return axl_fail("'%s' names none of this machine's %d cpus; write e.g. 0-1,3 or all",
                        optind + 3 < argc ? argv[optind + 3] : argv[optind + 2], cpus);
    long long first = 0, last = d.max_vcpu_id;
    if (strcmp(which, "all") != 0) {
        if (!axl_number(which, &first) || first < 0 || first > d.max_vcpu_id)
            return axl_fail("domain '%s' has no vcpu '%s' (0 to %u, or all)", who, which,
                            d.max_vcpu_id);
        last = first;
    }
    for (long long v = first; v <= last; v++) {
        rc = hyp_set_affinity(a->hyp, (uint32_t)domid, (uint32_t)v, set_hard ? hard.bits : NULL,
                              set_soft ? soft.bits : NULL, (uint32_t)cpus);
        if (rc < 0)
            return axl_fail("domain '%s': cannot pin vcpu %lld: %s", who, v, strerror(-rc));
    }
    return AXL_OK;
}
