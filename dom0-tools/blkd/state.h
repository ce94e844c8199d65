/*
 * What of a device must outlive its process: a file in /run, mapped.
 *
 * A ring's slots hold requests and, in the order in which they were done, responses: a request that
 * was taken may be overwritten by the response of a later one. So each taken request is kept here
 * until it is answered.
 *
 *   S1  taking:    the copy, busy with its index; only then cons is moved past it
 *   S2  answering: the response into its slot; only then busy is cleared
 *   S3  hence responses written = cons - entries that are busy and below cons, whenever we die
 *
 * A request that was carried out and not answered is carried out again: the guest, which has had
 * no answer, cannot tell, and has not reused its pages.
 */
#ifndef BLKD_STATE_H
#define BLKD_STATE_H

#include "base/bits.h"

#include "abi/abi.h"
#include <xen/io/blkif.h>

#include "dkit/ring.h"

enum { STATE_QUEUES = 4, STATE_ORDER = 4, STATE_PAGES = 1 << STATE_ORDER, STATE_SLOTS = 512 };

enum { STATE_MAGIC = 0x41424b31 }; /* changes with the layout */

/* The front-end's rings, as its nodes tell. */
struct state_rings {
    uint32_t nr_queues, order;
    uint32_t ref[STATE_QUEUES][STATE_PAGES];
    uint32_t port[STATE_QUEUES];
};

struct state_entry {
    uint32_t index, busy;
    struct blkif_request req;
};

struct state_queue {
    uint32_t cons, slots;
    struct state_entry entry[STATE_SLOTS];
};

/* Since the rings were connected; read by axl too (stats.h). */
struct state_counters {
    uint64_t rd_req, wr_req, f_req, ds_req, rd_sect, wr_sect, errors;
};

struct state_file {
    uint32_t magic; /* last to be written */
    uint32_t domid;
    struct state_rings rings;
    struct state_counters count;
    struct state_queue queue[STATE_QUEUES];
};

/* For new rings. */
void state_begin(struct state_file *f, uint32_t domid, const struct state_rings *rings);
/* Does it hold what there was of these rings? */
bool state_fits(const struct state_file *f, uint32_t domid, const struct state_rings *rings);
/* Sets the ring's positions by S3 and drops entries that do not count. False: it is damaged. */
bool state_recover(struct state_queue *s, struct ring *r) NODISCARD;

#endif
