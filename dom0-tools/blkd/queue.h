/*
 * A device's rings: requests are taken, carried out on the disk, answered.
 */
#ifndef BLKD_QUEUE_H
#define BLKD_QUEUE_H

#include "blkd/disk.h"
#include "blkd/state.h"

/*
 * Maps rings and binds channels as `rings` says, and serves them; `resume`: a process before us
 * did, and the file holds what it left. The disk is open. 0, or -errno with a sentence.
 */
int queues_open(unsigned domid, const struct state_rings *rings, bool persistent,
                const struct disk_info *info, struct state_file *file, bool resume, char *why,
                size_t room) NODISCARD;

/* Takes no more requests; calls `idle` once all that were taken are answered. */
void queues_stop(void (*idle)(void));
/* Called once when the front-end breaks the protocol; its rings are not looked at any more. */
extern void (*queues_broken)(const char *what);

/* Lets go of all (a process that ends need not). */
void queues_close(void);

/* Recomputes what must hold; false: something does not. For tests. */
bool queues_audit(void);

#endif
