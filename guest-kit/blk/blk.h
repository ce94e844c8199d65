/* Inside the block front-end: data path (blk.c), requests (slot.c), negotiation (setup.c). */
#ifndef BLK_BLK_H
#define BLK_BLK_H

#include <gk/blk.h>
#include <gk/gnt.h>
#include <gk/suspend.h>
#include <gk/thread.h>
#include <gk/xenbus.h>
#include "blk/ring.h"

#define QUEUES_MAX   4
#define SEGMENTS_MAX 32 /* pages per request, where the back-end knows indirect ones */
#define SLOTS        (QUEUES_MAX * BLK_RING_SLOTS)

/* A page that stays granted. */
struct blk_page {
    struct blk_page *next;
    uint8_t *bytes;
    gk_gref ref;
};

/* What a thread waits for: all parts of one call. */
struct blk_call {
    unsigned int parts;
    int error;
    struct gk_waitq wait;
};

enum slot_state { SLOT_FREE, SLOT_QUEUED, SLOT_SENT };

/* One request: all that is needed to send it, also a second time. Its index is the request's id. */
struct blk_slot {
    enum slot_state state;
    uint8_t operation;
    uint8_t queue;
    uint16_t pages;
    uint64_t sector, sectors; /* of 512 bytes */
    uint8_t *target;          /* where read bytes go */
    struct blk_call *call;
    struct blk_page *page[SEGMENTS_MAX], *indirect;
    struct blk_slot *next; /* free, or queued */
};

struct blk_queue {
    struct blk_ring ring;
    void *shared;
    gk_gref ref;
    uint32_t port;
};

struct gk_blk {
    struct gk_blk *next; /* of all that are open */
    struct gk_xb_dev dev;
    struct gk_blk_info info;
    bool connected, broken, closing, event;
    unsigned int queues;
    struct blk_queue queue[QUEUES_MAX];
    struct blk_slot slot[SLOTS];
    struct blk_slot *free, *waiting, **waiting_end;
    struct blk_page *pages;
    unsigned int pages_made, pages_max;
    struct gk_waitq room, state; /* slots or pages free; connected or broken */
    struct gk_thread *thread;    /* that negotiates */
    struct gk_xs_watch *watch;
    struct gk_suspend_hook hook;
    bool lost; /* after a restore: the rings are gone */
};

/* Sends what waits, as far as the rings have room. */
void blk_pump(struct gk_blk *disk);
void blk_event(uint32_t port, void *disk);
/* The back-end cannot be trusted any more: everything fails from here on. */
void blk_break(struct gk_blk *disk, const char *why);
/* Requests that were sent and not answered are queued again. */
void blk_requeue(struct gk_blk *disk);
/* The request of a slot as the ring wants it. */
void blk_request_make(const struct blk_slot *slot, uint64_t id, uint16_t handle,
                      blkif_request_t *request);
/* The device's thread. */
void blk_run(void *disk);

#endif
