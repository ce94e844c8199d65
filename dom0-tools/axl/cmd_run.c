/* axl run: a guest for as long as this command lasts: from an image, with its console here, gone at
 * its end. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "axl/console.h"
#include "lib/create.h"
#include "lib/gconf.h"
#include "lib/guest.h"

enum { CRASHED = 134, STILL_RUNNING = 124, MEMORY_MIB = 16 };

static char *words_join(char **words, int n)
{
    size_t room = 1;
    for (int i = 0; i < n; i++)
        room += strlen(words[i]) + 1;
    char *text = calloc(1, room);
    for (int i = 0; text && i < n; i++) {
        if (i)
            strcat(text, " ");
        strcat(text, words[i]);
    }
    return text;
}

/* "FILE" is raw and writable and becomes the next xvd; with a comma it is a disk as in a
 * configuration. */
static int add_disk(struct gconf *g, const char *spec, struct why *w)
{
    char text[4096];
    if (g->nr_disks == GCONF_DISKS)
        return why(w, -E2BIG, "too many disks");
    int n = strchr(spec, ',')
                ? snprintf(text, sizeof text, "%s", spec)
                : snprintf(text, sizeof text, "%s,raw,xvd%c,w", spec, (char)('a' + g->nr_disks));
    if (n < 0 || (size_t)n >= sizeof text)
        return why(w, -ENAMETOOLONG, "%s: too long", spec);
    int rc = gconf_disk_parse(&g->disk[g->nr_disks], text, w);
    if (!rc)
        g->nr_disks++;
    return rc;
}

static int add_nic(struct gconf *g, const char *spec, struct why *w)
{
    char text[256];
    if (g->nr_nics == GCONF_NICS)
        return why(w, -E2BIG, "too many network interfaces");
    snprintf(text, sizeof text, strchr(spec ? spec : "", '=') ? "%s" : "bridge=%s",
             spec ? spec : "xenbr0");
    int rc = gconf_nic_parse(&g->nic[g->nr_nics], text, w);
    if (!rc)
        g->nr_nics++;
    return rc;
}

static int set_memory(struct gconf *g, const char *text, struct why *w)
{
    if (axl_kib(text, &g->target_kib) && g->target_kib)
        return 0;
    return why(w, -EINVAL, "--memory=%s: not an amount of memory (MiB; or with k, m, g)", text);
}

static int set_vcpus(struct gconf *g, const char *text, struct why *w)
{
    long long n;
    if (!axl_number(text, &n) || n < 1 || n > UINT32_MAX)
        return why(w, -EINVAL, "--vcpus=%s: not a number of processors", text);
    g->vcpus = (uint32_t)n;
    return 0;
}

/* Fills g from the options; *rc is what to return on failure (-1) . */
static int options(struct axl *a, int argc, char **argv, struct gconf *g, int *rc)
{
    static const struct option longs[] = {{"memory", required_argument, NULL, 'm'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"disk", required_argument, NULL, 'd'},
                                          {"net", optional_argument, NULL, 'N'},
                                          {"vcpus", required_argument, NULL, 'v'},
                                          {"ramdisk", required_argument, NULL, 'r'},
                                          {0}};
    struct why w;
    int o, bad = 0;
    g->target_kib = MEMORY_MIB << 10;
    while (!bad && (o = axl_getopt(a, argc, argv, "+m:n:d:", longs, rc)) != -1) {
        if (o == -2)
            return -1;
        if (o == 'm')
            bad = set_memory(g, optarg, &w);
        if (o == 'v')
            bad = set_vcpus(g, optarg, &w);
        if (o == 'n')
            g->name = strdup(optarg);
        if (o == 'r')
            g->ramdisk = strdup(optarg);
        if (o == 'd')
            bad = add_disk(g, optarg, &w);
        if (o == 'N')
            bad = add_nic(g, optarg, &w);
    }
    if (bad) {
        *rc = axl_fail("%s", w.text);
        return -1;
    }
    if (!axl_args(a, argc, 1, -1)) {
        *rc = AXL_USAGE;
        return -1;
    }
    return 0;
}

/* How it ended: what to return to the shell. */
static int verdict(struct axl *a, uint32_t domid)
{
    hyp_dominfo d;
    if (hyp_info(a->hyp, domid, &d) < 0)
        return axl_fail("the guest was destroyed");
    if (!(d.flags & XEN_DOMINF_shutdown)) {
        fprintf(stderr, "axl: the guest still ran and was destroyed\n");
        return STILL_RUNNING;
    }
    unsigned reason = d.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
    if (reason == SHUTDOWN_crash || reason == SHUTDOWN_watchdog) {
        fprintf(stderr, "axl: the guest crashed\n");
        return CRASHED;
    }
    return (int)(store_number(a->store, 0, "/local/domain/%u/data/exit-code", domid) & 0xff);
}

static int run(struct axl *a, uint32_t domid)
{
    struct why w;
    struct console_link l;
    if (console_open(a->store, domid, &l, &w) < 0)
        return axl_fail("%s", w.text);
    int rc = hyp_unpause(a->hyp, domid);
    if (rc < 0) {
        close(l.fd);
        return axl_fail("the guest cannot be unpaused: %s", strerror(-rc));
    }
    if (console_run(a, &l, &w) < 0)
        return axl_fail("%s", w.text);
    return verdict(a, domid);
}

/* The signals that would end us end the console instead, so that the guest is cleared up after. */
static void stop(int sig)
{
    (void)sig;
    console_stop = 1;
}

static void signals_catch(void)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction s = {.sa_handler = stop};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sigaction(all[i], &s, NULL);
}

int cmd_run(struct axl *a, int argc, char **argv)
{
    struct gconf g;
    struct why w;
    uint32_t domid;
    int rc;
    gconf_init(&g);
    if (options(a, argc, argv, &g, &rc) < 0) {
        gconf_free(&g);
        return rc;
    }
    g.kernel = strdup(argv[optind]);
    g.cmdline = words_join(argv + optind + 1, argc - optind - 1);
    if (!g.name) {
        const char *slash = strrchr(g.kernel, '/');
        if (asprintf(&g.name, "%s-%d", slash ? slash + 1 : g.kernel, (int)getpid()) < 0)
            g.name = NULL;
    }
    signals_catch();
    if (gconf_complete(&g, true, &w) < 0)
        rc = axl_fail("%s", w.text);
    else if (create_guest(axl_hyp(a), axl_store(a), &g, &domid, &w) < 0)
        rc = axl_fail("guest '%s': %s", g.name, w.text);
    else {
        rc = run(a, domid);
        if (guest_destroy(a->hyp, a->store, domid, &w) < 0)
            rc = axl_fail("guest '%s' is not cleared up: %s", g.name, w.text);
    }
    gconf_free(&g);
    return rc;
}
