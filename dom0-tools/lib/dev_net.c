/*
 * Virtual network interfaces: argon-netd's, which brings tap and bridge along by itself, or the
 * kernel's netback's, joined to a bridge by netlink here.
 */
#include "lib/dev.h"

#include <errno.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemons.h"

#include "abi/abi.h"
#include <xen/io/xenbus.h>

#define NETD "argon-netd"

static const char *bridge_of(const struct gconf_nic *n)
{
    return n->bridge ? n->bridge : "xenbr0";
}

/* Whose interface is it: argon-netd's, or the kernel's? */
static bool by_netd(const struct gconf_nic *n)
{
    return !n->script && n->backend == BACKEND_ARGON;
}

int net_check(const struct gconf_nic *n, struct why *w)
{
    if (n->ifname && strlen(n->ifname) >= IFNAMSIZ)
        return why(w, -EINVAL, "vif %d: vifname '%s' is longer than %d characters", n->devid,
                   n->ifname, IFNAMSIZ - 1);
    if (strlen(bridge_of(n)) >= IFNAMSIZ)
        return why(w, -EINVAL, "vif %d: bridge '%s' is longer than %d characters", n->devid,
                   bridge_of(n), IFNAMSIZ - 1);
    if (by_netd(n))
        return daemon_need(NETD, w);
    if (!n->script && !if_nametoindex(bridge_of(n)))
        return why(w, -ENODEV,
                   "vif %d: there is no bridge '%s'; make it (ip link add %s type "
                   "bridge; ip link set %s up) or name another with bridge=",
                   n->devid, bridge_of(n), bridge_of(n), bridge_of(n));
    return 0;
}

static void put_nodes(struct store *s, const struct gconf_nic *n)
{
    if (!by_netd(n))
        store_put(s, "script", "%s", n->script ? n->script : "/etc/xen/scripts/vif-bridge");
    if (n->ifname)
        store_put(s, "vifname", "%s", n->ifname);
    store_put(s, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
              n->mac[4], n->mac[5]);
    if (n->ip)
        store_put(s, "ip", "%s", n->ip);
    if (n->rate_bytes)
        store_put(s, "rate", "%llu,%u", (unsigned long long)n->rate_bytes, n->rate_usecs);
    if (n->mtu)
        store_put(s, "mtu", "%u", n->mtu);
    store_put(s, "bridge", "%s", bridge_of(n));
    store_put(s, "handle", "%d", n->devid);
    store_put(s, "type", "vif");
}

int net_prepare(struct store *s, uint32_t domid, const struct gconf_nic *n, struct why *w)
{
    (void)w;
    dev_put_common(s, domid, "vif", by_netd(n) ? "netd" : "vif", n->devid, !n->untrusted);
    put_nodes(s, n);
    store_at(s, "/libxl/%u/device/vif/%d", domid, n->devid);
    put_nodes(s, n);
    if (n->script)
        store_put(s, "script-used", "%s", n->script);
    store_at(s, "/local/domain/%u/device/vif/%d", domid, n->devid);
    store_put(s, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1], n->mac[2], n->mac[3],
              n->mac[4], n->mac[5]);
    if (n->mtu)
        store_put(s, "mtu", "%u", n->mtu);
    return 0;
}

/* --- netlink -------------------------------------------------------------------------------- */

/* A change must go out while the link is down for a rename; the bridge wants it before "up". */
static int join(struct nl_sock *sk, const char *vif, const struct gconf_nic *n, struct why *w)
{
    struct rtnl_link *link = NULL, *want = rtnl_link_alloc();
    /* The address that keeps a bridge from taking its own from a guest's interface. */
    struct nl_addr *mac =
        nl_addr_build(AF_LLC, (uint8_t[6]){0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}, 6);
    int rc = want && mac ? rtnl_link_get_kernel(sk, 0, vif, &link) : -NLE_NOMEM;
    if (rc == 0) {
        rtnl_link_set_addr(want, mac);
        if (n->ifname)
            rtnl_link_set_name(want, n->ifname);
        if (n->mtu)
            rtnl_link_set_mtu(want, n->mtu);
        rc = rtnl_link_change(sk, link, want, 0);
    }
    if (rc == 0)
        rc = rtnl_link_enslave_ifindex(sk, (int)if_nametoindex(bridge_of(n)),
                                       rtnl_link_get_ifindex(link));
    if (rc == 0) {
        struct rtnl_link *up = rtnl_link_alloc();
        if (up) {
            rtnl_link_set_flags(up, IFF_UP);
            rc = rtnl_link_change(sk, link, up, 0);
            rtnl_link_put(up);
        }
    }
    if (link)
        rtnl_link_put(link);
    if (want)
        rtnl_link_put(want);
    nl_addr_put(mac);
    return rc ? why(w, -EIO, "vif %d: cannot join %s to bridge %s: %s", n->devid, vif, bridge_of(n),
                    nl_geterror(rc))
              : 0;
}

int net_connect(struct store *s, uint32_t domid, const struct gconf_nic *n, struct why *w)
{
    char vif[32];
    snprintf(vif, sizeof vif, "vif%u.%d", domid, n->devid);
    int rc = dev_await_state(s, domid, "vif", n->devid, XenbusStateInitWait, w);
    if (rc || by_netd(n))
        return rc;
    if (n->script)
        return dev_script(s, n->script, "online", "vif", domid, n->devid,
                          n->ifname ? n->ifname : vif, w);
    struct nl_sock *sk = nl_socket_alloc();
    if (!sk || nl_connect(sk, NETLINK_ROUTE) < 0)
        rc = why(w, -EIO, "vif %d: no netlink socket", n->devid);
    else
        rc = join(sk, vif, n, w);
    if (sk)
        nl_socket_free(sk);
    if (rc)
        return rc;
    store_at(s, "/local/domain/0/backend/vif/%u/%d", domid, n->devid);
    store_put(s, "hotplug-status", "connected");
    return store_commit(s, false, w);
}

int net_next_devid(struct store *s, uint32_t domid)
{
    unsigned n;
    int next = 0;
    char **ids = store_list(s, &n, "/libxl/%u/device/vif", domid);
    for (unsigned i = 0; i < n; i++)
        if (atoi(ids[i]) >= next)
            next = atoi(ids[i]) + 1;
    free(ids);
    return next;
}
