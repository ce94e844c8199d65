/* XXH64 (xxhash_spec.md), the checksum of zstd: four lanes over 32-byte stripes, then the rest. */
#include "core/load/unpack.h"

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
#define P4 0x85ebca77c2b2ae63u
#define P5 0x27d4eb2f165667c5u

static uint64_t rotate(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

static uint64_t mix(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * P2, 31) * P1;
}

static uint64_t stripes(const uint8_t *p, const uint8_t *end)
{
    uint64_t a = P1 + P2, b = P2, c = 0, d = -P1, h;

    for (; end - p >= 32; p += 32) {
        a = mix(a, load_le64(p));
        b = mix(b, load_le64(p + 8));
        c = mix(c, load_le64(p + 16));
        d = mix(d, load_le64(p + 24));
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    h = (h ^ mix(0, a)) * P1 + P4;
    h = (h ^ mix(0, b)) * P1 + P4;
    h = (h ^ mix(0, c)) * P1 + P4;
    return (h ^ mix(0, d)) * P1 + P4;
}

uint64_t unpack_xxh64(const uint8_t *p, size_t len)
{
    const uint8_t *end = p + len;
    uint64_t h = (len >= 32 ? stripes(p, end) : P5) + len;

    p += len & ~(size_t)31;
    for (; end - p >= 8; p += 8)
        h = rotate(h ^ mix(0, load_le64(p)), 27) * P1 + P4;
    if (end - p >= 4) {
        h = rotate(h ^ load_le32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        h = rotate(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
