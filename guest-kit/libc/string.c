/*
 * Memory and text functions, weak: a C library's own are taken where a program links one before.
 * Short runs go by words, as the processor's string instructions take their time to start; the last
 * word may overlap the one before it. The loops hold a barrier, lest the compiler replaces them by
 * a call of the very function.
 */
#include <stdint.h>
#include "libc/string.h"

#define WEAK      __attribute__((weak))
#define BARRIER() __asm__ volatile("")

#define LONG 256 /* bytes from which on a string instruction is quicker */

/* Words anywhere in memory that has other types. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
typedef uint32_t __attribute__((may_alias, aligned(1))) half;

/* Fewer than eight bytes, which may overlap: all are read before the first is written. */
static void copy_few(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size >= 4) {
        half first = *(const half *)from, last = *(const half *)(from + size - 4);
        *(half *)to = first;
        *(half *)(to + size - 4) = last;
    } else if (size) {
        uint8_t first = *from, middle = from[size / 2], last = from[size - 1];
        *to = first;
        to[size / 2] = middle;
        to[size - 1] = last;
    }
}

/* From the first byte to the last; `t` may lie before `f` and overlap it, so the last word is read
 * before it may be overwritten. */
static inline void copy_forward(uint8_t *t, const uint8_t *f, size_t size)
{
    if (size < 8) {
        copy_few(t, f, size);
        return;
    }
    word last = *(const word *)(f + size - 8);
    uint8_t *end = t + size - 8;
    if (size >= LONG) {
        size_t words = size / 8;
        __asm__ volatile("rep movsq" : "+D"(t), "+S"(f), "+c"(words) : : "memory");
    } else {
        for (; t + 24 < end; t += 32, f += 32) {
            word a = *(const word *)f, b = *(const word *)(f + 8);
            *(word *)t = a;
            *(word *)(t + 8) = b;
            a = *(const word *)(f + 16);
            b = *(const word *)(f + 24);
            *(word *)(t + 16) = a;
            *(word *)(t + 24) = b;
            BARRIER();
        }
        for (; t < end; t += 8, f += 8) {
            *(word *)t = *(const word *)f;
            BARRIER();
        }
    }
    *(word *)end = last;
}

WEAK void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_forward(to, from, size);
    return to;
}

WEAK void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((uintptr_t)to - (uintptr_t)from >= size) {
        copy_forward(t, f, size);
        return to;
    }
    if (size < 8) {
        copy_few(t, f, size);
        return to;
    }
    word first = *(const word *)f;
    for (; size > 8; size -= 8) {
        *(word *)(t + size - 8) = *(const word *)(f + size - 8);
        BARRIER();
    }
    *(word *)t = first;
    return to;
}

WEAK void *memset(void *to, int byte, size_t size)
{
    uint64_t value = (uint8_t)byte * 0x0101010101010101UL;
    uint8_t *t = to;

    if (size < 8) {
        for (size_t i = 0; i < size; i++)
            ((volatile uint8_t *)t)[i] = (uint8_t)byte;
        return to;
    }
    uint8_t *end = t + size - 8;
    if (size >= LONG) {
        size_t words = size / 8;
        __asm__ volatile("rep stosq" : "+D"(t), "+c"(words) : "a"(value) : "memory");
    } else {
        for (; t < end; t += 8) {
            *(word *)t = value;
            BARRIER();
        }
    }
    *(word *)end = value;
    return to;
}

WEAK int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;

    for (; size; size--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

typedef char chars __attribute__((vector_size(16)));

/* The first `byte` of a text, or its end. Looks at aligned pieces of sixteen, which reach over the
 * end but never into another page. */
static const char *find(const char *s, char byte)
{
    const chars wanted = (chars){} + byte, zero = {};
    const char *at = (const char *)((uintptr_t)s & ~15UL);
    unsigned int before = ~0U << ((uintptr_t)s & 15);

    for (;; at += 16) {
        chars piece = *(const chars *)at;
        unsigned int found =
            (unsigned int)__builtin_ia32_pmovmskb128((piece == wanted) | (piece == zero)) & before;
        if (found)
            return at + __builtin_ctz(found);
        before = ~0U;
    }
}

WEAK size_t strlen(const char *s)
{
    return (size_t)(find(s, 0) - s);
}

WEAK char *strchr(const char *s, int byte)
{
    const char *at = find(s, (char)byte);

    return *at == (char)byte ? (char *)(uintptr_t)at : NULL;
}

WEAK size_t strcspn(const char *s, const char *set)
{
    const char *at = s;

    if (!set[0] || !set[1])
        return (size_t)(find(s, set[0]) - s);
    for (; *at; at++)
        for (const char *p = set; *p; p++)
            if (*p == *at)
                return (size_t)(at - s);
    return (size_t)(at - s);
}

WEAK int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (uint8_t)*a - (uint8_t)*b;
}

WEAK int strncmp(const char *a, const char *b, size_t size)
{
    for (; size && *a && *a == *b; a++, b++, size--)
        ;
    return size ? (uint8_t)*a - (uint8_t)*b : 0;
}
