/* What the daemon may still do once guests' bytes come in. */
#ifndef CONSOLED_GUARD_H
#define CONSOLED_GUARD_H

#include "base/bits.h"

/* Files: only below the folder of the logs and /dev/pts; then dkit's confine(). 0 or -errno. */
int guard(int log_dir) NODISCARD;

#endif
