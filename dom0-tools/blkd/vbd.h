/*
 * Guests' disks: what argon-blkd's monitor knows of each, and its process.
 */
#ifndef BLKD_VBD_H
#define BLKD_VBD_H

#include "base/bits.h"

struct vbd_options {
    const char *state_dir; /* where the disks' state files are */
    unsigned max_queues, max_order;
    bool no_confine;
};

/* Watches the back-end's nodes and takes care of what is there already. 0 or -errno. */
int vbds_start(const struct vbd_options *o) NODISCARD;

#endif
