/* What a guest's devices have moved (see counters.h). */
#include "axl/counters.h"

#include <stdio.h>
#include <stdlib.h>

#include "blkd/stats.h"

const char *const block_names[BLOCK_COUNTERS] = {"rd_req", "wr_req",  "oo_req", "f_req",
                                                 "ds_req", "rd_sect", "wr_sect"};
const char *const network_names[NETWORK_COUNTERS] = {"rx_bytes",   "rx_packets", "rx_errors",
                                                     "rx_dropped", "tx_bytes",   "tx_packets",
                                                     "tx_errors",  "tx_dropped"};

static int64_t counter(const char *path)
{
    long long v = -1;
    FILE *f = fopen(path, "re");
    if (!f)
        return -1;
    if (fscanf(f, "%lld", &v) != 1)
        v = -1;
    fclose(f);
    return v;
}

void read_block_counters(uint32_t domid, int devid, int64_t v[BLOCK_COUNTERS])
{
    struct state_counters c;
    if (stats_read(STATS_DIR, domid, (unsigned)devid, &c)) {
        const uint64_t own[BLOCK_COUNTERS] = {
            [RD_REQ] = c.rd_req, [WR_REQ] = c.wr_req,   [F_REQ] = c.f_req,
            [DS_REQ] = c.ds_req, [RD_SECT] = c.rd_sect, [WR_SECT] = c.wr_sect};
        for (int i = 0; i < BLOCK_COUNTERS; i++)
            v[i] = (int64_t)own[i];
        return;
    }
    for (int i = 0; i < BLOCK_COUNTERS; i++) {
        char path[256];
        snprintf(path, sizeof path, "/sys/bus/xen-backend/devices/vbd-%u-%d/statistics/%s", domid,
                 devid, block_names[i]);
        v[i] = counter(path);
    }
}

/* The guest receives what the interface in dom0 sends: the counters are turned round. */
void read_network_counters(struct store *s, uint32_t domid, int devid, char vif[64],
                           int64_t v[NETWORK_COUNTERS])
{
    char *name = store_read(s, "/libxl/%u/device/vif/%d/vifname", domid, devid);
    if (name)
        snprintf(vif, 64, "%s", name);
    else
        snprintf(vif, 64, "vif%u.%d", domid, devid);
    free(name);
    for (int i = 0; i < NETWORK_COUNTERS; i++) {
        char path[256];
        snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", vif,
                 network_names[(i + TX_BYTES) % NETWORK_COUNTERS]);
        v[i] = counter(path);
    }
}

static void add(int64_t *sum, const int64_t *v, int n)
{
    for (int i = 0; i < n; i++)
        sum[i] += v[i] > 0 ? v[i] : 0;
}

void read_traffic(struct store *s, uint32_t domid, struct traffic *t)
{
    *t = (struct traffic){0};
    char **ids = store_list(s, &t->disks, "/libxl/%u/device/vbd", domid);
    for (unsigned i = 0; i < t->disks; i++) {
        int64_t v[BLOCK_COUNTERS];
        read_block_counters(domid, atoi(ids[i]), v);
        add(t->block, v, BLOCK_COUNTERS);
    }
    free(ids);
    ids = store_list(s, &t->nics, "/libxl/%u/device/vif", domid);
    for (unsigned i = 0; i < t->nics; i++) {
        char vif[64];
        int64_t v[NETWORK_COUNTERS];
        read_network_counters(s, domid, atoi(ids[i]), vif, v);
        add(t->network, v, NETWORK_COUNTERS);
    }
    free(ids);
}
