/* The two byte rings of <xen/io/xs_wire.h>. Pure. */
#include "libc/string.h"
#include "xenbus/xb.h"

#define SIZE XENSTORE_RING_SIZE

/* A run may wrap once. */
static void copy_in(char *ring, XENSTORE_RING_IDX at, const char *bytes, size_t n)
{
    size_t first = SIZE - MASK_XENSTORE_IDX(at);

    first = first < n ? first : n;
    memcpy(ring + MASK_XENSTORE_IDX(at), bytes, first);
    memcpy(ring, bytes + first, n - first);
}

static void copy_out(char *bytes, const char *ring, XENSTORE_RING_IDX at, size_t n)
{
    size_t first = SIZE - MASK_XENSTORE_IDX(at);

    first = first < n ? first : n;
    memcpy(bytes, ring + MASK_XENSTORE_IDX(at), first);
    memcpy(bytes + first, ring, n - first);
}

long xs_ring_put(struct xenstore_domain_interface *ring, const void *bytes, size_t length)
{
    XENSTORE_RING_IDX consumer = __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
    XENSTORE_RING_IDX producer = ring->req_prod, used = producer - consumer;

    if (used > SIZE)
        return -1;
    size_t n = length < SIZE - used ? length : SIZE - used;
    copy_in(ring->req, producer, bytes, n);
    __atomic_store_n(&ring->req_prod, producer + (XENSTORE_RING_IDX)n, __ATOMIC_RELEASE);
    return (long)n;
}

long xs_ring_get(struct xenstore_domain_interface *ring, void *bytes, size_t size)
{
    XENSTORE_RING_IDX producer = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE);
    XENSTORE_RING_IDX consumer = ring->rsp_cons, used = producer - consumer;

    if (used > SIZE)
        return -1;
    size_t n = size < used ? size : used;
    copy_out(bytes, ring->rsp, consumer, n);
    __atomic_store_n(&ring->rsp_cons, consumer + (XENSTORE_RING_IDX)n, __ATOMIC_RELEASE);
    return (long)n;
}
