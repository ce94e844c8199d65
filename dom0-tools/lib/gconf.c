/* What a guest is to be: defaults, completion, and the small texts in it (see gconf.h). Pure. */
#include "lib/gconf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const char *const gconf_action_names[ACTION_NR] = {
    "destroy",          "restart",          "rename-restart", "preserve",
    "coredump-destroy", "coredump-restart", "soft-reset"};
const char *const gconf_tsc_names[TSC_NR] = {"default", "always_emulate", "native",
                                             "native_paravirt"};

void gconf_init(struct gconf *g)
{
    memset(g, 0, sizeof *g);
    g->vcpus = 1;
    g->weight = g->cap = -1;
    g->event_channels = g->max_grant_frames = g->max_maptrack_frames = -1;
    g->max_grant_version = -1;
    g->on_poweroff = ACTION_DESTROY;
    g->on_reboot = ACTION_RESTART;
    g->on_watchdog = ACTION_DESTROY;
    g->on_crash = ACTION_DESTROY;
    g->on_soft_reset = ACTION_SOFT_RESET;
}

void gconf_disk_free(struct gconf_disk *d)
{
    free(d->path);
    free(d->vdev);
    free(d->script);
    free(d->backend_name);
    memset(d, 0, sizeof *d);
}

void gconf_nic_free(struct gconf_nic *n)
{
    free(n->bridge);
    free(n->ip);
    free(n->script);
    free(n->ifname);
    free(n->backend_name);
    memset(n, 0, sizeof *n);
}

void gconf_free(struct gconf *g)
{
    free(g->name);
    free(g->pool);
    free(g->hard);
    free(g->soft);
    free(g->kernel);
    free(g->ramdisk);
    free(g->cmdline);
    for (uint32_t i = 0; i < g->nr_disks; i++)
        gconf_disk_free(&g->disk[i]);
    for (uint32_t i = 0; i < g->nr_nics; i++)
        gconf_nic_free(&g->nic[i]);
    memset(g, 0, sizeof *g);
}

/* --- small texts ---------------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool gconf_uuid_parse(const char *text, uint8_t out[16])
{
    for (int i = 0; i < 16; i++) {
        if (*text == '-' && i)
            text++;
        int a = hex(text[0]), b = a < 0 ? -1 : hex(text[1]);
        if (b < 0)
            return false;
        out[i] = (uint8_t)(a << 4 | b);
        text += 2;
    }
    return !*text;
}

bool gconf_mac_parse(const char *text, uint8_t out[6])
{
    for (int i = 0; i < 6; i++) {
        int a = hex(text[0]), b = a < 0 ? -1 : hex(text[1]);
        if (b < 0)
            return false;
        out[i] = (uint8_t)(a << 4 | b);
        text += 2;
        if (i < 5 && *text++ != ':')
            return false;
    }
    return !*text;
}

/* "a".."z", "aa".. as disks are counted; moves *p. -1: no letters or too many. */
static long disk_letters(const char **p)
{
    long n = 0;
    const char *start = *p;
    for (; **p >= 'a' && **p <= 'z'; (*p)++) {
        n = n * 26 + (**p - 'a' + 1);
        if (n > (1 << 20))
            return -1;
    }
    return *p == start ? -1 : n - 1;
}

/* An optional decimal number up to the end of the text. */
static bool partition(const char *p, long *out)
{
    *out = 0;
    for (; *p; p++) {
        if (!isdigit((unsigned char)*p) || *out > 1 << 20)
            return false;
        *out = *out * 10 + (*p - '0');
    }
    return true;
}

/*
 * The numbers of xen-vbd-interface(7): xvd 202 with 16 partitions for the first 16 disks, beyond
 * that bit 28 and 256 partitions; sd 8, hd 3 and 22; dNpM and plain numbers as they are.
 */
