/*
 * Memory and text functions, weak: a C library's own are taken where a program links one before.
 * Long runs use the processor's string instructions, which current processors do at full speed. The
 * loops hold a barrier, lest the compiler replaces them by a call of the very function.
 */
#include <stdint.h>
#include "libc/string.h"

#define WEAK      __attribute__((weak))
#define BARRIER() __asm__ volatile("")

WEAK void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

WEAK void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    for (uint8_t *t = to; size--;) {
        t[size] = ((const uint8_t *)from)[size];
        BARRIER();
    }
    return to;
}

WEAK void *memset(void *to, int byte, size_t size)
{
    void *at = to;
    size_t words = size / 8;

    __asm__ volatile("rep stosq"
                     : "+D"(at), "+c"(words)
                     : "a"((uint8_t)byte * 0x0101010101010101UL)
                     : "memory");
    for (size_t i = size & ~7UL; i < size; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
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

WEAK size_t strlen(const char *s)
{
    const char *p = s;

    while (*p) {
        p++;
        BARRIER();
    }
    return (size_t)(p - s);
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
