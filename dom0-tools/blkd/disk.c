/*
 * Which kind of disk a target is (see disk.h).
 */
#include "blkd/disk.h"

#include <string.h>

static const struct disk_kind *kind = &disk_uring;

int disk_open(const char *target, bool readonly, bool discard, struct disk_info *info, char *why,
              size_t room)
{
    *info = (struct disk_info){0};
    /* nbd://, nbds://, nbd+unix:// ...: no file's absolute path looks so. */
    if (strncmp(target, "nbd", 3) == 0 && strstr(target, "://")) {
        kind = &disk_nbd;
        return disk_nbd_open(target, readonly, discard, info, why, room);
    }
    kind = &disk_uring;
    return disk_uring_open(target, readonly, discard, info, why, room);
}

const int *disk_calls(size_t *n)
{
    *n = kind->nr_calls;
    return kind->calls;
}

int disk_lend(void *buffer, size_t bytes)
{
    return kind->lend ? kind->lend(buffer, bytes) : -1;
}

void disk_submit(struct disk_io *io)
{
    kind->submit(io);
}

void disk_kick(void)
{
    kind->kick();
}
