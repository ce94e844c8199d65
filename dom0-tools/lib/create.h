/*
 * Makes a guest: domain, memory and kernel, xenstore tree, devices, record. Restore uses the same
 * pieces with another middle.
 *
 * Everything that can be refused is refused before the domain exists; after that any failure
 * takes away all that was made.
 */
#ifndef LIB_CREATE_H
#define LIB_CREATE_H

#include "lib/gconf.h"
#include "lib/hyp.h"
#include "lib/store.h"

/* A domain on its way to be a guest. */
struct newborn {
    uint32_t domid;
    uint32_t store_port, console_port;
    uint64_t store_mfn, console_mfn;
};

/* Checks that need no domain: name free, devices possible, memory there. */
int create_check(struct hyp *h, struct store *s, const struct gconf *g, struct why *w);
/* The empty domain with its vcpus, limits and two event channels. On failure there is none. */
int create_domain(struct hyp *h, const struct gconf *g, struct newborn *n, struct why *w);
/*
 * Makes the built guest known: grants, xenstore tree, devices, record. On failure the caller
 * still has to destroy it (guest_destroy).
 */
int create_publish(struct hyp *h, struct store *s, const struct gconf *g, const struct newborn *n,
                   struct why *w);

/* All of it, from a complete configuration; the guest is left paused. */
int create_guest(struct hyp *h, struct store *s, const struct gconf *g, uint32_t *domid,
                 struct why *w);

#endif
