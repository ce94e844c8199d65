/*
 * Taps and bridges (see link.h), by ioctl and netlink.
 */
#include "netd/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char made_dir[160];

void link_open(const char *dir)
{
    snprintf(made_dir, sizeof made_dir, "%s", dir);
}

/* --- taps ------------------------------------------------------------------------------------- */

static int attach(const char *name, bool multi_queue)
{
    struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    if (multi_queue)
        r.ifr_flags |= IFF_MULTI_QUEUE;
    if (strlen(name) >= sizeof r.ifr_name)
        return -ENAMETOOLONG;
    memcpy(r.ifr_name, name, strlen(name) + 1);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ioctl(fd, TUNSETIFF, &r)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int link_tap(const char *name, bool multi_queue)
{
    int size = sizeof(struct virtio_net_hdr), fd = attach(name, multi_queue);
    if (fd >= 0 && ioctl(fd, TUNSETVNETHDRSZ, &size)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int link_offload(int tap, bool csum, bool gso_v4, bool gso_v6)
{
    /* The kernel wants checksums left to us before it leaves segmentation to us. */
    unsigned long flags = csum || gso_v4 || gso_v6 ? TUN_F_CSUM : 0;
    flags |= (gso_v4 ? TUN_F_TSO4 | TUN_F_TSO_ECN : 0) | (gso_v6 ? TUN_F_TSO6 | TUN_F_TSO_ECN : 0);
    return ioctl(tap, TUNSETOFFLOAD, flags) ? -errno : 0;
}

static int make_tap(const struct link_spec *l, char *why, size_t room)
{
    int fd = attach(l->name, l->multi_queue), rc = fd;
    if (fd >= 0) {
        rc = ioctl(fd, TUNSETPERSIST, 1) ? -errno : 0;
        close(fd);
    }
    if (rc < 0)
        snprintf(why, room, "tap %s cannot be made: %s%s", l->name, strerror(-rc),
                 rc == -ENOENT || rc == -ENODEV ? "; is the module tun loaded?" : "");
    return rc < 0 ? rc : 0;
}

/* --- bridges ---------------------------------------------------------------------------------- */

static struct nl_sock *connect_netlink(void)
{
    struct nl_sock *sk = nl_socket_alloc();
    if (sk && nl_connect(sk, NETLINK_ROUTE) < 0) {
        nl_socket_free(sk);
        sk = NULL;
    }
    return sk;
}

static void made_path(char *path, size_t room, const char *bridge)
{
    snprintf(path, room, "%s/bridge-%s", made_dir, bridge);
}

static int set_up(struct nl_sock *sk, struct rtnl_link *link)
{
    struct rtnl_link *up = rtnl_link_alloc();
    if (!up)
        return -NLE_NOMEM;
    rtnl_link_set_flags(up, IFF_UP);
    int rc = rtnl_link_change(sk, link, up, 0);
    rtnl_link_put(up);
    return rc;
}

/* A libnl error, 0 when the bridge is there. */
static int need_bridge(struct nl_sock *sk, const char *bridge)
{
    struct rtnl_link *link;
    char path[200];
    if (if_nametoindex(bridge))
        return 0;
    int rc = rtnl_link_bridge_add(sk, bridge);
    if (rc < 0)
        return rc;
    made_path(path, sizeof path, bridge);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    rc = rtnl_link_get_kernel(sk, 0, bridge, &link);
    if (rc < 0)
        return rc;
    rc = set_up(sk, link);
    rtnl_link_put(link);
    return rc;
}

/* The address that keeps a bridge from taking its own from a guest's interface. */
static int configure(struct nl_sock *sk, struct rtnl_link *tap, uint32_t mtu)
{
    struct rtnl_link *want = rtnl_link_alloc();
    struct nl_addr *mac =
        nl_addr_build(AF_LLC, (uint8_t[6]){0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}, 6);
    int rc = -NLE_NOMEM;
    if (want && mac) {
        rtnl_link_set_addr(want, mac);
        if (mtu)
            rtnl_link_set_mtu(want, mtu);
        rc = rtnl_link_change(sk, tap, want, 0);
    }
    if (want)
        rtnl_link_put(want);
    nl_addr_put(mac);
    return rc;
}

static int join(struct nl_sock *sk, const struct link_spec *l)
{
    struct rtnl_link *tap;
    int rc = rtnl_link_get_kernel(sk, 0, l->name, &tap);
    if (rc < 0)
        return rc;
    rc = configure(sk, tap, l->mtu);
    int master = (int)if_nametoindex(l->bridge);
    if (rc >= 0 && rtnl_link_get_master(tap) != master)
        rc = rtnl_link_enslave_ifindex(sk, master, rtnl_link_get_ifindex(tap));
    if (rc >= 0)
        rc = set_up(sk, tap);
    rtnl_link_put(tap);
    return rc;
}

int link_make(const struct link_spec *l, char *why, size_t room)
{
    int rc = make_tap(l, why, room);
    if (rc)
        return rc;
    struct nl_sock *sk = connect_netlink();
    if (!sk) {
        snprintf(why, room, "no netlink socket");
        return -EIO;
    }
    rc = need_bridge(sk, l->bridge);
    if (rc < 0)
        snprintf(why, room, "bridge %s cannot be made: %s", l->bridge, nl_geterror(rc));
    if (rc >= 0) {
        rc = join(sk, l);
        if (rc < 0)
            snprintf(why, room, "%s cannot join bridge %s: %s", l->name, l->bridge,
                     nl_geterror(rc));
    }
    nl_socket_free(sk);
    return rc < 0 ? -EIO : 0;
}

static bool has_ports(struct nl_sock *sk, int bridge)
{
    struct nl_cache *cache;
    bool any = false;
    if (rtnl_link_alloc_cache(sk, AF_UNSPEC, &cache) < 0)
        return true;
    for (struct nl_object *o = nl_cache_get_first(cache); o; o = nl_cache_get_next(o))
        any |= rtnl_link_get_master((struct rtnl_link *)o) == bridge;
    nl_cache_free(cache);
    return any;
}

static void delete_link(struct nl_sock *sk, const char *name)
{
    struct rtnl_link *link = rtnl_link_alloc();
    if (!link)
        return;
    rtnl_link_set_name(link, name);
    (void)rtnl_link_delete(sk, link); /* it may be gone already */
    rtnl_link_put(link);
}

void link_delete(const char *name, const char *bridge)
{
    char path[200];
    struct nl_sock *sk = connect_netlink();
    if (!sk)
        return;
    delete_link(sk, name);
    made_path(path, sizeof path, bridge);
    if (access(path, F_OK) == 0 && !has_ports(sk, (int)if_nametoindex(bridge))) {
        delete_link(sk, bridge);
        unlink(path);
    }
    nl_socket_free(sk);
}
