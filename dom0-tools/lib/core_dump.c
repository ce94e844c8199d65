/* A guest's memory as an ELF core file. */
#include "lib/core_dump.h"

#include <errno.h>

int core_dump(struct hyp *h, uint32_t domid, const char *path, struct why *w)
{
    (void)h; (void)domid; (void)path;
    return why(w, -ENOSYS, "not written yet");
}
