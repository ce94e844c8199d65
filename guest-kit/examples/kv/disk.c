/* kv's disk: the guest's first, through the kit's block front-end. */
#include <gk/blk.h>
#include <gk/thread.h>
#include <gk/time.h>

#include "examples/kv/log.h"

uint64_t kv_disk_size;
static struct gk_blk *disk;

int kv_disk_open(void)
{
    struct gk_blk_info info;
    if (gk_blk_open(NULL, gk_time_mono() + 60 * GK_S, &disk))
        return -1;
    gk_blk_info(disk, &info);
    kv_disk_size = info.size;
    return info.sector_size <= KV_SECTOR && !info.readonly ? 0 : -1;
}

int kv_disk_read(uint64_t offset, void *bytes, size_t length)
{
    return gk_blk_read(disk, offset, bytes, length);
}

int kv_disk_write(uint64_t offset, const void *bytes, size_t length)
{
    return gk_blk_write(disk, offset, bytes, length);
}

int kv_disk_flush(void)
{
    return gk_blk_flush(disk);
}
