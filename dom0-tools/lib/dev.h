/*
 * A guest's devices, with the kernel's back-ends (blkback, netback) or Argon's: made, listed, taken
 * away.
 *
 * What the stock hotplug scripts do is done here by ioctl and netlink, unless the configuration
 * names a script. Which devices there are is read from /libxl/DOMID/device, which no guest and no
 * back-end can write.
 */
#ifndef LIB_DEV_H
#define LIB_DEV_H

#include "lib/gconf.h"
#include "lib/store.h"

enum { DEV_WAIT_MS = 10000, DEV_SCRIPT_MS = 40000 };

/* --- both kinds, for create ----------------------------------------------------------------- */

/* Can these devices be made (files there and not in use, bridges there)? Changes nothing. */
int dev_check(struct store *s, const struct gconf *g, struct why *w);

/*
 * Opens what the disks need (loop devices) and puts the nodes of all devices of a new domain into
 * the store's batch, which the caller commits as one transaction.
 */
int dev_prepare(struct store *s, uint32_t domid, const struct gconf *g, struct why *w);

/* After the commit: waits for the back-ends and joins the vifs to their bridges. */
int dev_connect(struct store *s, uint32_t domid, const struct gconf *g, struct why *w);

/* --- one device ----------------------------------------------------------------------------- */

int blk_check(struct store *s, const struct gconf_disk *d, struct why *w);
int blk_prepare(struct store *s, uint32_t domid, const struct gconf_disk *d, struct why *w);
int blk_connect(struct store *s, uint32_t domid, const struct gconf_disk *d, struct why *w);
/* Lets go of the loop device that a back-end's nodes name, if it is one for a file. */
void blk_release(const char *node, const char *params);

int net_check(const struct gconf_nic *n, struct why *w);
int net_prepare(struct store *s, uint32_t domid, const struct gconf_nic *n, struct why *w);
int net_connect(struct store *s, uint32_t domid, const struct gconf_nic *n, struct why *w);

/* Next free number for a vif of the domain. */
int net_next_devid(struct store *s, uint32_t domid);

/* The back-end's folder, as axl's own note of the device tells (or the kernel's, if none does). */
void dev_backend(struct store *s, const char *kind, uint32_t domid, int devid,
                 char path[STORE_PATH]);

/* Removes one device. Without force the guest must agree within DEV_WAIT_MS (-ETIMEDOUT). */
int dev_remove(struct store *s, uint32_t domid, const char *kind, int devid, bool force,
               struct why *w);
int dev_remove_all(struct store *s, uint32_t domid, struct why *w);

/* --- helpers of the files dev_*.c ----------------------------------------------------------- */

/* Waits until the back-end's state is `state` (or 6, or gone, which counts as 6). */
int dev_await_state(struct store *s, uint32_t domid, const char *kind, int devid, int state,
                    struct why *w);
/* Runs a hotplug script for a back-end and waits for its word (hotplug-status). */
int dev_script(struct store *s, const char *script, const char *action, const char *kind,
               uint32_t domid, int devid, const char *vif, struct why *w);
/*
 * The nodes that all kinds share: front-end, back-end, and axl's own note of them. `kind` is the
 * front-end's folder (vbd, vif), `served` the back-end's, which says who serves it: the same name
 * is the kernel, "blkd" argon-blkd. Puts what follows into the back-end's folder.
 */
void dev_put_common(struct store *s, uint32_t domid, const char *kind, const char *served,
                    int devid, bool trusted);

#endif
