/* A guest's memory and registers as an ELF core file, in the layout of Xen's own tools. */
#ifndef LIB_CORE_DUMP_H
#define LIB_CORE_DUMP_H

#include "lib/hyp.h"

/* The domain should be paused or shut down. On failure no file is left. */
int core_dump(struct hyp *h, uint32_t domid, const char *path, struct why *w);

#endif
