/*
 * A disk's counters (see stats.h): they are in its state file, which outlives its process.
 */
#include "blkd/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

bool stats_read(const char *dir, unsigned domid, unsigned devid, struct state_counters *to)
{
    char path[256];
    uint32_t magic = 0;
    snprintf(path, sizeof path, "%s/%u-%u", dir, domid, devid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* Of another version's file nothing is known. */
    bool ok = pread(fd, &magic, sizeof magic, offsetof(struct state_file, magic)) ==
                  (ssize_t)sizeof magic &&
              magic == STATE_MAGIC &&
              pread(fd, to, sizeof *to, offsetof(struct state_file, count)) == (ssize_t)sizeof *to;
    close(fd);
    return ok;
}
