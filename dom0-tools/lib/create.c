/* Makes a guest (see create.h). */
#include "lib/create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/build.h"
#include "lib/cons.h"
#include "lib/dev.h"
#include "lib/fault.h"
#include "lib/guest.h"
#include "lib/progress.h"
#include "lib/record.h"

/* The hypervisor's own needs for one domain beyond its memory, generously. */
enum { OVERHEAD_PAGES = 512, SLACK_KIB = 1024 };

static int check_memory(struct hyp *h, uint64_t kib, struct why *w)
{
    struct xen_sysctl_physinfo p;
    int rc = hyp_physinfo(h, &p);
    if (rc < 0)
        return why(w, rc, "cannot learn how much memory is free: %s", strerror(-rc));
    uint64_t free_pages =
        p.free_pages > p.outstanding_pages ? p.free_pages - p.outstanding_pages : 0;
    if ((kib >> 2) + OVERHEAD_PAGES <= free_pages)
        return 0;
    return why(w, -ENOMEM,
               "it needs %llu MiB of memory and %llu MiB are free; stop a guest, or "
               "take memory from one (mem-set)",
               (unsigned long long)(kib >> 10) + 2, (unsigned long long)free_pages >> 8);
}

static int check_name(struct store *s, const char *name, struct why *w)
{
    int id = store_domain_named(s, name);
    if (id >= 0)
        return why(w, -EEXIST, "a domain of this name is there already (id %d)", id);
    return id == -ENOENT ? 0 : why(w, id, "cannot read the xenstore: %s", strerror(-id));
}

int create_check(struct hyp *h, struct store *s, const struct gconf *g, struct why *w)
{
    int rc = check_name(s, g->name, w);
    if (!rc)
        rc = check_memory(h, g->target_kib, w);
    return rc ? rc : dev_check(s, g, w);
}

/* --- the domain ----------------------------------------------------------------------------- */

static int pin_vcpus(struct hyp *h, const struct gconf *g, uint32_t domid, struct why *w)
{
    if (!g->nr_hard && !g->nr_soft)
        return 0;
    int cpus = hyp_nr_cpus(h);
    if (cpus < 0)
        return why(w, cpus, "cannot learn the number of cpus");
    for (uint32_t v = 0; v < g->max_vcpus; v++) {
        const uint8_t *hard = v < g->nr_hard ? g->hard[v].bits : NULL;
        const uint8_t *soft = v < g->nr_soft ? g->soft[v].bits : NULL;
        int rc = hard || soft ? hyp_set_affinity(h, domid, v, hard, soft, (uint32_t)cpus) : 0;
        if (rc < 0)
            return why(w, rc, "cannot pin vcpu %u (cpus=): %s; this machine has cpus 0 to %d", v,
                       strerror(-rc), cpus - 1);
    }
    return 0;
}

static int set_weight(struct hyp *h, const struct gconf *g, uint32_t domid, struct why *w)
{
    struct xen_domctl_sched_credit2 p = {0};
    if (g->weight < 0 && g->cap < 0)
        return 0;
    int rc = hyp_credit2(h, domid, false, &p);
    if (rc >= 0) {
        if (g->weight > 0)
            p.weight = (uint16_t)g->weight;
        if (g->cap >= 0)
            p.cap = (uint16_t)g->cap;
        rc = hyp_credit2(h, domid, true, &p);
    }
    return rc < 0 ? why(w, rc, "cannot set its weight and cap: %s", strerror(-rc)) : 0;
}

static int set_memory_map(struct hyp *h, const struct gconf *g, uint32_t domid, struct why *w)
{
    struct {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) *e = hyp_lend(h, 20);
    if (!e)
        return why(w, -ENOMEM, "out of memory");
    e->addr = 0;
    e->size = g->max_kib << 10;
    e->type = 1;
    struct xen_foreign_memory_map f = {.domid = (domid_t)domid, .map.nr_entries = 1};
    set_xen_guest_handle(f.map.buffer, (void *)e);
    long rc = hyp_memory(h, XENMEM_set_memory_map, &f, sizeof f);
    hyp_unlend(h, e);
    return rc < 0 ? why(w, (int)rc, "cannot set its memory map: %s", strerror((int)-rc)) : 0;
}

