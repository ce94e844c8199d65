/* axl save, restore, dump-core: a guest into a file and back. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "axl/console.h"
#include "axl/watch.h"
#include "lib/core_dump.h"
#include "lib/guest.h"
#include "lib/save.h"

int cmd_save(struct axl *a, int argc, char **argv)
{
    bool check = false, pause = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "cp", NULL, &rc)) != -1) {
        if (o == -2)
            return rc;
        check |= o == 'c';
        pause |= o == 'p';
    }
    if (!axl_args(a, argc, 2, 3))
        return AXL_USAGE;
    const char *who = argv[optind], *path = argv[optind + 1];
    int domid = axl_domain(a, who);
    struct why w;
    if (domid < 0)
        return AXL_FAILED;
    if (domid == 0)
        return axl_fail("domain 0 cannot be saved");
    fprintf(stderr, "Saving to %s new xl format\n", path);
    if (save_guest(axl_hyp(a), axl_store(a), (uint32_t)domid, path, &w) < 0)
        return axl_fail("domain '%s': %s", who, w.text);
    if (pause && hyp_pause(a->hyp, (uint32_t)domid) < 0)
        return axl_fail("domain '%s' is saved but cannot be paused", who);
    rc = check || pause ? save_resume(a->hyp, a->store, (uint32_t)domid, &w)
                        : guest_destroy(a->hyp, a->store, (uint32_t)domid, &w);
    return rc < 0 ? axl_fail("domain '%s' is saved, but: %s", who, w.text) : AXL_OK;
}

/* `restore CONFIG FILE`: the configuration file instead of the one in the save file. */
static int replace(struct gconf *g, void *arg, struct why *w)
{
    const char *path = arg;
    char *text = calloc(1, (1 << 20) + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || !text ? -1 : read(fd, text, 1 << 20);
    int rc = n < 0 ? why(w, -EIO, "cannot read the configuration '%s'", path) : 0;
    if (fd >= 0)
        close(fd);
    if (!rc) {
        gconf_free(g);
        gconf_init(g);
        rc = gconf_from_cfg(g, path, text, (size_t)n, NULL, w);
    }
    free(text);
    return rc;
}

int cmd_restore(struct axl *a, int argc, char **argv)
{
    bool console = false, paused = false, no_watch = false, foreground = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "FcpdeVA", NULL, &rc)) != -1) {
        if (o == -2)
            return rc;
        console |= o == 'c';
        paused |= o == 'p';
        no_watch |= o == 'e';
        foreground |= o == 'F';
    }
    if (!axl_args(a, argc, 1, 2))
        return AXL_USAGE;
    const char *config = argc - optind == 2 ? argv[optind] : NULL, *path = argv[argc - 1];
    struct why w;
    uint32_t domid;
    char *name = NULL;
    fprintf(stderr, "Loading new save file %s\n", path);
    if (restore_guest(axl_hyp(a), axl_store(a), path, config ? replace : NULL,
                      (void *)(uintptr_t)config, &domid, &name, &w) < 0)
        return axl_fail("%s", w.text);
    struct console_link l = {.fd = -1};
    if (console && console_open(a->store, domid, &l, &w) < 0)
        axl_fail("guest '%s': %s", name, w.text);
    if (!no_watch && !foreground && watch_start(domid, name) < 0)
        axl_fail("no background process could be started for '%s'", name);
    rc = paused ? 0 : hyp_unpause(a->hyp, domid);
    rc = rc < 0 ? axl_fail("guest '%s' cannot be unpaused: %s", name, strerror(-rc)) : AXL_OK;
    free(name);
    if (!rc && l.fd >= 0 && console_run(a, &l, &w) < 0)
        rc = axl_fail("%s", w.text);
    return !rc && foreground ? watch_run(domid) : rc;
}

int cmd_dump_core(struct axl *a, int argc, char **argv)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 2, 2))
        return AXL_USAGE;
    int domid = axl_domain(a, argv[optind]);
    hyp_dominfo d;
    struct why w;
    if (domid < 0)
        return AXL_FAILED;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    bool held = d.flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown);
    if (!held)
        hyp_pause(a->hyp, (uint32_t)domid);
    rc = core_dump(a->hyp, (uint32_t)domid, argv[optind + 1], &w);
    if (!held)
        hyp_unpause(a->hyp, (uint32_t)domid);
    return rc < 0 ? axl_fail("domain '%s': %s", argv[optind], w.text) : AXL_OK;
}
