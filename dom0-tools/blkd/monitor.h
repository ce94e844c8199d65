/*
 * The devices in the xenstore, and a process for each.
 */
#ifndef BLKD_MONITOR_H
#define BLKD_MONITOR_H

#include "base/bits.h"

struct monitor_options {
    const char *state_dir; /* where the devices' state files are */
    unsigned max_queues, max_order;
    bool no_confine;
};

/* Watches the back-end's nodes and takes care of what is there already. 0 or -errno. */
int monitor_start(const struct monitor_options *o) NODISCARD;

#endif
