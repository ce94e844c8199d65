/*
 * A mischievous front-end against argon-netd's pure parts: slots and frames out of noise. The
 * buffers are exactly as long as what they hold, so that ASan sees a byte too far.
 */
#include <stdlib.h>
#include <string.h>

#include "netd/filter.h"
#include "netd/pkt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pieces(const struct pkt *p, unsigned n)
{
    uint32_t sum = 0;
    if (p->nr_slots > n || p->nr_slots != p->nr_pieces + p->nr_extras)
        abort();
    for (unsigned i = 0; i < p->nr_pieces; i++) {
        if (!p->bad && p->piece[i].offset + p->piece[i].len > PKT_PAGE)
            abort();
        sum += p->piece[i].len;
    }
    if (!p->bad && sum != p->bytes)
        abort();
}

static void try_frame(const struct pkt *p, const uint8_t *data, size_t size)
{
    static const struct filter f = {.nr_v4 = 1, .v4 = {{10, 0, 0, 2}}, .nr_v6 = 1};
    struct pkt own = *p;
    struct virtio_net_hdr h;
    struct pkt_info info;
    if (size < PKT_FRAME_MIN || size > PKT_BYTES)
        return;
    uint8_t *frame = malloc(size);
    memcpy(frame, data, size);
    own.bytes = (uint32_t)size;
    if (pkt_to_tap(&own, frame, &h) && h.flags && h.csum_start + h.csum_offset + 2u > size)
        abort();
    (void)filter_passes(&f, frame, (uint32_t)size);
    memcpy(&h, data, sizeof h);
    if (pkt_from_tap(&h, frame, (uint32_t)size, data[0] & 1, data[0] & 2, &info) &&
        pkt_slots_for(&info, (uint32_t)size) > 17)
        abort();
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pkt p;
    const char *why;
    if (size < 1)
        return 0;
    unsigned n = data[0] % 26;
    size_t bytes = n * sizeof(union pkt_slot);
    data++, size--;
    if (bytes > size)
        return 0;
    union pkt_slot *slots = malloc(bytes ? bytes : 1);
    memcpy(slots, data, bytes);
    int rc = pkt_gather(&p, slots, n, &why);
    free(slots);
    if (rc)
        p = (struct pkt){.csum_blank = true, .gso_type = n & 3, .gso_size = 99};
    else
        check_pieces(&p, n);
    try_frame(&p, data + bytes, size - bytes);
    return 0;
}
