/*
 * A disk's counters, for who is not its process.
 */
#ifndef BLKD_STATS_H
#define BLKD_STATS_H

#include "blkd/state.h"

#define STATS_DIR "/run/argon-blkd"

/* False: argon-blkd serves no such disk. */
bool stats_read(const char *dir, unsigned domid, unsigned devid,
                struct state_counters *to) NODISCARD;

#endif
