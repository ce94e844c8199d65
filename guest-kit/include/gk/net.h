/*
 * The network as a whole. Programs use sockets (<sys/socket.h>), which start it by themselves.
 *
 * Interface N is `device/vif/N`. It takes its address from the first of these that is there: the
 * word `ip=ADDRESS/BITS` of the command line (`ipN=` for another interface than 0), with `gw=` and
 * `dns=` beside it; the `ip` of the guest's configuration (`vif = [ "ip=..." ]`), of which the
 * first address counts, with /24 unless it says otherwise; DHCP.
 * The word `net.queues=N` asks the back-end for up to N queues; the default is one, as all of the
 * kit's threads are on one vCPU.
 */
#ifndef GK_NET_H
#define GK_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts it, once; later calls do nothing. 0; -XEN_ENOMEM, or xenstore's errors (<gk/xenbus.h>,
 * -XEN_ENOSYS in a control domain): call it again. May block. */
int gk_net_start(void);

/* Waits until an interface has an address and its link is up. False: the deadline came first. May
 * block. */
bool gk_net_wait(uint64_t deadline);

struct gk_net_info {
    uint8_t mac[6];
    bool up;                        /* connected to a back-end, with an address */
    uint32_t address, mask, router; /* network byte order; 0: none */
    uint64_t rx_packets, tx_packets, rx_dropped, tx_dropped;
};
/* About the interface of that number, as it is now, into the caller's *info. -XEN_ENOENT: no such
 * interface. */
int gk_net_info(unsigned int number, struct gk_net_info *info);

#endif
