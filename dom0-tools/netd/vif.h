/*
 * An interface as the store describes it, and its process.
 */
#ifndef NETD_VIF_H
#define NETD_VIF_H

#include "dkit/device.h"

struct vif_options {
    const char *state_dir;
    unsigned max_queues; /* 1 to KEPT_QUEUES */
    bool no_confine;
};

/* Serves backend/netd from now on. 0 or -errno. */
int vifs_start(const struct vif_options *o) NODISCARD;

#endif
