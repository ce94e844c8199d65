/* A domain's memory account. */
#ifndef CORE_FRAME_MEM_H
#define CORE_FRAME_MEM_H
#include "base/num.h"
struct dom_mem {
    uint64_t pages, max_pages;
};
#endif
