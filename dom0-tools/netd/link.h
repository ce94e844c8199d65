/*
 * Dom0's side of an interface: a tap device in a bridge. Needs CAP_NET_ADMIN.
 *
 * The tap is persistent: it outlives the daemon, so that the bridge keeps its port when the daemon
 * is started again. A bridge that is not there is made, and goes with the last interface that was
 * put into it by us; one that somebody else made is left as it is.
 */
#ifndef NETD_LINK_H
#define NETD_LINK_H

#include "base/bits.h"

struct link_spec {
    const char *name, *bridge;
    uint32_t mtu; /* 0: the bridge's or the default */
    bool multi_queue;
};

/* Remembers bridges made by us in files of this folder. */
void link_open(const char *dir);
/* Makes what is not there yet, and sets it up. 0, or -errno with a sentence. */
int link_make(const struct link_spec *l, char *why, size_t room) NODISCARD;
void link_delete(const char *name, const char *bridge);

/* Another descriptor of the tap, one for each queue, with virtio_net_hdr's. Or -errno. */
int link_tap(const char *name, bool multi_queue) NODISCARD;
/* What the reader of frames can take: complete ones only, or also those with work left to do. */
int link_offload(int tap, bool csum, bool gso_v4, bool gso_v6) NODISCARD;

#endif
