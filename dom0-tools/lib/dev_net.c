/*
 * Virtual network interfaces: argon-netd's, which brings tap and bridge along by itself, or the
 * kernel's netback's, joined to a bridge here.
 */
#include "lib/dev.h"

#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* --- the kernel's interface ------------------------------------------------------------------ */

/* The steps of join(), which the kernel takes in this order only: a name while it is down. */
static int join_steps(int sk, const char *vif, const struct gconf_nic *n)
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%.15s", vif);
    /* The address that keeps a bridge from taking its own from a guest's interface. */
    r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(r.ifr_hwaddr.sa_data, (uint8_t[6]){0xfe, 0xff, 0xff, 0xff, 0xff, 0xff}, 6);
    if (ioctl(sk, SIOCSIFHWADDR, &r) < 0)
        return -errno;
    r.ifr_mtu = (int)n->mtu;
    if (n->mtu && ioctl(sk, SIOCSIFMTU, &r) < 0)
        return -errno;
    if (n->ifname) {
        snprintf(r.ifr_newname, sizeof r.ifr_newname, "%s", n->ifname);
        if (ioctl(sk, SIOCSIFNAME, &r) < 0)
            return -errno;
        snprintf(r.ifr_name, sizeof r.ifr_name, "%s", n->ifname);
    }
    struct ifreq bridge = {.ifr_ifindex = (int)if_nametoindex(r.ifr_name)};
    snprintf(bridge.ifr_name, sizeof bridge.ifr_name, "%s", bridge_of(n));
    if (ioctl(sk, SIOCBRADDIF, &bridge) < 0 || ioctl(sk, SIOCGIFFLAGS, &r) < 0)
        return -errno;
    r.ifr_flags = (short)(r.ifr_flags | IFF_UP);
    return ioctl(sk, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

static int join(const char *vif, const struct gconf_nic *n, struct why *w)
{
    int sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = sk < 0 ? -errno : join_steps(sk, vif, n);
    if (sk >= 0)
        close(sk);
    return rc ? why(w, rc, "vif %d: cannot join %s to bridge %s: %s", n->devid, vif, bridge_of(n),
                    strerror(-rc))
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
    if ((rc = join(vif, n, w)))
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