static int set_tsc(struct hyp *h, const struct gconf *g, uint32_t domid, struct why *w)
{
    struct xen_domctl_tsc_info t = {.tsc_mode = g->tsc == TSC_NATIVE_PARAVIRT ? 3 : g->tsc};
    int rc = hyp_set_tsc(h, domid, &t);
    return rc < 0 ? why(w, rc, "cannot set tsc_mode: %s", strerror(-rc)) : 0;
}

static int set_clock(struct hyp *h, const struct gconf *g, uint32_t domid, struct why *w)
{
    const time_t now = time(NULL);
    struct tm here = {0};
    if (g->localtime)
        localtime_r(&now, &here);
    const int64_t offset = g->rtc_offset + here.tm_gmtoff;
    int rc = offset ? hyp_time_offset(h, domid, offset) : 0;
    return rc < 0 ? why(w, rc, "cannot set its clock: %s", strerror(-rc)) : 0;
}

static int equip(struct hyp *h, const struct gconf *g, struct newborn *n, struct why *w)
{
    int rc = hyp_max_vcpus(h, n->domid, g->max_vcpus);
    if (rc < 0)
        return why(w, rc, "cannot give it %u vcpus: %s", g->max_vcpus, strerror(-rc));
    if ((rc = FAULT(w)) || (rc = pin_vcpus(h, g, n->domid, w)) ||
        (rc = set_weight(h, g, n->domid, w)))
        return rc;
    rc = hyp_max_mem(h, n->domid, g->target_kib + SLACK_KIB);
    if (rc < 0)
        return why(w, rc, "cannot set its memory limit: %s", strerror(-rc));
    if ((rc = set_memory_map(h, g, n->domid, w)) || (rc = set_tsc(h, g, n->domid, w)) ||
        (rc = set_clock(h, g, n->domid, w)) || (rc = FAULT(w)))
        return rc;
    if ((rc = hyp_start_policy(h, n->domid, &g->cpuid, w)) < 0)
        return rc;
    int store_port = hyp_evtchn_unbound(h, n->domid, 0);
    int console_port = store_port < 0 ? store_port : hyp_evtchn_unbound(h, n->domid, 0);
    if (console_port < 0)
        return why(w, console_port, "cannot make its event channels: %s", strerror(-console_port));
    n->store_port = (uint32_t)store_port;
    n->console_port = (uint32_t)console_port;
    return FAULT(w);
}

int create_domain(struct hyp *h, const struct gconf *g, struct newborn *n, struct why *w)
{
    struct xen_domctl_createdomain c = {
        .max_vcpus = g->max_vcpus,
        .max_evtchn_port = g->event_channels > 0 ? (uint32_t)g->event_channels : 1023,
        .max_grant_frames = (int32_t)g->max_grant_frames,
        .max_maptrack_frames = (int32_t)g->max_maptrack_frames,
        .grant_opts = XEN_DOMCTL_GRANT_version(g->max_grant_version > 0 ? g->max_grant_version : 1),
    };
    memset(n, 0, sizeof *n);
    memcpy(c.handle, g->uuid, 16);
    n->domid = 0;
    int rc = hyp_create(h, &c, &n->domid);
    if (rc < 0)
        return why(w, rc, "the hypervisor makes no domain: %s", strerror(-rc));
    rc = equip(h, g, n, w);
    if (rc)
        hyp_destroy(h, n->domid);
    return rc;
}

/* --- the xenstore --------------------------------------------------------------------------- */

/* Nodes that the guest itself may change; all else below its home it can only read. */
static const char *const guests_own[] = {"device/suspend/event-channel",
                                         "control/shutdown",
                                         "control/feature-poweroff",
                                         "control/feature-reboot",
                                         "control/feature-suspend",
                                         "control/sysrq",
                                         "data",
                                         "drivers",
                                         "feature",
                                         "attr",
                                         "error"};

