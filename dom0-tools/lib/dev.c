/* A guest's devices: what all kinds share, and their removal (see dev.h). */
#include "lib/dev.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/abi.h"
#include <xen/io/xenbus.h>

#define BACKEND "/local/domain/0/backend/%s/%u/%d"

int dev_check(struct store *s, const struct gconf *g, struct why *w)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < g->nr_disks; i++)
        rc = blk_check(s, &g->disk[i], w);
    for (uint32_t i = 0; !rc && i < g->nr_nics; i++)
        rc = net_check(&g->nic[i], w);
    return rc;
}

int dev_prepare(struct store *s, uint32_t domid, const struct gconf *g, struct why *w)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < g->nr_disks; i++)
        rc = blk_prepare(s, domid, &g->disk[i], w);
    for (uint32_t i = 0; !rc && i < g->nr_nics; i++)
        rc = net_prepare(s, domid, &g->nic[i], w);
    return rc;
}

int dev_connect(struct store *s, uint32_t domid, const struct gconf *g, struct why *w)
{
    int rc = 0;
    for (uint32_t i = 0; !rc && i < g->nr_disks; i++)
        rc = blk_connect(s, domid, &g->disk[i], w);
    for (uint32_t i = 0; !rc && i < g->nr_nics; i++)
        rc = net_connect(s, domid, &g->nic[i], w);
    return rc;
}

void dev_backend(struct store *s, const char *kind, uint32_t domid, int devid,
                 char path[STORE_PATH])
{
    char *noted = store_read(s, "/libxl/%u/device/%s/%d/backend", domid, kind, devid);
    if (noted)
        snprintf(path, STORE_PATH, "%s", noted);
    else
        snprintf(path, STORE_PATH, BACKEND, kind, domid, devid);
    free(noted);
}

void dev_put_common(struct store *s, uint32_t domid, const char *kind, const char *served,
                    int devid, bool trusted)
{
    store_at(s, "/local/domain/%u/device/%s/%d", domid, kind, devid);
    store_mkdir(s, "");
    store_perms(s, "", domid, 'n', 0);
    store_put(s, "backend", BACKEND, served, domid, devid);
    store_put(s, "backend-id", "0");
    store_put(s, "state", "%d", XenbusStateInitialising);
    store_put(s, "handle", "%d", devid);
    store_put(s, "trusted", "%d", trusted);
    store_put(s, "protocol", "x86_64-abi");
    /* The note that only dom0 can write. */
    store_at(s, "/libxl/%u/device/%s/%d", domid, kind, devid);
    store_put(s, "frontend", "/local/domain/%u/device/%s/%d", domid, kind, devid);
    store_put(s, "backend", BACKEND, served, domid, devid);
    store_put(s, "frontend-id", "%u", domid);
    store_put(s, "online", "1");
    store_put(s, "state", "%d", XenbusStateInitialising);
    store_at(s, BACKEND, served, domid, devid);
    store_mkdir(s, "");
    store_perms(s, "", 0, 'n', (int)domid);
    store_put(s, "frontend", "/local/domain/%u/device/%s/%d", domid, kind, devid);
    store_put(s, "frontend-id", "%u", domid);
    store_put(s, "online", "1");
    store_put(s, "state", "%d", XenbusStateInitialising);
}

/* --- waiting -------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int dev_await_state(struct store *s, uint32_t domid, const char *kind, int devid, int state,
                    struct why *w)
{
    int64_t end = now_ms() + DEV_WAIT_MS, is;
    int rc = 0;
    char back[STORE_PATH];
    dev_backend(s, kind, domid, devid, back);
    store_watch(s, "dev", "%s/state", back);
    for (;;) {
        is = store_number(s, XenbusStateClosed, "%s/state", back);
        if (is == state || is == XenbusStateClosed)
            break;
        int64_t left = end - now_ms();
        if (left <= 0) {
            rc = -ETIMEDOUT;
            break;
        }
        rc = store_wait(s, (int)left);
        if (rc < 0)
            break;
        rc = 0;
    }
    store_unwatch(s, "dev", "%s/state", back);
    if (rc)
        return why(w, rc,
                   "%s %d: its back-end stays in state %d for %d s while state %d is waited "
                   "for",
                   kind, devid, (int)is, DEV_WAIT_MS / 1000, state);
    if (is != state) {
        /* .../0/backend/KIND/... has its error at .../0/error/backend/KIND/... */
        const char *tail = strstr(back, "/backend/");
        char *text = tail ? store_read(s, "/local/domain/0/error%s/error", tail) : NULL;
        why(w, -EIO, "%s %d: its back-end gave up: %s", kind, devid,
            text ? text : "is its module (xen-blkback, xen-netback) loaded?");
        free(text);
        return -EIO;
    }
    return 0;
}

/* --- scripts -------------------------------------------------------------------------------- */

