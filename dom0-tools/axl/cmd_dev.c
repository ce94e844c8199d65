/* axl block-* and network-*: a guest's disks and network interfaces. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "axl/counters.h"
#include "lib/dev.h"
#include "lib/json.h"
#include "lib/record.h"

#define FRONTEND "/local/domain/%u/device/%s/%d"

/* --- listing -------------------------------------------------------------------------------- */

typedef void row_fn(struct axl *a, uint32_t domid, int devid, struct json *j);

static int64_t front(struct axl *a, uint32_t domid, const char *kind, int devid, const char *key)
{
    return store_number(axl_store(a), -1, FRONTEND "/%s", domid, kind, devid, key);
}

static void block_row(struct axl *a, uint32_t domid, int devid, struct json *j)
{
    char path[STORE_PATH];
    dev_backend(axl_store(a), "vbd", domid, devid, path);
    int state = (int)front(a, domid, "vbd", devid, "state");
    int port = (int)front(a, domid, "vbd", devid, "event-channel");
    int ring = (int)front(a, domid, "vbd", devid, "ring-ref");
    if (!j) {
        printf("%-5d %-3d %-6u %-5d %-6d %-8d %-30s\n", devid, 0, domid, state, port, ring, path);
        return;
    }
    char *target = store_read(a->store, "%s/params", path);
    char *mode = store_read(a->store, "%s/mode", path);
    char *vdev = store_read(a->store, "%s/dev", path);
    json_map(j, NULL);
    json_number(j, "devid", devid);
    json_string(j, "vdev", vdev);
    json_string(j, "target", target);
    json_string(j, "mode", mode);
    json_number(j, "state", state);
    json_string(j, "backend", path);
    json_map_end(j);
    free(target);
    free(mode);
    free(vdev);
}

static void network_row(struct axl *a, uint32_t domid, int devid, struct json *j)
{
    char path[STORE_PATH];
    dev_backend(axl_store(a), "vif", domid, devid, path);
    char *mac = store_read(axl_store(a), "/libxl/%u/device/vif/%d/mac", domid, devid);
    int state = (int)front(a, domid, "vif", devid, "state");
    if (!j)
        printf("%-3d %-2d %-17s %5d %5d %6d %5d/%-11d %-30s\n", devid, 0, mac ? mac : "-", devid,
               state, (int)front(a, domid, "vif", devid, "event-channel"),
               (int)front(a, domid, "vif", devid, "tx-ring-ref"),
               (int)front(a, domid, "vif", devid, "rx-ring-ref"), path);
    else {
        char *bridge = store_read(a->store, "/libxl/%u/device/vif/%d/bridge", domid, devid);
        json_map(j, NULL);
        json_number(j, "devid", devid);
        json_string(j, "mac", mac);
        json_string(j, "bridge", bridge);
        json_number(j, "state", state);
        json_string(j, "backend", path);
        json_map_end(j);
        free(bridge);
    }
    free(mac);
}

/* The devices of each domain named, by axl's own note of them (not the guest's). */
static int list(struct axl *a, int argc, char **argv, const char *kind, const char *header,
                row_fn *row)
{
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, -1))
        return AXL_USAGE;
    struct json *j = a->json ? json_new() : NULL;
    if (j)
        json_array(j, NULL);
    else
        puts(header);
    rc = AXL_OK;
    for (int i = optind; i < argc; i++) {
        int domid = axl_domain(a, argv[i]);
        hyp_dominfo d;
        if (domid < 0 || hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0) {
            rc = domid < 0 ? AXL_FAILED : axl_fail("there is no domain '%s'", argv[i]);
            continue;
        }
        unsigned n;
        char **ids = store_list(axl_store(a), &n, "/libxl/%d/device/%s", domid, kind);
        for (unsigned k = 0; k < n; k++)
            row(a, (uint32_t)domid, atoi(ids[k]), j);
        free(ids);
    }
    if (!j)
        return rc;
    json_array_end(j);
    return rc | axl_json_out(j);
}

int cmd_block_list(struct axl *a, int argc, char **argv)
{
    return list(a, argc, argv, "vbd",
                "Vdev  BE  handle state evt-ch ring-ref BE-path                       ", block_row);
}

int cmd_network_list(struct axl *a, int argc, char **argv)
{
    return list(a, argc, argv, "vif",
                "Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref "
                "BE-path                       ",
                network_row);
}

/* --- counters ------------------------------------------------------------------------------- */

