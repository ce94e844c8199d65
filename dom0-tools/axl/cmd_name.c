/* axl domid, domname, domuuid, domstate, dominfo, rename, uptime: names, numbers and states. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/json.h"
#include "lib/record.h"

static bool one_word(struct axl *a, int argc, char **argv, int *rc)
{
    if (axl_getopt(a, argc, argv, "", NULL, rc) == -2)
        return false;
    *rc = AXL_USAGE;
    return axl_args(a, argc, 1, 1);
}

/* The domain named as the only argument. */
static bool one_domain(struct axl *a, int argc, char **argv, hyp_dominfo *d, int *rc)
{
    if (!one_word(a, argc, argv, rc))
        return false;
    *rc = AXL_FAILED;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return false;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, d) < 0) {
        axl_fail("there is no domain '%s'", argv[optind]);
        return false;
    }
    return true;
}

/* The answer: one word, or {"KEY": ...}; a number if `number`. */
static int answer(struct axl *a, const char *key, const char *value, bool number)
{
    if (!a->json) {
        printf("%s\n", value);
        return AXL_OK;
    }
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_map(j, NULL);
    if (number)
        json_number(j, key, atoi(value));
    else
        json_string(j, key, value);
    json_map_end(j);
    return axl_json_out(j);
}

int cmd_domid(struct axl *a, int argc, char **argv)
{
    int rc;
    if (!one_word(a, argc, argv, &rc))
        return rc;
    unsigned n;
    char **ids = store_list(axl_store(a), &n, "/local/domain");
    rc = AXL_FAILED;
    for (unsigned i = 0; i < n && rc; i++) {
        char *name = store_read(a->store, "/local/domain/%s/name", ids[i]);
        if (name && strcmp(name, argv[optind]) == 0) {
            rc = answer(a, "domid", ids[i], true);
            free(name);
            free(ids);
            return rc;
        }
        free(name);
    }
    free(ids);
    if (rc)
        fprintf(stderr, "Can't get domid of domain name '%s', maybe this domain does not exist.\n",
                argv[optind]);
    return rc;
}

int cmd_domname(struct axl *a, int argc, char **argv)
{
    int rc;
    long long n;
    if (!one_word(a, argc, argv, &rc))
        return rc;
    if (!axl_number(argv[optind], &n))
        return axl_misuse(a, "Invalid domain id: '%s'.", argv[optind]), AXL_FAILED;
    char *name = store_read(axl_store(a), "/local/domain/%lld/name", n);
    if (!name) {
        fprintf(stderr,
                "Can't get domain name of domain id '%s', maybe this domain does not exist.\n",
                argv[optind]);
        return AXL_FAILED;
    }
    rc = answer(a, "name", name, false);
    free(name);
    return rc;
}

int cmd_domuuid(struct axl *a, int argc, char **argv)
{
    int rc;
    hyp_dominfo d;
    char uuid[37];
    if (!one_domain(a, argc, argv, &d, &rc))
        return rc;
    axl_uuid(d.handle, uuid);
    return answer(a, "uuid", uuid, false);
}

struct state {
    const char *word, *reason;
};