long gconf_vdev_number(const char *vdev)
{
    const char *p = vdev;
    long disk, part;
    if (isdigit((unsigned char)p[0])) {
        char *end;
        errno = 0;
        unsigned long n = strtoul(p, &end, 0);
        return *end || errno || n > 0x1fffffff ? -1 : (long)n;
    }
    if (p[0] == 'd' && isdigit((unsigned char)p[1])) {
        char *end;
        disk = strtol(p + 1, &end, 10);
        if (disk > (1 << 20) || (*end && *end != 'p') || (*end == 'p' && !end[1]))
            return -1;
        if (!partition(*end ? end + 1 : end, &part))
            return -1;
        return disk < 16 && part < 16           ? (202 << 8) | disk << 4 | part
               : disk < (1 << 20) && part < 256 ? (1 << 28) | disk << 8 | part
                                                : -1;
    }
    bool xvd = strncmp(p, "xvd", 3) == 0;
    if (!xvd && strncmp(p, "sd", 2) != 0 && strncmp(p, "hd", 2) != 0)
        return -1;
    char kind = xvd ? 'x' : p[0];
    p += xvd ? 3 : 2;
    disk = disk_letters(&p);
    if (disk < 0 || !partition(p, &part))
        return -1;
    if (kind == 'x')
        return disk < 16 && part < 16           ? (202 << 8) | disk << 4 | part
               : disk < (1 << 20) && part < 256 ? (1 << 28) | disk << 8 | part
                                                : -1;
    if (kind == 's')
        return disk < 16 && part < 16 ? (8 << 8) | disk << 4 | part : -1;
    return disk < 4 && part < 64 ? ((disk < 2 ? 3 : 22) << 8) | (disk & 1) << 6 | part : -1;
}

/* --- completion ----------------------------------------------------------------------------- */

static int pick_identities(struct gconf *g, struct why *w)
{
    uint8_t r[16 + 3 * GCONF_NICS];
    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        return why(w, -EIO, "the system gives no random numbers");
    if (!g->uuid_set) {
        memcpy(g->uuid, r, 16);
        g->uuid[6] = (uint8_t)((g->uuid[6] & 0x0f) | 0x40);
        g->uuid[8] = (uint8_t)((g->uuid[8] & 0x3f) | 0x80);
        g->uuid_set = true;
    }
    for (uint32_t i = 0; i < g->nr_nics; i++) {
        struct gconf_nic *n = &g->nic[i];
        if (!n->mac_set) {
            /* Xen's own range of addresses. */
            memcpy(
                n->mac,
                (uint8_t[6]){0x00, 0x16, 0x3e, r[16 + 3 * i] & 0x7f, r[17 + 3 * i], r[18 + 3 * i]},
                6);
            n->mac_set = true;
        }
        if (n->devid < 0)
            n->devid = (int)i;
    }
    return 0;
}

static int check_disks(const struct gconf *g, struct why *w)
{
    for (uint32_t i = 0; i < g->nr_disks; i++)
        for (uint32_t k = 0; k < i; k++)
            if (gconf_vdev_number(g->disk[i].vdev) == gconf_vdev_number(g->disk[k].vdev))
                return why(w, -EINVAL, "two disks are called %s; give each its own vdev",
                           g->disk[i].vdev);
    return 0;
}

int gconf_complete(struct gconf *g, bool need_kernel, struct why *w)
{
    if (!g->name)
        return why(w, -EINVAL, "name= is missing");
    if (!g->name[0] || strlen(g->name) > 255 || strchr(g->name, '/'))
        return why(w, -EINVAL, "name '%s' must have 1 to 255 characters and no '/'", g->name);
    if (need_kernel && !g->kernel)
        return why(w, -EINVAL,
                   "kernel= is missing: a PV guest boots from a kernel file in dom0 "
                   "(a pvgrub image, to boot from the guest's own disk)");
    if (!g->target_kib && !g->max_kib)
        g->target_kib = 32 << 10;
    if (!g->max_kib)
        g->max_kib = g->target_kib;
    if (!g->target_kib)
        g->target_kib = g->max_kib;
    if (g->target_kib > g->max_kib)
        return why(w, -EINVAL, "memory=%llu is more than maxmem=%llu",
                   (unsigned long long)g->target_kib >> 10, (unsigned long long)g->max_kib >> 10);
    if (g->max_kib > (1ull << 34))
        return why(w, -EINVAL, "memory: at most 16 TiB");
    if (!g->max_vcpus)
        g->max_vcpus = g->vcpus;
    if (!g->vcpus || g->vcpus > g->max_vcpus || g->max_vcpus > GCONF_VCPUS)
        return why(w, -EINVAL,
                   "vcpus=%u with maxvcpus=%u: must be 1 to %d, vcpus not above "
                   "maxvcpus",
                   g->vcpus, g->max_vcpus, GCONF_VCPUS);
    if (g->cmdline && strlen(g->cmdline) > 1023)
        return why(w, -EINVAL, "the kernel's command line has %zu characters; 1023 fit",
                   strlen(g->cmdline));
    int rc = check_disks(g, w);
    return rc ? rc : pick_identities(g, w);
}
