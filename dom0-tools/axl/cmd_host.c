/* axl info and dmesg: the machine and its hypervisor. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/num.h"
#include "lib/json.h"

/* One "name : value" line, or a member. */
static void item(struct json *j, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void item(struct json *j, const char *key, const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (j)
        json_string(j, key, text);
    else
        printf("%-23s: %s\n", key, text);
}

static void number(struct json *j, const char *key, uint64_t n)
{
    if (j)
        json_number(j, key, (int64_t)n);
    else
        printf("%-23s: %llu\n", key, (unsigned long long)n);
}

static void host(struct json *j)
{
    struct utsname u;
    if (uname(&u) < 0)
        return;
    item(j, "host", "%s", u.nodename);
    item(j, "release", "%s", u.release);
    item(j, "version", "%s", u.version);
    item(j, "machine", "%s", u.machine);
}

static uint64_t claimed(struct axl *a)
{
    hyp_dominfo *d;
    int n = hyp_list(a->hyp, &d);
    uint64_t pages = 0;
    for (int i = 0; i < n; i++)
        pages += d[i].outstanding_pages;
    if (n >= 0)
        free(d);
    return pages;
}

static void machine(struct axl *a, struct json *j, const struct xen_sysctl_physinfo *p)
{
    char caps[128];
    const uint32_t c = p->capabilities;
    snprintf(caps, sizeof caps, "%s%s%s%s%s%s%s%s%s", c & XEN_SYSCTL_PHYSCAP_pv ? " pv" : "",
             c & XEN_SYSCTL_PHYSCAP_hvm ? " hvm" : "",
             c & XEN_SYSCTL_PHYSCAP_hvm && c & XEN_SYSCTL_PHYSCAP_directio ? " hvm_directio" : "",
             c & XEN_SYSCTL_PHYSCAP_pv && c & XEN_SYSCTL_PHYSCAP_directio ? " pv_directio" : "",
             c & XEN_SYSCTL_PHYSCAP_hap ? " hap" : "",
             c & XEN_SYSCTL_PHYSCAP_shadow ? " shadow" : "",
             c & XEN_SYSCTL_PHYSCAP_vmtrace ? " vmtrace" : "",
             c & XEN_SYSCTL_PHYSCAP_gnttab_v1 ? " gnttab-v1" : "",
             c & XEN_SYSCTL_PHYSCAP_gnttab_v2 ? " gnttab-v2" : "");
    number(j, "nr_cpus", p->nr_cpus);
    number(j, "max_cpu_id", p->max_cpu_id);
    number(j, "nr_nodes", p->nr_nodes);
    number(j, "cores_per_socket", p->cores_per_socket);
    number(j, "threads_per_core", p->threads_per_core);
    item(j, "cpu_mhz", "%u.%03u", p->cpu_khz / 1000, p->cpu_khz % 1000);
    item(j, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", p->hw_cap[0], p->hw_cap[1],
         p->hw_cap[2], p->hw_cap[3], p->hw_cap[4], p->hw_cap[5], p->hw_cap[6], p->hw_cap[7]);
    item(j, "virt_caps", "%s", caps[0] ? caps + 1 : "");
    number(j, "total_memory", p->total_pages >> 8);
    number(j, "free_memory", (p->free_pages - p->outstanding_pages) >> 8);
    number(j, "sharing_freed_memory", 0);
    number(j, "sharing_used_memory", 0);
    number(j, "outstanding_claims", claimed(a) >> 8);
    number(j, "free_cpus", 0);
}

static void topology(struct axl *a, struct json *j, const struct xen_sysctl_physinfo *p)
{
    uint32_t n = p->max_cpu_id + 1;
    xen_sysctl_cputopo_t *t = hyp_lend(a->hyp, n * sizeof *t);
    if (!t)
        return;
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_cputopoinfo};
    op.u.cputopoinfo.num_cpus = n;
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, t);
    if (j)
        json_array(j, "cpu_topology");
    else
        printf("cpu_topology           :\ncpu:    core    socket     node\n");
    if (hyp_sysctl(a->hyp, &op) < 0)
        n = 0;
    for (uint32_t i = 0; i < n && i < op.u.cputopoinfo.num_cpus; i++) {
        if (t[i].core == XEN_INVALID_CORE_ID)
            continue;
        if (j) {
            json_map(j, NULL);
            json_number(j, "cpu", i);
            json_number(j, "core", t[i].core);
            json_number(j, "socket", t[i].socket);
            json_number(j, "node", t[i].node);
            json_map_end(j);
        } else {
            printf("%3u:    %4u     %4u     %4u\n", i, t[i].core, t[i].socket, t[i].node);
        }
    }
    hyp_unlend(a->hyp, t);
    if (j)
        json_array_end(j);
    else
        printf("device topology        :\ndevice           node\n"
               "No device topology data available\n");
}