static struct state state_of(const hyp_dominfo *d)
{
    static const char *const codes[] = {"poweroff", "reboot",   "suspend",
                                        "crash",    "watchdog", "soft-reset"};
    unsigned code = (d->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    if (d->flags & XEN_DOMINF_dying)
        return (struct state){"dying", "its memory is still in use by another domain"};
    if (d->flags & XEN_DOMINF_shutdown)
        return (struct state){code == SHUTDOWN_crash ? "crashed" : "shutdown",
                              code < 6 ? codes[code] : "unknown"};
    if (d->flags & XEN_DOMINF_paused)
        return (struct state){"paused", "by-user"};
    if (d->flags & XEN_DOMINF_running)
        return (struct state){"running", "on-cpu"};
    if (d->flags & XEN_DOMINF_blocked)
        return (struct state){"running", "waiting-for-event"};
    return (struct state){"running", "waiting-for-cpu"};
}

int cmd_domstate(struct axl *a, int argc, char **argv)
{
    int rc;
    hyp_dominfo d;
    if (!one_domain(a, argc, argv, &d, &rc))
        return rc;
    struct state st = state_of(&d);
    if (!a->json) {
        printf("%s (%s)\n", st.word, st.reason);
        return AXL_OK;
    }
    struct json *j = json_new();
    json_map(j, NULL);
    json_string(j, "state", st.word);
    json_string(j, "reason", st.reason);
    json_map_end(j);
    return axl_json_out(j);
}

int cmd_dominfo(struct axl *a, int argc, char **argv)
{
    int rc;
    hyp_dominfo d;
    if (!one_domain(a, argc, argv, &d, &rc))
        return rc;
    char uuid[37], *name = axl_name(a, d.domain);
    struct state st = state_of(&d);
    struct xen_domctl_sched_credit2 p = {0};
    bool weighed = hyp_credit2(a->hyp, d.domain, false, &p) >= 0;
    axl_uuid(d.handle, uuid);
    if (a->json) {
        struct json *j = json_new();
        json_map(j, NULL);
        json_number(j, "domid", d.domain);
        json_string(j, "name", name);
        json_string(j, "uuid", uuid);
        json_string(j, "state", st.word);
        json_string(j, "reason", st.reason);
        json_number(j, "vcpus_online", d.nr_online_vcpus);
        json_number(j, "vcpus_max", (int64_t)d.max_vcpu_id + 1);
        json_number(j, "memory_kib", (int64_t)d.tot_pages << 2);
        json_number(j, "memory_max_kib", (int64_t)(d.max_pages << 2));
        json_number(j, "cpu_time_ns", (int64_t)d.cpu_time);
        if (weighed)
            json_number(j, "weight", p.weight);
        json_map_end(j);
        free(name);
        return axl_json_out(j);
    }
    printf("Id:             %d\nName:           %s\nUUID:           %s\n", d.domain, name, uuid);
    printf("State:          %s (%s)\n", st.word, st.reason);
    printf("CPU(s):         %u of %u\n", d.nr_online_vcpus, d.max_vcpu_id + 1);
    printf("CPU time:       %.1fs\n", (double)d.cpu_time / 1e9);
    printf("Used memory:    %llu KiB\n", (unsigned long long)d.tot_pages << 2);
    if (d.max_pages << 2 >= UINT32_MAX)
        printf("Max memory:     no limit\n");
    else
        printf("Max memory:     %llu KiB\n", (unsigned long long)d.max_pages << 2);
    if (weighed)
        printf("Weight:         %u\nCap:            %u\n", p.weight, p.cap);
    free(name);
    return AXL_OK;
}

int cmd_rename(struct axl *a, int argc, char **argv)
{
    int rc;
    if (axl_getopt(a, argc, argv, "", NULL, &rc) == -2)
        return rc;
    if (!axl_args(a, argc, 2, 2))
        return AXL_USAGE;
    const char *to = argv[optind + 1];
    int domid = axl_domain(a, argv[optind]);
    hyp_dominfo d;
    char uuid[37];
    if (domid < 0)
        return AXL_FAILED;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    if (!to[0] || strchr(to, '/') || strlen(to) > 255)
        return axl_fail("'%s' is no name for a domain", to);
    unsigned n;
    char **ids = store_list(axl_store(a), &n, "/local/domain");
    bool taken = false;
    for (unsigned i = 0; i < n; i++) {
        char *name = store_read(a->store, "/local/domain/%s/name", ids[i]);
        taken |= name && strcmp(name, to) == 0 && atoi(ids[i]) != domid;
        free(name);
    }
    free(ids);
    if (taken)
        return axl_fail("there is a domain named '%s' already", to);
    struct why w;
    axl_uuid(d.handle, uuid);
    store_at(a->store, "/local/domain/%d", domid);
    store_put(a->store, "name", "%s", to);
    store_at(a->store, "/vm/%s", uuid);
    store_put(a->store, "name", "%s", to);
    if (store_commit(a->store, true, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}

/* --- uptime --------------------------------------------------------------------------------- */

/* Seconds since the domain started; the machine's own for domain 0; -1 unknown. */
static long uptime_of(struct axl *a, const hyp_dominfo *d)
{
    if (d->domain == 0) {
        double up = 0;
        FILE *f = fopen("/proc/uptime", "re");
        if (!f)
            return -1;
        if (fscanf(f, "%lf", &up) != 1)
            up = -1;
        fclose(f);
        return (long)up;
    }
    char uuid[37];
    axl_uuid(d->handle, uuid);
    char *text = store_read(axl_store(a), "/vm/%s/start_time", uuid);
    long up = text ? (long)(time(NULL) - (time_t)strtoll(text, NULL, 10)) : -1;
    free(text);
    return up < 0 ? 0 : up;
}

static void uptime_line(struct axl *a, const hyp_dominfo *d, bool brief, struct json *j)
{
    char *name = axl_name(a, d->domain), now[16] = "", span[48];
    long up = uptime_of(a, d), days = up / 86400, h = up / 3600 % 24, m = up / 60 % 60;
    if (j) {
        json_map(j, NULL);
        json_string(j, "name", name);
        json_number(j, "domid", d->domain);
        json_number(j, "uptime_s", up);
        json_map_end(j);
    } else if (brief) {
        time_t t = time(NULL);
        strftime(now, sizeof now, "%H:%M:%S", localtime(&t));
        int k = days ? snprintf(span, sizeof span, "%ld day%s, ", days, days == 1 ? "" : "s") : 0;
        snprintf(span + k, sizeof span - (size_t)k, "%2ld:%02ld", h, m);
        printf(" %s up %s, %s (%d)\n", now, span, name, d->domain);
    } else {
        int k = days ? snprintf(span, sizeof span, "%ld day%s, ", days, days == 1 ? "" : "s") : 0;
        snprintf(span + k, sizeof span - (size_t)k, "%2ld:%02ld:%02ld", h, m, up % 60);
        printf("%-32s %5d %s\n", name, d->domain, span);
    }
    free(name);
}

int cmd_uptime(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"short", no_argument, NULL, 's'}, {0}};
    bool brief = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "s", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        brief |= o == 's';
    }
    struct json *j = a->json ? json_new() : NULL;
    hyp_dominfo *d;
    int n = hyp_list(axl_hyp(a), &d);
    if (n < 0)
        return axl_fail("cannot list the domains: %s", strerror(-n));
    if (j)
        json_array(j, NULL);
    rc = AXL_OK;
    /* As xl: a wrong name is told before anything is shown. */
    for (int k = optind; k < argc && !rc; k++)
        rc = axl_domain(a, argv[k]) < 0 ? AXL_FAILED : AXL_OK;
    if (rc) {
        free(d);
        json_free(j);
        return rc;
    }
    if (!j && !brief)
        puts("Name                                ID Uptime");
    for (int i = 0; optind >= argc && i < n; i++)
        uptime_line(a, &d[i], brief, j);
    for (int k = optind; k < argc; k++) {
        int domid = axl_domain(a, argv[k]), i = 0;
        while (i < n && d[i].domain != domid)
            i++;
        if (domid < 0)
            rc = AXL_FAILED;
        else if (i == n)
            rc = axl_fail("there is no domain '%s'", argv[k]);
        else
            uptime_line(a, &d[i], brief, j);
    }
    free(d);
    if (!j)
        return rc;
    json_array_end(j);
    return rc | axl_json_out(j);
}
