/*
 * An interface's queues: frames carried between the guest's rings and a tap device.
 */
#ifndef NETD_QUEUE_H
#define NETD_QUEUE_H

#include "netd/filter.h"
#include "netd/kept.h"
#include "netd/rate.h"

/* What the front-end can take, and what the configuration wants. */
struct queue_options {
    bool scatter, gso_v4, gso_v6, no_csum_v4, no_csum_v6;
    struct filter filter;
    struct rate rate; /* of all queues together */
};

/* The memory that frames pass through; before the process is confined. 0 or -errno. */
int queues_reserve(void) NODISCARD;

/*
 * Maps the rings, binds the channels and serves them, queue i with the tap's descriptor tap[i].
 * `resume`: a process before us did, and the file holds what it left. 0, or -errno with a sentence.
 */
int queues_open(unsigned domid, const struct kept_rings *rings, const struct queue_options *o,
                const int *tap, struct kept_file *file, bool resume, char *why,
                size_t room) NODISCARD;

/* Called once when the front-end breaks the protocol; its rings are not looked at any more. */
extern void (*queues_broken)(const char *what);

#endif
