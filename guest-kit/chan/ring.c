/* One direction of a channel: indices and bytes, with a peer that may lie. Pure. */
#include "chan/ring.h"
#include "libc/string.h"

bool chan_ring_place(struct chan_ring *r, struct vchan_interface *page, struct ring_shared *shared,
                     uint16_t order, uint32_t own)
{
    if (order != 10 && order != 11)
        return false;
    *r = (struct chan_ring){.shared = shared,
                            .bytes = (uint8_t *)page + (1U << order),
                            .size = 1U << order,
                            .own = own};
    return true;
}

static uint32_t used_by_producer(const struct chan_ring *r)
{
    return r->own - __atomic_load_n(&r->shared->cons, __ATOMIC_ACQUIRE);
}

static uint32_t used_by_consumer(const struct chan_ring *r)
{
    return __atomic_load_n(&r->shared->prod, __ATOMIC_ACQUIRE) - r->own;
}

bool chan_ring_can_put(const struct chan_ring *r)
{
    return used_by_producer(r) != r->size;
}

bool chan_ring_can_get(const struct chan_ring *r)
{
    return used_by_consumer(r) != 0;
}

long chan_ring_put(struct chan_ring *r, const void *bytes, size_t size)
{
    uint32_t used = used_by_producer(r), at = r->own & (r->size - 1);

    if (used > r->size)
        return -1;
    size_t n = size < r->size - used ? size : r->size - used;
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(r->bytes + at, bytes, first);
    memcpy(r->bytes, (const uint8_t *)bytes + first, n - first);
    r->own += (uint32_t)n;
    __atomic_store_n(&r->shared->prod, r->own, __ATOMIC_RELEASE);
    return (long)n;
}

long chan_ring_get(struct chan_ring *r, void *bytes, size_t size)
{
    uint32_t used = used_by_consumer(r), at = r->own & (r->size - 1);

    if (used > r->size)
        return -1;
    size_t n = size < used ? size : used;
    size_t first = n < r->size - at ? n : r->size - at;
    memcpy(bytes, r->bytes + at, first);
    memcpy((uint8_t *)bytes + first, r->bytes, n - first);
    r->own += (uint32_t)n;
    __atomic_store_n(&r->shared->cons, r->own, __ATOMIC_RELEASE);
    return (long)n;
}
