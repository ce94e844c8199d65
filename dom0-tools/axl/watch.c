/* The watcher (see watch.h). */
#include "axl/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/core_dump.h"
#include "lib/create.h"
#include "lib/guest.h"
#include "lib/record.h"

struct watch {
    struct hyp *h;
    struct store *s;
    uint32_t domid;
    struct why w;
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    char when[32];
    time_t t = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%F %T", localtime_r(&t, &tm));
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "%s ", when);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

static enum gconf_action choose(const struct gconf *g, unsigned code)
{
    switch (code) {
    case SHUTDOWN_poweroff:
        return g->on_poweroff;
    case SHUTDOWN_reboot:
        return g->on_reboot;
    case SHUTDOWN_watchdog:
        return g->on_watchdog;
    case SHUTDOWN_soft_reset:
        /* Resetting a domain in place is not done here: a fresh one serves the guest as well. */
        return g->on_soft_reset == ACTION_SOFT_RESET ? ACTION_RESTART : g->on_soft_reset;
    default:
        return g->on_crash;
    }
}

static void dump(struct watch *x, const struct gconf *g)
{
    char path[400], when[32];
    time_t t = time(NULL);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m%d-%H%M.%S", localtime_r(&t, &tm));
    mkdir("/var/lib/xen/dump", 0700);
    snprintf(path, sizeof path, "/var/lib/xen/dump/%s-%s.core", g->name, when);
    if (core_dump(x->h, x->domid, path, &x->w) < 0)
        say("no core: %s", x->w.text);
    else
        say("core written to %s", path);
}

static bool restart(struct watch *x, struct gconf *g)
{
    uint32_t fresh;
    if (guest_destroy(x->h, x->s, x->domid, &x->w) < 0)
        say("domain %u: %s", x->domid, x->w.text);
    if (create_guest(x->h, x->s, g, &fresh, &x->w) < 0) {
        say("'%s' cannot be started again: %s", g->name, x->w.text);
        return false;
    }
    int rc = hyp_unpause(x->h, fresh);
    if (rc < 0)
        say("domain %u cannot be unpaused: %s", fresh, strerror(-rc));
    say("'%s' is domain %u now", g->name, fresh);
    x->domid = fresh;
    return true;
}

/* Keeps the dead one under another name and UUID, so that its successor can have its own. */
static bool rename_restart(struct watch *x, struct gconf *g)
{
    uint32_t fresh;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_setdomainhandle, .domain = (domid_t)x->domid};
    FILE *f = fopen("/dev/urandom", "re");
    if (!f || fread(op.u.setdomainhandle.handle, 16, 1, f) != 1)
        memset(op.u.setdomainhandle.handle, 0x5a, 16);
    if (f)
        fclose(f);
    hyp_domctl(x->h, &op);
    store_at(x->s, "/local/domain/%u", x->domid);
    store_put(x->s, "name", "%s-%u", g->name, x->domid);
    store_commit(x->s, false, &x->w);
    if (create_guest(x->h, x->s, g, &fresh, &x->w) < 0) {
        say("'%s' cannot be started again: %s", g->name, x->w.text);
        return false;
    }
    hyp_unpause(x->h, fresh);
    say("'%s' is domain %u now; domain %u is kept", g->name, fresh, x->domid);
    x->domid = fresh;
    return true;
}

/* Acts on the guest's end; true: there is a domain to go on watching. */
static bool act(struct watch *x, const hyp_dominfo *d)
{
    unsigned code = (d->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    struct gconf g;
    gconf_init(&g);
    bool on = false;
    int rc = record_read(x->h, x->s, d, &g, &x->w);
    enum gconf_action a = rc ? ACTION_DESTROY : choose(&g, code);
    if (rc)
        say("domain %u: %s", x->domid, x->w.text);
    say("domain %u has ended (reason %u): %s", x->domid, code, gconf_action_names[a]);
    if (a == ACTION_CORE_DESTROY || a == ACTION_CORE_RESTART)
        dump(x, &g);
    if (a == ACTION_RESTART || a == ACTION_CORE_RESTART)
        on = restart(x, &g);
    else if (a == ACTION_RENAME_RESTART)
        on = rename_restart(x, &g);
    else if (a != ACTION_PRESERVE && guest_destroy(x->h, x->s, x->domid, &x->w) < 0)
        say("domain %u: %s", x->domid, x->w.text);
    gconf_free(&g);
    return on;
}

/* The xenstore's daemon was stopped: there will be another, and what it missed is looked at then.
 */
static void store_again(struct watch *x)
{
    const struct timespec pause = {.tv_nsec = 100000000};
    store_close(x->s);
    x->s = NULL;
    while (store_open(&x->s, &x->w) < 0 || store_watch(x->s, "end", "@releaseDomain") < 0) {
        store_close(x->s);
        x->s = NULL;
        nanosleep(&pause, NULL);
    }
}

int watch_run(uint32_t domid)
{
    struct watch x = {.domid = domid};
    if (hyp_open(&x.h, &x.w) < 0 || store_open(&x.s, &x.w) < 0) {
        say("%s", x.w.text);
        hyp_close(x.h);
        return 1;
    }
    store_watch(x.s, "end", "@releaseDomain");
    for (bool on = true; on;) {
        hyp_dominfo d;
        int rc = hyp_info(x.h, x.domid, &d);
        if (rc == -ESRCH || (rc == 0 && d.flags & XEN_DOMINF_dying))
            break; /* someone else destroyed it, and cleaned up */
        unsigned code = (d.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
        /* A suspended guest is being saved: it will be destroyed or run on. */
        if (rc == 0 && d.flags & XEN_DOMINF_shutdown && code != SHUTDOWN_suspend)
            on = act(&x, &d);
        else if (store_wait(x.s, 3600 * 1000) < 0)
            store_again(&x);
    }
    store_close(x.s);
    hyp_close(x.h);
    return 0;
}

int watch_start(uint32_t domid, const char *name)
{
    char log[300];
    fflush(NULL);
    pid_t pid = fork();
    if (pid)
        return pid < 0 ? -errno : 0;
    setsid();
    snprintf(log, sizeof log, "/var/log/xen/axl-%s.log", name);
    int null = open("/dev/null", O_RDWR), out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0640);
    dup2(null, 0);
    dup2(out < 0 ? null : out, 1);
    dup2(out < 0 ? null : out, 2);
    closefrom(3);
    if (chdir("/") < 0)
        _exit(1);
    _exit(watch_run(domid));
}
