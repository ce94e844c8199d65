/* The mapped file of positions (see slot.h). */
#include "consoled/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SLOTS = 0x8000 }; /* any number a domain can have; untouched pages take no memory */

static struct slot *slots;

int slot_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int rc = flock(fd, LOCK_EX | LOCK_NB) ? (errno == EWOULDBLOCK ? -EBUSY : -errno) : 0;
    if (!rc && ftruncate(fd, SLOTS * sizeof(struct slot)))
        rc = -errno;
    void *p =
        rc ? MAP_FAILED
           : mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!rc && p == MAP_FAILED)
        rc = -errno;
    if (rc) {
        close(fd);
        return rc;
    }
    slots = p; /* fd stays open: the lock is on it */
    return 0;
}

struct slot *slot_of(unsigned domid)
{
    return &slots[domid % SLOTS];
}

uint64_t slot_key(const char *vm, uint32_t port)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *vm; vm++)
        h = (h ^ (unsigned char)*vm) * 0x100000001b3u;
    for (int i = 0; i < 4; i++)
        h = (h ^ (port >> 8 * i & 0xff)) * 0x100000001b3u;
    return h | 1;
}