static void put_home(struct store *s, const struct gconf *g, const struct newborn *n,
                     const char *uuid)
{
    const uint32_t d = n->domid;
    store_at(s, "/local/domain/%u", d);
    store_mkdir(s, "");
    store_perms(s, "", 0, 'n', (int)d);
    store_put(s, "vm", "/vm/%s", uuid);
    store_put(s, "name", "%s", g->name);
    store_put(s, "domid", "%u", d);
    store_put(s, "memory/static-max", "%llu", (unsigned long long)g->max_kib);
    store_put(s, "memory/target", "%llu", (unsigned long long)g->target_kib);
    store_put(s, "memory/videoram", "0");
    for (uint32_t v = 0; v < g->max_vcpus; v++) {
        char key[40];
        snprintf(key, sizeof key, "cpu/%u/availability", v);
        store_put(s, key, v < g->vcpus ? "online" : "offline");
    }
    for (size_t i = 0; i < sizeof guests_own / sizeof guests_own[0]; i++) {
        store_mkdir(s, guests_own[i]);
        store_perms(s, guests_own[i], d, 'n', -1);
    }
    store_put(s, "control/platform-feature-multiprocessor-suspend", "1");
    store_put(s, "control/platform-feature-xs_reset_watches", "1");
    store_put(s, "store/port", "%u", n->store_port);
    store_put(s, "store/ring-ref", "%llu", (unsigned long long)n->store_mfn);
}

static void put_console(struct store *s, const struct newborn *n)
{
    const uint32_t d = n->domid;
    store_at(s, "/local/domain/%u/console", d);
    store_put(s, "backend", "/local/domain/0/backend/console/%u/0", d);
    store_put(s, "backend-id", "0");
    store_put(s, "limit", "1048576");
    store_put(s, "type", "xenconsoled");
    store_put(s, "output", "pty");
    store_put(s, "tty", "%s", "");
    store_put(s, "port", "%u", n->console_port);
    store_put(s, "ring-ref", "%llu", (unsigned long long)n->console_mfn);
    /* libxl finds a console by these; a stock `xl` may be asked for this guest's. */
    for (int noted = 0; noted < 2; noted++) {
        if (noted)
            store_at(s, "/libxl/%u/device/console/0", d);
        else {
            store_at(s, "/local/domain/0/backend/console/%u/0", d);
            store_mkdir(s, "");
            store_perms(s, "", 0, 'n', (int)d);
        }
        if (noted)
            store_put(s, "backend", "/local/domain/0/backend/console/%u/0", d);
        store_put(s, "frontend", "/local/domain/%u/console", d);
        store_put(s, "frontend-id", "%u", d);
        store_put(s, "online", "1");
        /* Not 1 in the back-end: dom0's kernel would make a device of it that nothing drives, and
           walk all of those at each change below its back-ends. */
        store_put(s, "state", noted ? "1" : "4");
        store_put(s, "protocol", "vt100");
    }
}

static void put_vm(struct store *s, const struct gconf *g, const struct newborn *n,
                   const char *uuid)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    store_at(s, "/vm/%s", uuid);
    store_mkdir(s, "");
    store_perms(s, "", 0, 'n', (int)n->domid);
    store_put(s, "name", "%s", g->name);
    store_put(s, "uuid", "%s", uuid);
    store_put(s, "image/ostype", "linux");
    if (g->kernel)
        store_put(s, "image/kernel", "%s", g->kernel);
    if (g->ramdisk)
        store_put(s, "image/ramdisk", "%s", g->ramdisk);
    if (g->cmdline)
        store_put(s, "image/cmdline", "%s", g->cmdline);
    store_put(s, "start_time", "%lld.%02ld", (long long)t.tv_sec, t.tv_nsec / 10000000);
    store_at(s, "/libxl/%u", n->domid);
    store_put(s, "type", "pv");
    store_put(s, "dm-version", "qemu_xen");
}

