/*
 * axl autostart, dom0-init: what happens when dom0 starts and stops.
 *
 * Guests are the files of /etc/xen/auto (links to configurations, as xendomains has them), in the
 * order of their names; they stop in the reverse order, after all guests that are not there.
 */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "axl/config.h"
#include "lib/guest.h"
#include "lib/json.h"

#define AUTO_DIR "/etc/xen/auto"

struct boot {
    const char *dir;
    int seconds; /* how long a guest may take to stop */
    struct dirent **file;
    int n;
};

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int read_dir(struct boot *b)
{
    b->n = scandir(b->dir, &b->file, visible, alphasort);
    if (b->n < 0 && errno == ENOENT)
        b->n = 0;
    return b->n < 0 ? axl_fail("%s: %s", b->dir, strerror(errno)) : AXL_OK;
}

static void free_dir(struct boot *b)
{
    for (int i = 0; i < b->n; i++)
        free(b->file[i]);
    free(b->file);
}

/* The guest's name by its file, malloced; NULL: printed why. */
static char *name_of(const struct boot *b, int i)
{
    struct gconf g;
    struct why w;
    char path[600], *name = NULL;
    snprintf(path, sizeof path, "%s/%s", b->dir, b->file[i]->d_name);
    gconf_init(&g);
    if (config_load(path, &g, &w) < 0)
        axl_fail("%s", w.text);
    else
        name = strdup(g.name);
    gconf_free(&g);
    return name;
}

/* By name; -1: it does not run. */
static int running(struct axl *a, const char *name)
{
    unsigned n;
    int found = -1;
    char **ids = store_list(axl_store(a), &n, "/local/domain");
    for (unsigned i = 0; i < n && found < 0; i++) {
        char *is = store_read(a->store, "/local/domain/%s/name", ids[i]);
        if (is && strcmp(is, name) == 0)
            found = atoi(ids[i]);
        free(is);
    }
    free(ids);
    return found;
}

/* In a process of its own: one guest's trouble is not the next one's. */
static int create(const struct boot *b, int i)
{
    char path[600];
    int status;
    snprintf(path, sizeof path, "%s/%s", b->dir, b->file[i]->d_name);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "axl", "create", "-q", path, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return axl_fail("%s: %s", path, strerror(errno));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? AXL_OK : AXL_FAILED;
}

static int start_all(struct axl *a, struct boot *b)
{
    int rc = AXL_OK;
    for (int i = 0; i < b->n; i++) {
        char *name = name_of(b, i);
        if (!name)
            rc = AXL_FAILED;
        else if (running(a, name) >= 0)
            printf("%s runs already\n", name);
        else if (create(b, i))
            rc = axl_fail("'%s' (%s/%s) was not started", name, b->dir, b->file[i]->d_name);
        else
            printf("%s was started\n", name);
        free(name);
    }
    return rc;
}

static int stop_one(struct axl *a, const struct boot *b, uint32_t domid)
{
    struct why w;
    char *name = axl_name(a, domid);
    store_at(a->store, "/local/domain/%u/control", domid);
    store_put(a->store, "shutdown", "poweroff");
    int rc = store_commit(a->store, false, &w);
    if (rc >= 0)
        rc = guest_await_end(axl_hyp(a), a->store, domid, b->seconds, &w);
    if (rc >= 0)
        printf("%s was shut down\n", name);
    else {
        axl_fail("'%s': %s", name, w.text);
        rc = guest_destroy(axl_hyp(a), a->store, domid, &w);
        if (rc >= 0)
            printf("%s was destroyed\n", name);
        else
            axl_fail("'%s': %s", name, w.text);
    }
    free(name);
    return rc < 0 ? AXL_FAILED : AXL_OK;
}

/* Guests that are in no file: the youngest first. */
static int stop_others(struct axl *a, const struct boot *b, char **ours)
{
    hyp_dominfo *d;
    int rc = AXL_OK, n = hyp_list(axl_hyp(a), &d);
    if (n < 0)
        return axl_fail("cannot list the domains: %s", strerror(-n));
    for (int i = n; i-- > 0;) {
        char *name = axl_name(a, d[i].domain);
        bool other = d[i].domain && !(d[i].flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown));
        for (int k = 0; k < b->n; k++)
            other = other && !(ours[k] && strcmp(ours[k], name) == 0);
        free(name);
        if (other)
            rc |= stop_one(a, b, d[i].domain);
    }
    free(d);
    return rc;
}

static int stop_all(struct axl *a, struct boot *b)
{
    char **name = calloc((size_t)b->n + 1, sizeof *name);
    if (!name)
        return axl_fail("out of memory");
    axl_store(a);
    for (int i = 0; i < b->n; i++)
        name[i] = name_of(b, i);
    int rc = stop_others(a, b, name);
    for (int i = b->n; i-- > 0;) {
        int domid = name[i] ? running(a, name[i]) : -1;
        if (domid > 0)
            rc |= stop_one(a, b, (uint32_t)domid);
        free(name[i]);
    }
    free(name);
    return rc;
}

static int list_all(struct axl *a, struct boot *b)
{
    struct json *j = a->json ? json_new() : NULL;
    int rc = AXL_OK;
    if (j)
        json_array(j, NULL);
    for (int i = 0; i < b->n; i++) {
        char *name = name_of(b, i);
        int domid = name ? running(a, name) : -1;
        rc |= name ? AXL_OK : AXL_FAILED;
        if (j) {
            json_map(j, NULL);
            json_string(j, "file", b->file[i]->d_name);
            json_string(j, "name", name);
            json_bool(j, "running", domid >= 0);
            json_map_end(j);
        } else if (name) {
            printf("%-24s %s\n", name, domid >= 0 ? "runs" : "does not run");
        }
        free(name);
    }
    if (!j)
        return rc;
    json_array_end(j);
    return rc | axl_json_out(j);
}

int cmd_autostart(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {
        {"dir", required_argument, NULL, 'd'}, {"timeout", required_argument, NULL, 't'}, {0}};
    struct boot b = {.dir = AUTO_DIR, .seconds = 60};
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "d:t:", longs, &rc)) != -1) {
        long long t;
        if (o == -2)
            return rc;
        if (o == 'd')
            b.dir = optarg;
        if (o == 't') {
            if (!axl_number(optarg, &t) || t < 1 || t > 86400)
                return axl_misuse(a, "'%s' is no number of seconds (1 to 86400).", optarg);
            b.seconds = (int)t;
        }
    }
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    const char *what = argv[optind];
    if (read_dir(&b))
        return AXL_FAILED;
    if (strcmp(what, "start") == 0)
        rc = start_all(a, &b);
    else if (strcmp(what, "stop") == 0)
        rc = stop_all(a, &b);
    else if (strcmp(what, "list") == 0)
        rc = list_all(a, &b);
    else
        rc = axl_misuse(a, "'%s' is not start, stop or list.", what);
    free_dir(&b);
    return rc;
}

int cmd_dom0_init(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    struct why w;
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 0, 0))
        return AXL_USAGE;
    /* What Debian's xen-init-dom0 writes, for tools that look for it. */
    store_at(axl_store(a), "/local/domain/0");
    store_put(a->store, "name", "Domain-0");
    store_put(a->store, "domid", "0");
    store_at(a->store, "/local/pool/0");
    store_put(a->store, "name", "Pool-0");
    store_at(a->store, "/libxl/0");
    store_put(a->store, "type", "pv");
    if (store_commit(a->store, true, &w) < 0)
        return axl_fail("domain 0's nodes: %s", w.text);
    return AXL_OK;
}