/* The child's end, at most DEV_SCRIPT_MS; then it is killed. */
static int await_child(pid_t pid, const char *script, struct why *w)
{
    int64_t end = now_ms() + DEV_SCRIPT_MS;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() >= end) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return why(w, -ETIMEDOUT, "script %s did not end within %d s", script,
                       DEV_SCRIPT_MS / 1000);
        }
        poll(NULL, 0, 20);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return why(w, -EIO, "script %s failed (%s %d)", script,
               WIFEXITED(status) ? "exit status" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

int dev_script(struct store *s, const char *script, const char *action, const char *kind,
               uint32_t domid, int devid, const char *vif, struct why *w)
{
    char path[300], be[128], e0[320], e1[32], e2[140], e4[40], e5[40];
    snprintf(path, sizeof path, "%s%s", script[0] == '/' ? "" : "/etc/xen/scripts/", script);
    snprintf(be, sizeof be, "backend/%s/%u/%d", kind, domid, devid);
    snprintf(e0, sizeof e0, "script=%s", path);
    snprintf(e1, sizeof e1, "XENBUS_TYPE=%s", kind);
    snprintf(e2, sizeof e2, "XENBUS_PATH=%s", be);
    snprintf(e4, sizeof e4, "vif=%s", vif ? vif : "");
    snprintf(e5, sizeof e5, "netdev=%s", vif ? vif : "");
    char *argv[] = {path, (char *)(uintptr_t)action, vif ? "type_if=vif" : NULL, NULL};
    char *env[] = {e0,
                   e1,
                   e2,
                   "XENBUS_BASE_PATH=backend",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/xen-4.17/bin",
                   vif ? e4 : NULL,
                   e5,
                   NULL};
    pid_t pid;
    int err = posix_spawn(&pid, path, NULL, NULL, argv, env);
    if (err)
        return why(w, -err, "cannot run script %s: %s", path, strerror(err));
    int rc = await_child(pid, path, w);
    char *said = store_read(s, "/local/domain/0/%s/hotplug-error", be);
    if (said && said[0])
        rc = why(w, -EIO, "script %s: %s", path, said);
    free(said);
    return rc;
}

/* --- removal -------------------------------------------------------------------------------- */

/* What a script set up is taken down by it, what axl set up by axl. */
static void unplug(struct store *s, const char *kind, uint32_t domid, int devid, const char *back)
{
    char *script = store_read(s, "/libxl/%u/device/%s/%d/script-used", domid, kind, devid);
    if (strcmp(kind, "vbd") == 0) {
        char *node = store_read(s, "%s/node", back);
        char *params = store_read(s, "%s/params", back);
        struct why ignored;
        if (script)
            dev_script(s, script, "remove", kind, domid, devid, NULL, &ignored);
        else if (node && params)
            blk_release(node, params);
        free(node);
        free(params);
    }
    free(script);
}

/*
 * Asks the back-end to close and waits until it has. One whose guest closed its end is Closed
 * already: told to close once more it would never answer, so it only goes with its nodes.
 */
static int close_backend(struct store *s, uint32_t domid, const char *kind, int devid,
                         const char *back, bool force, struct why *w)
{
    bool closed = store_number(s, XenbusStateUnknown, "%s/state", back) == XenbusStateClosed;
    store_at(s, "%s", back);
    store_put(s, "online", "0");
    if (!closed)
        store_put(s, "state", "%d", XenbusStateClosing);
    if (force)
        store_remove(s, "/local/domain/%u/device/%s/%d", domid, kind, devid);
    int rc = store_commit(s, true, w);
    return rc || closed ? rc : dev_await_state(s, domid, kind, devid, XenbusStateClosed, w);
}

int dev_remove(struct store *s, uint32_t domid, const char *kind, int devid, bool force,
               struct why *w)
{
    int rc = 0;
    char back[STORE_PATH];
    dev_backend(s, kind, domid, devid, back);
    if (strcmp(kind, "console") != 0 && store_exists(s, "%s", back)) {
        rc = close_backend(s, domid, kind, devid, back, force, w);
        if (rc && !force)
            return rc == -ETIMEDOUT
                       ? why(w, rc,
                             "%s %d: the guest does not let go of it; is it mounted or in "
                             "use? --force takes it away all the same",
                             kind, devid)
                       : rc;
        unplug(s, kind, domid, devid, back);
    }
    struct why second;
    store_remove(s, "%s", back);
    store_remove(s, "/local/domain/%u/device/%s/%d", domid, kind, devid);
    store_remove(s, "/libxl/%u/device/%s/%d", domid, kind, devid);
    int rc2 = store_commit(s, true, &second);
    if (rc2 && !rc)
        *w = second;
    return rc ? rc : rc2;
}

/* The folders of back-ends, for what is left of a domain there. */
static const struct {
    const char *kind, *by;
} served[] = {
    {"vbd", "vbd"}, {"vbd", "blkd"}, {"vif", "vif"}, {"vif", "netd"}, {"console", "console"}};

static int remove_kind(struct store *s, uint32_t domid, const char *kind, struct why *w)
{
    unsigned n;
    struct why second;
    char **ids = store_list(s, &n, "/libxl/%u/device/%s", domid, kind);
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        int one = dev_remove(s, domid, kind, atoi(ids[i]), true, rc ? &second : w);
        rc = rc ? rc : one;
    }
    free(ids);
    for (size_t i = 0; i < sizeof served / sizeof served[0]; i++) {
        if (strcmp(served[i].kind, kind) != 0)
            continue;
        store_remove(s, "/local/domain/0/backend/%s/%u", served[i].by, domid);
        store_remove(s, "/local/domain/0/error/backend/%s/%u", served[i].by, domid);
    }
    store_commit(s, false, &second);
    return rc;
}

int dev_remove_all(struct store *s, uint32_t domid, struct why *w)
{
    unsigned n;
    struct why second;
    char **kinds = store_list(s, &n, "/libxl/%u/device", domid);
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(kinds[i], "console") == 0)
            continue;
        int one = remove_kind(s, domid, kinds[i], rc ? &second : w);
        rc = rc ? rc : one;
    }
    free(kinds);
    return rc;
}
