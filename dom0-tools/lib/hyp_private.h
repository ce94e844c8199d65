/* What the files of hyp_*.c share. */
#ifndef LIB_HYP_PRIVATE_H
#define LIB_HYP_PRIVATE_H

#include "lib/hyp.h"

#include <sys/mman.h>
#include <xencall.h>
#include <xenforeignmemory.h>

struct hyp {
    xencall_handle *call;
    xenforeignmemory_handle *fmem; /* opened at first use */
    void *page;                    /* where small arguments are staged */
    void *m2p;
    size_t m2p_pages;
};

#endif