static void uuid_text(const uint8_t u[16], char out[37])
{
    char *p = out;
    for (int i = 0; i < 16; i++)
        p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

int create_publish(struct hyp *h, struct store *s, const struct gconf *g, const struct newborn *n,
                   struct why *w)
{
    char uuid[37];
    uuid_text(g->uuid, uuid);
    int rc = build_grants(h, n->domid, n->console_mfn, n->store_mfn, w);
    if (rc || (rc = FAULT(w)))
        return rc;
    put_home(s, g, n, uuid);
    put_vm(s, g, n, uuid);
    put_console(s, n);
    rc = store_commit(s, false, w);
    if (rc || (rc = FAULT(w)))
        return rc;
    if (g->nr_disks || g->nr_nics) {
        /* Even half of them: from their nodes the clean-up knows what to let go of. */
        struct why second;
        rc = dev_prepare(s, n->domid, g, w);
        int rc2 = store_commit(s, true, rc ? &second : w);
        rc = rc ? rc : rc2;
    }
    if (rc || (rc = FAULT(w)))
        return rc;
    rc = store_introduce(s, n->domid, n->store_mfn, n->store_port);
    if (rc < 0)
        return why(w, rc, "xenstored does not take it in: %s", strerror(-rc));
    if ((rc = FAULT(w)) || (rc = dev_connect(s, n->domid, g, w)) || (rc = FAULT(w)))
        return rc;
    rc = record_write(n->domid, g, w);
    return rc ? rc : FAULT(w);
}

/* --- all of it ------------------------------------------------------------------------------ */

static int claim(struct hyp *h, uint32_t domid, uint64_t pages, struct why *w)
{
    int rc = hyp_claim(h, domid, pages);
    if (rc == -ENOSYS || rc == -EOPNOTSUPP || rc >= 0)
        return 0;
    return why(w, rc, "the hypervisor has not %llu MiB free any more: %s",
               (unsigned long long)pages >> 8, strerror(-rc));
}

static int build_all(struct hyp *h, struct store *s, const struct gconf *g, struct build *b,
                     struct newborn *n, struct why *w)
{
    progress_stage(g->name, "giving it memory");
    int rc = claim(h, n->domid, b->pages, w);
    if (!rc)
        rc = build_populate(h, b, w);
    hyp_claim(h, n->domid, 0);
    if (!rc)
        rc = FAULT(w);
    progress_stage(g->name, "loading it");
    if (!rc)
        rc = build_fill(h, b, w);
    if (rc)
        return rc;
    n->store_mfn = b->store_mfn;
    n->console_mfn = b->console_mfn;
    progress_stage(g->name, g->nr_disks || g->nr_nics ? "waiting for its devices" : "naming it");
    return create_publish(h, s, g, n, w);
}

int create_guest(struct hyp *h, struct store *s, const struct gconf *g, uint32_t *domid,
                 struct why *w)
{
    struct newborn n;
    struct build b = {.pages = g->target_kib >> 2, .cmdline = g->cmdline};
    progress_stage(g->name, "reading its kernel");
    int rc = create_check(h, s, g, w);
    if (!rc)
        rc = build_plan(&b, g->kernel, g->ramdisk, w);
    if (!rc)
        rc = create_domain(h, g, &n, w);
    if (rc) {
        build_free(&b);
        progress_stage(g->name, NULL);
        return rc;
    }
    b.domid = n.domid;
    b.store_port = n.store_port;
    b.console_port = n.console_port;
    rc = build_all(h, s, g, &b, &n, w);
    build_free(&b);
    progress_stage(g->name, NULL);
    if (rc) {
        struct why ignored;
        guest_destroy(h, s, n.domid, &ignored);
        return rc;
    }
    cons_ready(n.domid); /* its first byte is then kept, also if it is its last */
    *domid = n.domid;
    return 0;
}
