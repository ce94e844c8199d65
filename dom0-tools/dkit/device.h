/*
 * A back-end's devices: xenbus states in the store on one side, a process for each on the other.
 *
 *   back-end    front-end         what is done
 *   1           any               start a process; when it is open: offer features, state 2
 *   2           3 or 4            tell the process the rings; when it serves them: state 4
 *   4           4                 nothing; a process that dies is started again and goes on, and
 *                                 one that cannot open its device any more is tried again: the
 *                                 guest waits until what it is kept on is there again
 *   4           5                 state 5
 *   any         6 or gone         stop the process; when it has ended: state 6
 *   6           1, and online     as from 1
 *
 * Found at our own start, a device in state 4 is one whose process was killed with us.
 *
 * Of what the front-end writes only numbers are read, and states. What the process is told to open
 * comes from the back-end's nodes, which are dom0's alone. The process has no store: what it can
 * still do is use what it has opened, that guest's event channels, and guests' grants.
 */
#ifndef DKIT_DEVICE_H
#define DKIT_DEVICE_H

#include "base/bits.h"

#include "dkit/loop.h"
#include "dkit/xb.h"

enum { DEVICE_PAYLOAD = 2048, DEVICE_INFO = 64, DEVICE_TEXT = 200 };

enum device_stage { IDLE, OPENING, OPEN, CONNECTING, CONNECTED, STOPPING, FAILED };

struct device {
    unsigned domid, devid;
    char *front;          /* its path */
    char state_path[160]; /* a file of its process's own, gone when the device is */
    _Alignas(8) uint8_t info[DEVICE_INFO]; /* what its process said when it was open */
    void *own;                             /* the kind's */
    /* device.c's */
    enum device_stage stage;
    struct list link;
    struct xb_watch front_watch;
    struct job look;
    struct timer again;
    int backoff;
    bool away; /* a guest uses it, and it cannot be opened; that was said */
    int64_t started;
    int pid; /* 0: none */
    struct source socket;
};

/* To the process: connect to rings (resume: a process before it did), or stop. */
struct device_order {
    enum { ORDER_CONNECT, ORDER_STOP } kind;
    bool resume;
    _Alignas(8) uint8_t rings[DEVICE_PAYLOAD]; /* the kind's */
};

/* From the process. */
struct device_report {
    enum {
        REPORT_OPEN,      /* `info` is for offer() and describe() */
        REPORT_CONNECTED, /* the rings are served */
        REPORT_FAILED,    /* it cannot be opened or connected: `text`; the process ends */
        REPORT_BROKEN,    /* the guest broke the protocol: `text`; its rings are left alone */
    } kind;
    _Alignas(8) uint8_t info[DEVICE_INFO];
    char text[DEVICE_TEXT];
};

/* What the daemons differ in. */
struct device_kind {
    const char *name; /* of the nodes: backend/NAME/DOMID/DEVID */
    const char *noun; /* in messages: "disk" */
    const char *state_dir;
    /* With privileges and the store: what the process is to find. 0, or -errno with a sentence. */
    int (*prepare)(struct device *d, char *why, size_t room);
    /* In the new process, store and other descriptors closed. `fd` keeps messages apart. */
    void (*process)(const struct device *d, int fd) __attribute__((noreturn));
    /* Features, before state 2. */
    void (*offer)(const struct device *d);
    /* Reads the front-end's nodes into the order; NULL, or what is wrong with them. */
    const char *(*read_rings)(const struct device *d, void *rings);
    /* What the front-end reads when the back-end is in state 4. */
    void (*describe)(const struct device *d);
    /* The device has been taken away; frees `own`. */
    void (*gone)(struct device *d);
};

/* Watches the back-end's nodes and takes care of what is there already. 0 or -errno. */
int devices_start(const struct device_kind *kind) NODISCARD;

/* The device's nodes, for xb_*(): "%s" and device_node(d, "mac"); valid until the next call. */
const char *device_node(const struct device *d, const char *key);

/* Reads queue i's `key` of a front-end with `nr_queues`; false: no 32-bit number. */
bool device_queue_number(const struct device *d, unsigned nr_queues, unsigned i, const char *key,
                         uint32_t *to) NODISCARD;

#endif
