/* axl pause, unpause, destroy, shutdown, reboot, trigger, sysrq, debug-keys: drive a domain. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/guest.h"

static int on_domain(struct axl *a, int argc, char **argv, const char *what,
                     int (*f)(struct hyp *, uint32_t))
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return AXL_FAILED;
    rc = f(axl_hyp(a), (uint32_t)domid);
    if (rc < 0)
        return axl_fail("domain '%s' cannot be %s: %s", argv[optind], what,
                        rc == -ESRCH ? "there is no such domain" : strerror(-rc));
    return AXL_OK;
}

int cmd_pause(struct axl *a, int argc, char **argv)
{
    return on_domain(a, argc, argv, "paused", hyp_pause);
}

int cmd_unpause(struct axl *a, int argc, char **argv)
{
    return on_domain(a, argc, argv, "unpaused", hyp_unpause);
}

int cmd_destroy(struct axl *a, int argc, char **argv)
{
    bool force = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "f", NULL, &rc)) != -1) {
        if (o == -2)
            return rc;
        force |= o == 'f';
    }
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return AXL_FAILED;
    if (domid == 0 && !force)
        return axl_fail("cannot destroy privileged domain 0; to stop the machine, shut it down");
    hyp_dominfo info;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &info) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    struct why w;
    if (guest_destroy(a->hyp, axl_store(a), (uint32_t)domid, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}

/* --- shutdown, reboot ----------------------------------------------------------------------- */

struct stop {
    const char *word;  /* what the guest is told */
    const char *shown; /* "Shutting down" */
    bool all, wait;
    int seconds; /* how long -w waits */
};

static int ask(struct axl *a, uint32_t domid, const struct stop *st)
{
    hyp_dominfo info;
    struct why w;
    if (hyp_info(axl_hyp(a), domid, &info) < 0)
        return axl_fail("there is no domain %u", domid);
    fprintf(stderr, "%s domain %u\n", st->shown, domid);
    store_at(axl_store(a), "/local/domain/%u/control", domid);
    store_put(a->store, "shutdown", "%s", st->word);
    if (store_commit(a->store, false, &w) < 0)
        return axl_fail("domain %u: cannot ask it: %s", domid, w.text);
    return AXL_OK;
}

/* Until the guest has gone, or is shut down and kept (preserve). */
static int await(struct axl *a, uint32_t domid, const struct stop *st)
{
    struct why w;
    int rc = guest_await_end(axl_hyp(a), axl_store(a), domid, st->seconds, &w);
    if (rc < 0)
        return axl_fail("domain %u: %s", domid, w.text);
    fprintf(stderr, "Domain %u has been %s\n", domid, rc == 1 ? "shut down" : "destroyed");
    return AXL_OK;
}

static int stop_some(struct axl *a, int argc, char **argv, struct stop *st)
{
    static const struct option longs[] = {{"all", no_argument, NULL, 'a'},
                                          {"wait", no_argument, NULL, 'w'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {0}};
    int o, rc;
    st->seconds = 300;
    while ((o = axl_getopt(a, argc, argv, "awFt:", longs, &rc)) != -1) {
        long long t;
        if (o == -2)
            return rc;
        st->all |= o == 'a';
        st->wait |= o == 'w';
        if (o == 't') {
            if (!axl_number(optarg, &t) || t < 1 || t > 86400)
                return axl_misuse(a, "'%s' is no number of seconds (1 to 86400).", optarg);
            st->seconds = (int)t;
        }
    }
    if (st->all && optind < argc)
        return axl_misuse(a, "-a is for all domains; don't name one too.");
    if (!st->all && optind >= argc)
        return axl_misuse(a, "You must specify -a or a domain id."), AXL_FAILED;
    if (!st->all && !axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    if (!st->all) {
        int domid = axl_domain(a, argv[optind]);
        if (domid < 0)
            return AXL_FAILED;
        rc = ask(a, (uint32_t)domid, st);
        return rc || !st->wait ? rc : await(a, (uint32_t)domid, st);
    }
    hyp_dominfo *d;
    int n = hyp_list(axl_hyp(a), &d);
    rc = n < 0 ? axl_fail("cannot list the domains: %s", strerror(-n)) : AXL_OK;
    for (int i = 0; i < n; i++)
        if (d[i].domain)
            rc |= ask(a, d[i].domain, st);
    for (int i = 0; i < n && st->wait; i++)
        if (d[i].domain)
            rc |= await(a, d[i].domain, st);
    if (n >= 0)
        free(d);
    return rc;
}

int cmd_shutdown(struct axl *a, int argc, char **argv)
{
    return stop_some(a, argc, argv, &(struct stop){.word = "poweroff", .shown = "Shutting down"});
}

int cmd_reboot(struct axl *a, int argc, char **argv)
{
    return stop_some(a, argc, argv, &(struct stop){.word = "reboot", .shown = "Rebooting"});
}

/* --- small signals -------------------------------------------------------------------------- */

int cmd_trigger(struct axl *a, int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t number;
    } triggers[] = {{"nmi", XEN_DOMCTL_SENDTRIGGER_NMI},
                    {"reset", XEN_DOMCTL_SENDTRIGGER_RESET},
                    {"init", XEN_DOMCTL_SENDTRIGGER_INIT},
                    {"power", XEN_DOMCTL_SENDTRIGGER_POWER},
                    {"sleep", XEN_DOMCTL_SENDTRIGGER_SLEEP}};
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 2, 3))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return AXL_FAILED;
    const char *name = argv[optind + 1];
    size_t i = 0;
    while (i < 5 && strcmp(triggers[i].name, name) != 0)
        i++;
    if (i == 5)
        return axl_fail("Invalid trigger \"%s\"; nmi, reset, init, power and sleep exist", name);
    long long vcpu = 0;
    if (optind + 2 < argc && (!axl_number(argv[optind + 2], &vcpu) || vcpu < 0))
        return axl_fail("Invalid vcpuid '%s'", argv[optind + 2]);
    rc = hyp_trigger(axl_hyp(a), (uint32_t)domid, triggers[i].number, (uint32_t)vcpu);
    if (rc < 0)
        return axl_fail("domain '%s': cannot send %s to vcpu %lld: %s", argv[optind], name, vcpu,
                        rc == -ENOSYS ? "the hypervisor knows none for PV guests" : strerror(-rc));
    return AXL_OK;
}

int cmd_sysrq(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 2, 2))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    if (domid < 0)
        return AXL_FAILED;
    if (!argv[optind + 1][0] || argv[optind + 1][1])
        return axl_misuse(a, "Invalid sysrq."), AXL_FAILED;
    struct why w;
    hyp_dominfo info;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &info) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    store_at(axl_store(a), "/local/domain/%d/control", domid);
    store_put(a->store, "sysrq", "%s", argv[optind + 1]);
    if (store_commit(a->store, false, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}

int cmd_debug_keys(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    rc = hyp_debug_keys(axl_hyp(a), argv[optind]);
    return rc < 0 ? axl_fail("cannot send debug keys: %s", strerror(-rc)) : AXL_OK;
}
