/* Bits, alignment and small numbers: what every room needs and no header of the compiler gives. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)            (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, m) ((type *)((char *)(p)-offsetof(type, m)))

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

/* Every function that can fail returns an int; ignoring it needs a (void) and a reason. */
#define NODISCARD __attribute__((warn_unused_result))

/* A row of a dispatching switch: a case, and what is returned for it. */
#define ROW(operation, result)                                                                     \
    case operation:                                                                                \
        return result

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL

static inline uint64_t bit64(unsigned n)
{
    return (uint64_t)1 << n;
}

/* `a` is a power of two in all of these. */
static inline bool is_aligned(uint64_t v, uint64_t a)
{
    return (v & (a - 1)) == 0;
}

static inline uint64_t align_down(uint64_t v, uint64_t a)
{
    return v & ~(a - 1);
}

/* Wraps to 0 for values in the last, incomplete unit. */
static inline uint64_t align_up(uint64_t v, uint64_t a)
{
    return (v + (a - 1)) & ~(a - 1);
}

static inline bool is_pow2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

static inline uint64_t div_up(uint64_t v, uint64_t d)
{
    return v / d + (v % d != 0);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Index of the lowest or highest set bit; v must not be 0. */
static inline unsigned lowest_bit(uint64_t v)
{
    return (unsigned)__builtin_ctzll(v);
}

static inline unsigned highest_bit(uint64_t v)
{
    return 63u - (unsigned)__builtin_clzll(v);
}

/* Little-endian loads from bytes of any alignment. */
static inline uint16_t load_le16(const void *p)
{
    uint16_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t load_le32(const void *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t load_le64(const void *p)
{
    uint64_t v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
}

#endif
