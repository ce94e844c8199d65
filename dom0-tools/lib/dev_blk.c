/*
 * Virtual disks. Argon's back-end serves files and NBD exports as they are; the kernel's blkback
 * block devices, and files through /dev/loopN where argon-blkd does not run or is not wanted.
 */
#include "lib/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/daemons.h"

#include "abi/abi.h"
#include <xen/io/xenbus.h>

#define BLKD "argon-blkd"

/* nbd://HOST/EXPORT, nbd+unix:///EXPORT?socket=PATH, ... */
static bool is_nbd(const struct gconf_disk *d)
{
    return d->path && strncmp(d->path, "nbd", 3) == 0 && strstr(d->path, "://");
}

/*
 * Whose disk is it: argon-blkd's, or the kernel's? A file that names no back-end is argon-blkd's
 * where that runs. It is not started for it: a dom0 with stock daemons stays as it is.
 */
static bool by_blkd(const struct gconf_disk *d)
{
    struct stat st;
    if (d->script || d->backend == BACKEND_PHY)
        return false;
    if (d->backend == BACKEND_ARGON || is_nbd(d))
        return true;
    return d->path && stat(d->path, &st) == 0 && S_ISREG(st.st_mode) && daemon_running(BLKD);
}

static int stat_target(const struct gconf_disk *d, struct stat *st, struct why *w)
{
    if (!d->path)
        return why(w, -EINVAL,
                   "disk %s: an empty drive is not supported for PV guests; name a "
                   "target",
                   d->vdev);
    if (stat(d->path, st) < 0)
        return why(w, -errno, "disk %s: '%s': %s", d->vdev, d->path, strerror(errno));
    if (!S_ISBLK(st->st_mode) && !S_ISREG(st->st_mode))
        return why(w, -EINVAL, "disk %s: '%s' is neither a file nor a block device", d->vdev,
                   d->path);
    if (S_ISREG(st->st_mode) && st->st_size < 512)
        return why(w, -EINVAL, "disk %s: '%s' is empty", d->vdev, d->path);
    return 0;
}

/* Is this back-end's target the same file, device or export? */
static bool same_target(const char *params, const struct gconf_disk *d)
{
    struct stat st, other;
    if (strcmp(params, d->path) == 0)
        return true;
    if (stat(params, &other) || stat(d->path, &st))
        return false;
    return S_ISBLK(st.st_mode) ? S_ISBLK(other.st_mode) && other.st_rdev == st.st_rdev
                               : other.st_dev == st.st_dev && other.st_ino == st.st_ino;
}

static int check_device(struct store *s, const char *back, const char *dom,
                        const struct gconf_disk *d, struct why *w)
{
    int rc = 0;
    char *params = store_read(s, "%s/params", back);
    if (params && same_target(params, d)) {
        char *mode = store_read(s, "%s/mode", back);
        if (d->readwrite || (mode && strchr(mode, 'w')))
            rc = why(w, -EBUSY,
                     "disk %s: '%s' is a disk of domain %s already, and one of the two may write "
                     "to it",
                     d->vdev, d->path, dom);
        free(mode);
    }
    free(params);
    return rc;
}

/* A writable disk in two guests ends in a broken file system: refused, as the scripts do. */
static int check_sharing(struct store *s, const struct gconf_disk *d, const char *served,
                         struct why *w)
{
    unsigned nr_doms, nr_devs;
    int rc = 0;
    char back[STORE_PATH];
    char **doms = store_list(s, &nr_doms, "/local/domain/0/backend/%s", served);
    for (unsigned i = 0; !rc && i < nr_doms; i++) {
        char **devs = store_list(s, &nr_devs, "/local/domain/0/backend/%s/%s", served, doms[i]);
        for (unsigned k = 0; !rc && k < nr_devs; k++) {
            snprintf(back, sizeof back, "/local/domain/0/backend/%s/%s/%s", served, doms[i],
                     devs[k]);
            rc = check_device(s, back, doms[i], d, w);
        }
        free(devs);
    }
    free(doms);
    return rc;
}

int blk_check(struct store *s, const struct gconf_disk *d, struct why *w)
{
    struct stat st;
    if (d->script)
        return 0;
    int rc = is_nbd(d) ? 0 : stat_target(d, &st, w);
    if (!rc && is_nbd(d) && d->backend == BACKEND_PHY)
        rc = why(w, -EINVAL, "disk %s: '%s': an NBD export needs backendtype=argon", d->vdev,
                 d->path);
    if (!rc && by_blkd(d))
        rc = daemon_need(BLKD, w);
    if (!rc)
        rc = check_sharing(s, d, "vbd", w);
    return rc ? rc : check_sharing(s, d, "blkd", w);
}

/* --- loop devices --------------------------------------------------------------------------- */