static void one_node(struct json *j, uint32_t i, uint32_t n, const xen_sysctl_meminfo_t *m,
                     const uint32_t *dist)
{
    if (!j) {
        printf("%4u:    %6llu     %6llu      ", i, (unsigned long long)m->memsize >> 20,
               (unsigned long long)m->memfree >> 20);
        for (uint32_t k = 0; k < n; k++)
            printf("%s%u", k ? "," : "", dist[i * n + k]);
        printf("\n");
        return;
    }
    json_map(j, NULL);
    json_number(j, "node", i);
    json_number(j, "memsize_mib", (int64_t)(m->memsize >> 20));
    json_number(j, "memfree_mib", (int64_t)(m->memfree >> 20));
    json_array(j, "distances");
    for (uint32_t k = 0; k < n; k++)
        json_number(j, NULL, dist[i * n + k]);
    json_array_end(j);
    json_map_end(j);
}

static void nodes(struct axl *a, struct json *j, uint32_t n)
{
    xen_sysctl_meminfo_t *m = hyp_lend(a->hyp, n * sizeof *m);
    uint32_t *dist = hyp_lend(a->hyp, (size_t)n * n * sizeof *dist);
    struct xen_sysctl op = {.cmd = XEN_SYSCTL_numainfo};
    op.u.numainfo.num_nodes = n;
    if (j)
        json_array(j, "numa_info");
    if (m && dist) {
        set_xen_guest_handle(op.u.numainfo.meminfo, m);
        set_xen_guest_handle(op.u.numainfo.distance, dist);
        if (!j)
            printf("numa_info              :\nnode:    memsize    memfree    distances\n");
        if (hyp_sysctl(a->hyp, &op) >= 0)
            for (uint32_t i = 0; i < n; i++)
                one_node(j, i, n, &m[i], dist);
    }
    if (j)
        json_array_end(j);
    hyp_unlend(a->hyp, m);
    hyp_unlend(a->hyp, dist);
}

/* A text of fixed room from the hypervisor, always ended. */
static void text_of(struct hyp *h, unsigned cmd, char *out, size_t room)
{
    memset(out, 0, room);
    if (hyp_version(h, cmd, out, room) < 0)
        out[0] = 0;
    out[room - 1] = 0;
}

static void build_id(struct hyp *h, char out[130])
{
    /* A xen_build_id_t with room for what it ends with. */
    unsigned char id[sizeof(xen_build_id_t) + 64] __attribute__((aligned(8))) = {64};
    int n = hyp_version(h, XENVER_build_id, id, sizeof id);
    const unsigned char *b = id + offsetof(xen_build_id_t, buf);
    out[0] = 0;
    for (int i = 0; i < n && i < 64; i++)
        snprintf(out + 2 * i, 3, "%02x", b[i]);
}

static const char *scheduler(struct hyp *h)
{
    static const char *const names[] = {"?",      "?",       "?",        "?",    "sedf",
                                        "credit", "credit2", "arinc653", "rtds", "null"};
    uint32_t id = 0;
    return hyp_sched_id(h, &id) >= 0 && id < ARRAY_SIZE(names) ? names[id] : "unknown";
}

