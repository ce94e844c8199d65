/*
 * The domain builder: memory, kernel, page tables and start_info of a new PV guest.
 */
#ifndef LIB_BUILD_H
#define LIB_BUILD_H

#include "core/load/plan.h"
#include "lib/hyp.h"
#include "lib/image.h"
#include "lib/kernel.h"

struct build {
    /* in */
    uint32_t domid;
    uint64_t pages;      /* to give it now, 4 KiB each */
    const char *cmdline; /* NULL: none; at most 1023 characters */
    uint32_t store_port, console_port;
    struct kernel kernel;
    struct image_bytes initrd; /* len 0: none */
    /* by build_plan */
    struct plan plan;
    /* by build_populate */
    xen_pfn_t *p2m; /* machine frame of each pfn */
    /* out */
    uint64_t store_mfn, console_mfn;
};

/* Opens and checks the files and lays everything out. Touches no domain. */
int build_plan(struct build *b, const char *kernel, const char *ramdisk, struct why *w);
/* Gives the domain its memory, in big pieces; shows progress on a terminal when it is much. */
int build_populate(struct hyp *h, struct build *b, struct why *w);
/* Fills the memory and sets up vcpu 0. */
int build_fill(struct hyp *h, struct build *b, struct why *w);
void build_free(struct build *b);

/* Seeds the grant table: the console's and xenstore's pages for dom0 (entries 0 and 1). */
int build_grants(struct hyp *h, uint32_t domid, uint64_t console_mfn, uint64_t store_mfn,
                 struct why *w);

#endif