static void block_counters(struct axl *a, uint32_t domid, int devid, struct json *j)
{
    char path[STORE_PATH];
    int64_t v[BLOCK_COUNTERS];
    dev_backend(axl_store(a), "vbd", domid, devid, path);
    char *vdev = store_read(a->store, "%s/dev", path);
    read_block_counters(domid, devid, v);
    if (j) {
        json_map(j, NULL);
        json_string(j, "vdev", vdev);
    } else
        printf("%-8s", vdev ? vdev : "?");
    for (int i = 0; i < BLOCK_COUNTERS; i++) {
        if (j)
            json_number(j, block_names[i], v[i]);
        else
            printf(" %12lld", (long long)v[i]);
    }
    if (j)
        json_map_end(j);
    else
        printf("\n");
    free(vdev);
}

static void network_counters(struct axl *a, uint32_t domid, int devid, struct json *j)
{
    char vif[64];
    int64_t v[NETWORK_COUNTERS];
    read_network_counters(axl_store(a), domid, devid, vif, v);
    if (j) {
        json_map(j, NULL);
        json_string(j, "interface", vif);
    } else
        printf("%-15s", vif);
    for (int i = 0; i < NETWORK_COUNTERS; i++) {
        if (j)
            json_number(j, network_names[i], v[i]);
        else
            printf(" %12lld", (long long)v[i]);
    }
    if (j)
        json_map_end(j);
    else
        printf("\n");
}

int cmd_block_stat(struct axl *a, int argc, char **argv)
{
    return list(a, argc, argv, "vbd",
                "Vdev           rd_req       wr_req       oo_req        f_req       ds_req"
                "      rd_sect      wr_sect",
                block_counters);
}

int cmd_network_stat(struct axl *a, int argc, char **argv)
{
    return list(a, argc, argv, "vif",
                "Interface           rx_bytes   rx_packets    rx_errors   rx_dropped"
                "     tx_bytes   tx_packets    tx_errors   tx_dropped",
                network_counters);
}

/* --- attach, detach ------------------------------------------------------------------------- */

/* The domain and its record; a domain that other tools made may have none (then g is empty). */
static int open_domain(struct axl *a, const char *who, hyp_dominfo *d, struct gconf *g, bool *known)
{
    struct why w;
    int domid = axl_domain(a, who);
    if (domid < 0)
        return AXL_FAILED;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, d) < 0)
        return axl_fail("there is no domain '%s'", who);
    gconf_init(g);
    *known = record_read(a->hyp, axl_store(a), d, g, &w) == 0;
    return AXL_OK;
}

static int close_domain(const hyp_dominfo *d, struct gconf *g, bool known, int rc)
{
    struct why w;
    if (!rc && known && record_write(d->domain, g, &w) < 0)
        rc = axl_fail("%s", w.text);
    gconf_free(g);
    return rc;
}

static int join_spec(int argc, char **argv, char *out, size_t room)
{
    size_t n = 0;
    out[0] = 0;
    for (int i = optind + 1; i < argc; i++) {
        int k = snprintf(out + n, room - n, "%s%s", n ? "," : "", argv[i]);
        if (k < 0 || (size_t)k >= room - n)
            return axl_fail("the description is too long");
        n += (size_t)k;
    }
    return AXL_OK;
}

int cmd_block_attach(struct axl *a, int argc, char **argv)
{
    char spec[4096];
    struct why w;
    hyp_dominfo d;
    struct gconf g;
    struct gconf_disk disk;
    bool known;
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 2, -1))
        return AXL_USAGE;
    if (join_spec(argc, argv, spec, sizeof spec))
        return AXL_FAILED;
    if (gconf_disk_parse(&disk, spec, &w) < 0)
        return axl_fail("%s", w.text);
    rc = open_domain(a, argv[optind], &d, &g, &known);
    if (rc) {
        gconf_disk_free(&disk);
        return rc;
    }
    long devid = gconf_vdev_number(disk.vdev);
    if (store_exists(a->store, "/libxl/%u/device/vbd/%ld", d.domain, devid))
        rc = why(&w, -EEXIST, "it has a disk %s already", disk.vdev);
    if (!rc)
        rc = blk_check(a->store, &disk, &w);
    if (!rc)
        rc = blk_prepare(a->store, d.domain, &disk, &w);
    if (!rc && !(rc = store_commit(a->store, true, &w))) {
        rc = blk_connect(a->store, d.domain, &disk, &w);
        struct why ignored;
        if (rc)
            dev_remove(a->store, d.domain, "vbd", (int)devid, true, &ignored);
    }
    rc = rc ? axl_fail("domain '%s': %s", argv[optind], w.text) : AXL_OK;
    if (!rc && known && g.nr_disks < GCONF_DISKS)
        g.disk[g.nr_disks++] = disk;
    else
        gconf_disk_free(&disk);
    return close_domain(&d, &g, known, rc);
}

