/*
 * One disk's process: opens the disk, gives up its privileges, and serves the rings that it is
 * told.
 *
 * The other end of the socket is the monitor's, who alone has the xenstore: what this process can
 * still do is use the disk, that guest's event channels, and guests' grants.
 */
#ifndef BLKD_WORKER_H
#define BLKD_WORKER_H

#include "blkd/disk.h"
#include "blkd/state.h"

struct worker_task {
    unsigned domid, devid;
    const char *target, *state_path;
    bool readonly, discard;
    bool no_confine;
};

enum order_kind { ORDER_CONNECT, ORDER_STOP };
struct worker_order {
    enum order_kind kind;
    bool persistent, resume;
    struct state_rings rings;
};

enum report_kind {
    REPORT_OPEN,      /* the disk is; `info` tells what it is like */
    REPORT_CONNECTED, /* the rings are served */
    REPORT_FAILED,    /* it cannot be opened or connected: `text`; the process ends */
    REPORT_BROKEN,    /* the guest broke the protocol: `text`; its rings are left alone */
};
struct worker_report {
    enum report_kind kind;
    struct disk_info info;
    char text[200];
};

/* Never returns. `fd`: a socket that keeps messages apart. */
_Noreturn void worker_main(const struct worker_task *task, int fd);

#endif
