/* axl list, vm-list, claims: which domains there are. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"
#include "lib/record.h"

static unsigned shutdown_code(const hyp_dominfo *d)
{
    return (d->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
}

static bool has(const hyp_dominfo *d, uint32_t flag)
{
    return d->flags & flag;
}

/* xl's six letters; scripts take the line apart into six fields, so nothing may be added here. */
static void print_state(const hyp_dominfo *d)
{
    bool shut = has(d, XEN_DOMINF_shutdown);
    printf("     %c%c%c%c%c%c", has(d, XEN_DOMINF_running) ? 'r' : '-',
           has(d, XEN_DOMINF_blocked) ? 'b' : '-', has(d, XEN_DOMINF_paused) ? 'p' : '-',
           shut ? 's' : '-', shut && shutdown_code(d) == SHUTDOWN_crash ? 'c' : '-',
           has(d, XEN_DOMINF_dying) ? 'd' : '-');
}

struct columns {
    bool uuid, label, pool, claimed, nodes;
};

static void print_header(const struct columns *c)
{
    printf("Name                                        ID   Mem VCPUs\tState\tTime(s)");
    if (c->uuid)
        printf("   UUID                            Reason-Code\tSecurity Label");
    else if (c->label)
        printf("   Security Label");
    if (c->pool)
        printf("         Cpupool");
    if (c->claimed)
        printf("  Claimed");
    if (c->nodes)
        printf(" NODE Affinity");
    printf("\n");
}

static void print_line(struct axl *a, const hyp_dominfo *d, const struct columns *c)
{
    char *name = axl_name(a, d->domain);
    printf("%-40s %5d %5lu %5u", name, d->domain,
           (unsigned long)((d->tot_pages + d->outstanding_pages) >> 8), d->nr_online_vcpus);
    print_state(d);
    printf("  %8.1f", (double)d->cpu_time / 1e9);
    if (c->uuid) {
        char uuid[37];
        axl_uuid(d->handle, uuid);
        printf(" %s", uuid);
        if (has(d, XEN_DOMINF_shutdown))
            printf(" %8x", shutdown_code(d));
        else
            printf(" %8s", "-");
    }
    if (c->uuid || c->label)
        printf(" %16s", "-");
    if (c->pool) {
        char *pool = store_read(axl_store(a), "/local/pool/%u/name", d->cpupool);
        printf("%16s", pool ? pool : "Pool-0");
        free(pool);
    }
    if (c->claimed)
        printf(" %5lu", (unsigned long)(d->outstanding_pages >> 8));
    if (c->nodes)
        printf(" all");
    printf("\n");
    free(name);
}

static void json_line(struct axl *a, struct json *j, const hyp_dominfo *d)
{
    char uuid[37], *name = axl_name(a, d->domain);
    axl_uuid(d->handle, uuid);
    json_map(j, NULL);
    json_string(j, "name", name);
    json_number(j, "domid", d->domain);
    json_string(j, "uuid", uuid);
    json_number(j, "memory_kib", (int64_t)((d->tot_pages + d->outstanding_pages) << 2));
    json_number(j, "claimed_kib", (int64_t)(d->outstanding_pages << 2));
    json_number(j, "vcpus_online", d->nr_online_vcpus);
    json_bool(j, "running", has(d, XEN_DOMINF_running));
    json_bool(j, "blocked", has(d, XEN_DOMINF_blocked));
    json_bool(j, "paused", has(d, XEN_DOMINF_paused));
    json_bool(j, "shutdown", has(d, XEN_DOMINF_shutdown));
    json_bool(j, "dying", has(d, XEN_DOMINF_dying));
    if (has(d, XEN_DOMINF_shutdown))
        json_number(j, "shutdown_code", shutdown_code(d));
    json_number(j, "cpu_time_ns", (int64_t)d->cpu_time);
    json_map_end(j);
    free(name);
}

/* Configurations in xl's form, as `create` takes them. */
static int list_configs(struct axl *a, const hyp_dominfo *d, int n)
{
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_array(j, NULL);
    for (int i = 0; i < n; i++) {
        struct why w;
        if (record_emit(axl_hyp(a), axl_store(a), &d[i], j, &w) < 0)
            axl_fail("domain %d: %s", d[i].domain, w.text);
    }
    json_array_end(j);
    int rc = axl_json_out(j);
    printf("\n");
    return rc;
}

static int list_json(struct axl *a, const hyp_dominfo *d, int n)
{
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_array(j, NULL);
    for (int i = 0; i < n; i++)
        json_line(a, j, &d[i]);
    json_array_end(j);
    return axl_json_out(j);
}

/* The domains asked for: all, or those named. < 0: printed. */
static int choose(struct axl *a, int argc, char **argv, hyp_dominfo **out)
{
    if (optind >= argc) {
        int n = hyp_list(axl_hyp(a), out);
        if (n < 0)
            axl_fail("cannot list the domains: %s", strerror(-n));
        return n;
    }
    hyp_dominfo *d = calloc((size_t)(argc - optind), sizeof *d);
    int n = 0;
    for (int i = optind; d && i < argc; i++) {
        int domid = axl_domain(a, argv[i]);
        if (domid >= 0 && hyp_info(axl_hyp(a), (uint32_t)domid, &d[n]) < 0) {
            fprintf(stderr, "Error: Domain '%s' does not exist.\n", argv[i]);
            domid = -1;
        }
        if (domid < 0) {
            free(d);
            return -1;
        }
        n++;
    }
    *out = d;
    return d ? n : -1;
}

int cmd_list(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {
        {"long", no_argument, NULL, 'l'},    {"verbose", no_argument, NULL, 'v'},
        {"context", no_argument, NULL, 'Z'}, {"cpupool", no_argument, NULL, 'c'},
        {"numa", no_argument, NULL, 'n'},    {0}};
    struct columns c = {0};
    bool details = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "lvZcn", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        details |= o == 'l';
        c.uuid |= o == 'v';
        c.label |= o == 'Z';
        c.pool |= o == 'c';
        c.nodes |= o == 'n';
    }
    hyp_dominfo *d;
    int n = choose(a, argc, argv, &d);
    if (n < 0)
        return AXL_FAILED;
    rc = AXL_OK;
    if (details)
        rc = list_configs(a, d, n);
    else if (a->json)
        rc = list_json(a, d, n);
    else {
        print_header(&c);
        for (int i = 0; i < n; i++)
            print_line(a, &d[i], &c);
    }
    free(d);
    return rc;
}

int cmd_claims(struct axl *a, int argc, char **argv)
{
    const struct columns c = {.claimed = true};
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    hyp_dominfo *d;
    int n = choose(a, optind, argv, &d);
    if (n < 0)
        return AXL_FAILED;
    rc = AXL_OK;
    if (a->json)
        rc = list_json(a, d, n);
    else {
        print_header(&c);
        for (int i = 0; i < n; i++)
            print_line(a, &d[i], &c);
    }
    free(d);
    return rc;
}

int cmd_vm_list(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    hyp_dominfo *d;
    int n = choose(a, optind, argv, &d);
    if (n < 0)
        return AXL_FAILED;
    rc = AXL_OK;
    if (a->json)
        rc = list_json(a, d, n);
    else {
        printf("UUID                                  ID    name\n");
        for (int i = 0; i < n; i++) {
            char uuid[37], *name = axl_name(a, d[i].domain);
            axl_uuid(d[i].handle, uuid);
            printf("%s  %d    %-30s\n", uuid, d[i].domain, name);
            free(name);
        }
    }
    free(d);
    return rc;
}