int cmd_network_attach(struct axl *a, int argc, char **argv)
{
    char spec[4096];
    struct why w;
    hyp_dominfo d;
    bool known;
    int rc, o = axl_getopt(a, argc, argv, "", NULL, &rc);
    if (o == -2)
        return rc;
    if (!axl_args(a, argc, 1, -1))
        return AXL_USAGE;
    if (join_spec(argc, argv, spec, sizeof spec))
        return AXL_FAILED;
    struct gconf g, *one = calloc(1, sizeof *one);
    if (!one)
        return axl_fail("out of memory");
    gconf_init(one);
    if (gconf_nic_parse(&one->nic[0], spec, &w) < 0) {
        free(one);
        return axl_fail("%s", w.text);
    }
    struct gconf_nic *nic = &one->nic[0];
    rc = open_domain(a, argv[optind], &d, &g, &known);
    if (!rc) {
        if (nic->devid < 0)
            nic->devid = net_next_devid(a->store, d.domain);
        /* Completing a configuration of just this vif picks its address. */
        one->name = strdup("x");
        one->nr_nics = 1;
        rc = gconf_complete(one, false, &w);
        if (!rc && store_exists(a->store, "/libxl/%u/device/vif/%d", d.domain, nic->devid))
            rc = why(&w, -EEXIST, "it has a vif %d already", nic->devid);
        if (!rc)
            rc = net_check(nic, &w);
        if (!rc)
            rc = net_prepare(a->store, d.domain, nic, &w);
        if (!rc && !(rc = store_commit(a->store, true, &w))) {
            rc = net_connect(a->store, d.domain, nic, &w);
            struct why ignored;
            if (rc)
                dev_remove(a->store, d.domain, "vif", nic->devid, true, &ignored);
        }
        rc = rc ? axl_fail("domain '%s': %s", argv[optind], w.text) : AXL_OK;
        if (!rc && known && g.nr_nics < GCONF_NICS) {
            g.nic[g.nr_nics++] = *nic;
            one->nr_nics = 0;
        }
        rc = close_domain(&d, &g, known, rc);
    }
    gconf_free(one);
    free(one);
    return rc;
}

static int detach(struct axl *a, int argc, char **argv, const char *kind,
                  long (*number)(const char *))
{
    static const struct option longs[] = {{"force", no_argument, NULL, 'f'}, {0}};
    struct why w;
    hyp_dominfo d;
    struct gconf g;
    bool known, force = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "f", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        force |= o == 'f';
    }
    if (!axl_args(a, argc, 2, 3))
        return AXL_USAGE;
    force |= optind + 2 < argc && strcmp(argv[optind + 2], "force") == 0;
    rc = open_domain(a, argv[optind], &d, &g, &known);
    if (rc)
        return rc;
    const char *which = argv[optind + 1];
    long devid = number(which);
    uint8_t mac[6];
    if (strcmp(kind, "vif") == 0 && gconf_mac_parse(which, mac))
        for (uint32_t i = 0; i < g.nr_nics; i++)
            if (memcmp(g.nic[i].mac, mac, 6) == 0)
                devid = g.nic[i].devid;
    if (devid < 0 || !store_exists(a->store, "/libxl/%u/device/%s/%ld", d.domain, kind, devid))
        rc = axl_fail("domain '%s' has no %s '%s'", argv[optind], kind[1] == 'b' ? "disk" : "vif",
                      which);
    else if (dev_remove(a->store, d.domain, kind, (int)devid, force, &w) < 0)
        rc = axl_fail("domain '%s': %s", argv[optind], w.text);
    for (uint32_t i = 0; !rc && kind[1] == 'b' && i < g.nr_disks; i++)
        if (gconf_vdev_number(g.disk[i].vdev) == devid) {
            gconf_disk_free(&g.disk[i]);
            memmove(&g.disk[i], &g.disk[i + 1], (--g.nr_disks - i) * sizeof g.disk[0]);
        }
    for (uint32_t i = 0; !rc && kind[1] == 'i' && i < g.nr_nics; i++)
        if (g.nic[i].devid == devid) {
            gconf_nic_free(&g.nic[i]);
            memmove(&g.nic[i], &g.nic[i + 1], (--g.nr_nics - i) * sizeof g.nic[0]);
        }
    return close_domain(&d, &g, known, rc);
}

static long vif_number(const char *text)
{
    long long n;
    return axl_number(text, &n) && n >= 0 && n < 65536 ? (long)n : -1;
}

int cmd_block_detach(struct axl *a, int argc, char **argv)
{
    return detach(a, argc, argv, "vbd", gconf_vdev_number);
}

int cmd_network_detach(struct axl *a, int argc, char **argv)
{
    return detach(a, argc, argv, "vif", vif_number);
}
