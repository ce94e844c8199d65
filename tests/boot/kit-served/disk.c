/* kv's disk where kv is a process: /dev/xvda, past the cache, so that what was written outlives the
 * guest as it does on the kit. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "examples/kv/log.h"

#define PAGE 4096U /* O_DIRECT wants buffers that begin so */

uint64_t kv_disk_size;
static int disk = -1;
static char *buffer;

int kv_disk_open(void)
{
    disk = open("/dev/xvda", O_RDWR | O_DIRECT | O_CLOEXEC);
    off_t size = disk < 0 ? -1 : lseek(disk, 0, SEEK_END);
    buffer = aligned_alloc(PAGE, KV_BATCH);
    if (size < 0 || !buffer)
        return -1;
    kv_disk_size = (uint64_t)size;
    return 0;
}

int kv_disk_read(uint64_t offset, void *bytes, size_t length)
{
    for (size_t done = 0, n; done < length; done += n) {
        n = length - done < KV_BATCH ? length - done : KV_BATCH;
        if (pread(disk, buffer, n, (off_t)(offset + done)) != (ssize_t)n)
            return -1;
        memcpy((char *)bytes + done, buffer, n);
    }
    return 0;
}

int kv_disk_write(uint64_t offset, const void *bytes, size_t length)
{
    for (size_t done = 0, n; done < length; done += n) {
        n = length - done < KV_BATCH ? length - done : KV_BATCH;
        memcpy(buffer, (const char *)bytes + done, n);
        if (pwrite(disk, buffer, n, (off_t)(offset + done)) != (ssize_t)n)
            return -1;
    }
    return 0;
}

int kv_disk_flush(void)
{
    return fdatasync(disk);
}