static void hypervisor(struct axl *a, struct json *j)
{
    struct hyp *h = a->hyp;
    int v = hyp_version(h, XENVER_version, NULL, 0);
    xen_extraversion_t extra;
    xen_capabilities_info_t caps;
    xen_changeset_info_t change;
    xen_commandline_t line;
    xen_platform_parameters_t plat = {0};
    xen_compile_info_t cc;
    char id[130];
    text_of(h, XENVER_extraversion, extra, sizeof extra);
    text_of(h, XENVER_capabilities, caps, sizeof caps);
    text_of(h, XENVER_changeset, change, sizeof change);
    text_of(h, XENVER_commandline, line, sizeof line);
    hyp_version(h, XENVER_platform_parameters, &plat, sizeof plat);
    memset(&cc, 0, sizeof cc);
    hyp_version(h, XENVER_compile_info, &cc, sizeof cc);
    build_id(h, id);
    number(j, "xen_major", (uint32_t)v >> 16);
    number(j, "xen_minor", v & 0xffff);
    item(j, "xen_extra", "%s", extra);
    item(j, "xen_version", "%d.%d%s", v >> 16, v & 0xffff, extra);
    item(j, "xen_caps", "%s", caps);
    item(j, "xen_scheduler", "%s", scheduler(h));
    number(j, "xen_pagesize", 4096);
    item(j, "platform_params", "virt_start=0x%lx", (unsigned long)plat.virt_start);
    item(j, "xen_changeset", "%s", change);
    item(j, "xen_commandline", "%s", line);
    item(j, "cc_compiler", "%.*s", (int)sizeof cc.compiler, cc.compiler);
    item(j, "cc_compile_by", "%.*s", (int)sizeof cc.compile_by, cc.compile_by);
    item(j, "cc_compile_domain", "%.*s", (int)sizeof cc.compile_domain, cc.compile_domain);
    item(j, "cc_compile_date", "%.*s", (int)sizeof cc.compile_date, cc.compile_date);
    item(j, "build_id", "%s", id);
    number(j, "xend_config_format", 4);
}

int cmd_info(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"numa", no_argument, NULL, 'n'}, {0}};
    bool numa = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "nl", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        numa |= o == 'n';
    }
    if (!axl_args(a, argc, 0, 1))
        return AXL_USAGE;
    struct xen_sysctl_physinfo p;
    rc = hyp_physinfo(axl_hyp(a), &p);
    if (rc < 0)
        return axl_fail("the hypervisor does not describe the machine: %s", strerror(-rc));
    struct json *j = a->json ? json_new() : NULL;
    if (j)
        json_map(j, NULL);
    host(j);
    machine(a, j, &p);
    if (numa) {
        topology(a, j, &p);
        nodes(a, j, p.nr_nodes);
    }
    hypervisor(a, j);
    if (!j)
        return AXL_OK;
    json_map_end(j);
    return axl_json_out(j);
}

/* The whole log, malloced; its end is a NUL. NULL: *rc says why. */
static char *read_log(struct hyp *h, bool clear, int *rc)
{
    enum { CHUNK = 16384 };
    size_t len = 0;
    uint32_t index = 0;
    char *text = NULL;
    do {
        char *more = realloc(text, len + CHUNK + 1);
        *rc = more ? hyp_readconsole(h, more + len, CHUNK, &index, false) : -ENOMEM;
        text = more ? more : text;
        if (*rc > 0)
            len += (size_t)*rc;
    } while (*rc > 0);
    if (*rc >= 0 && clear) {
        char left[16];
        *rc = hyp_readconsole(h, left, sizeof left, &index, true);
    }
    if (*rc < 0) {
        free(text);
        return NULL;
    }
    text[len] = 0;
    return text;
}

int cmd_dmesg(struct axl *a, int argc, char **argv)
{
    bool clear = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "c", NULL, &rc)) != -1) {
        if (o == -2)
            return rc;
        clear |= o == 'c';
    }
    if (!axl_args(a, argc, 0, 0))
        return AXL_USAGE;
    char *text = read_log(axl_hyp(a), clear, &rc);
    if (!text)
        return axl_fail("cannot read the hypervisor's log: %s", strerror(-rc));
    rc = AXL_OK;
    if (a->json)
        rc = axl_json_lines(text);
    else
        fputs(text, stdout);
    free(text);
    return rc;
}