static int loop_try(int control, int file, const struct gconf_disk *d, char node[32])
{
    int n = ioctl(control, LOOP_CTL_GET_FREE);
    if (n < 0)
        return -errno;
    snprintf(node, 32, "/dev/loop%d", n);
    int loop = open(node, (d->readwrite ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (loop < 0)
        return -errno;
    struct loop_config c = {.fd = (uint32_t)file};
    c.info.lo_flags = d->readwrite ? 0 : LO_FLAGS_READ_ONLY;
    snprintf((char *)c.info.lo_file_name, sizeof c.info.lo_file_name, "%s", d->path);
    int rc = ioctl(loop, LOOP_CONFIGURE, &c) < 0 ? -errno : 0;
    close(loop);
    return rc;
}

static int loop_attach(const struct gconf_disk *d, char node[32], struct why *w)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return why(w, -errno, "disk %s: /dev/loop-control: %s; is the module loop loaded?", d->vdev,
                   strerror(errno));
    int file = open(d->path, (d->readwrite ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    int rc = file < 0 ? -errno : -EBUSY;
    /* Another process may take the free one that we were shown. */
    for (int tries = 0; file >= 0 && rc == -EBUSY && tries < 64; tries++)
        rc = loop_try(control, file, d, node);
    if (file >= 0)
        close(file);
    close(control);
    return rc ? why(w, rc, "disk %s: '%s' as a loop device: %s", d->vdev, d->path, strerror(-rc))
              : 0;
}

void blk_release(const char *node, const char *params)
{
    struct stat st;
    if (strncmp(node, "/dev/loop", 9) != 0 || strcmp(node, params) == 0)
        return;
    if (stat(params, &st) == 0 && S_ISBLK(st.st_mode))
        return;
    int fd = open(node, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ioctl(fd, LOOP_CLR_FD);
    close(fd);
}

/* --- nodes ---------------------------------------------------------------------------------- */

static void put_nodes(struct store *s, const struct gconf_disk *d, const char *script,
                      const char *type)
{
    store_put(s, "params", "%s", d->path);
    if (script)
        store_put(s, "script", "%s", script);
    store_put(s, "removable", "%d", d->removable);
    store_put(s, "bootable", "1");
    store_put(s, "dev", "%s", d->vdev);
    store_put(s, "type", "%s", type);
    store_put(s, "mode", d->readwrite ? "w" : "r");
    store_put(s, "device-type", d->cdrom ? "cdrom" : "disk");
    store_put(s, "discard-enable", "%d", d->discard_set ? d->discard : d->readwrite);
    store_put(s, "specification", "xen");
    if (d->direct_io_safe)
        store_put(s, "direct-io-safe", "1");
}

static void put_front(struct store *s, uint32_t domid, int devid, const struct gconf_disk *d)
{
    store_at(s, "/local/domain/%u/device/vbd/%d", domid, devid);
    store_put(s, "virtual-device", "%d", devid);
    store_put(s, "device-type", d->cdrom ? "cdrom" : "disk");
}

static void prepare_blkd(struct store *s, uint32_t domid, int devid, const struct gconf_disk *d)
{
    dev_put_common(s, domid, "vbd", "blkd", devid, !d->untrusted);
    put_nodes(s, d, NULL, "argon");
    store_at(s, "/libxl/%u/device/vbd/%d", domid, devid);
    put_nodes(s, d, NULL, "argon");
    put_front(s, domid, devid, d);
}

int blk_prepare(struct store *s, uint32_t domid, const struct gconf_disk *d, struct why *w)
{
    int devid = (int)gconf_vdev_number(d->vdev);
    const char *script = d->script ? d->script : "/etc/xen/scripts/block";
    char node[32] = "";
    struct stat st = {0};
    if (by_blkd(d)) {
        prepare_blkd(s, domid, devid, d);
        return 0;
    }
    int rc = d->script ? 0 : stat_target(d, &st, w);
    if (!rc && !d->script && S_ISREG(st.st_mode)) {
        rc = loop_attach(d, node, w);
        if (!rc && stat(node, &st) < 0)
            rc = why(w, -errno, "disk %s: %s: %s", d->vdev, node, strerror(errno));
    }
    if (rc)
        return rc;
    dev_put_common(s, domid, "vbd", "vbd", devid, !d->untrusted);
    put_nodes(s, d, script, "phy");
    if (!d->script) {
        if (node[0])
            store_put(s, "node", "%s", node);
        store_put(s, "physical-device-path", "%s", node[0] ? node : d->path);
        store_put(s, "physical-device", "%x:%x", major(st.st_rdev), minor(st.st_rdev));
        store_put(s, "hotplug-status", "connected");
    }
    store_at(s, "/libxl/%u/device/vbd/%d", domid, devid);
    put_nodes(s, d, script, "phy");
    if (d->script)
        store_put(s, "script-used", "%s", script);
    put_front(s, domid, devid, d);
    return 0;
}

int blk_connect(struct store *s, uint32_t domid, const struct gconf_disk *d, struct why *w)
{
    int devid = (int)gconf_vdev_number(d->vdev);
    int rc = dev_await_state(s, domid, "vbd", devid, XenbusStateInitWait, w);
    if (!rc && d->script)
        rc = dev_script(s, d->script, "add", "vbd", domid, devid, NULL, w);
    return rc ? why_in(w, rc, "disk %s", d->vdev) : 0;
}
