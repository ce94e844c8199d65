/* The console's two byte rings, <xen/io/console.h>. Pure. */
#include "console/con.h"

size_t con_ring_put(struct xencons_interface *ring, const char *bytes, size_t length)
{
    XENCONS_RING_IDX consumer = __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE);
    XENCONS_RING_IDX producer = ring->out_prod;
    XENCONS_RING_IDX used = producer - consumer;
    size_t n;

    if (used > sizeof(ring->out))
        return 0;
    for (n = 0; n < length && used + n < sizeof(ring->out); n++)
        ring->out[MASK_XENCONS_IDX(producer + n, ring->out)] = bytes[n];
    __atomic_store_n(&ring->out_prod, producer + (XENCONS_RING_IDX)n, __ATOMIC_RELEASE);
    return n;
}

size_t con_ring_get(struct xencons_interface *ring, char *bytes, size_t size)
{
    XENCONS_RING_IDX producer = __atomic_load_n(&ring->in_prod, __ATOMIC_ACQUIRE);
    XENCONS_RING_IDX consumer = ring->in_cons;
    XENCONS_RING_IDX used = producer - consumer;
    size_t n;

    if (used > sizeof(ring->in))
        return 0;
    for (n = 0; n < size && n < used; n++)
        bytes[n] = ring->in[MASK_XENCONS_IDX(consumer + n, ring->in)];
    __atomic_store_n(&ring->in_cons, consumer + (XENCONS_RING_IDX)n, __ATOMIC_RELEASE);
    return n;
}

bool con_ring_flushed(const struct xencons_interface *ring)
{
    return __atomic_load_n(&ring->out_cons, __ATOMIC_ACQUIRE) == ring->out_prod;
}
