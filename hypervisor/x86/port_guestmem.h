/* Guest memory on x86: plain accesses with an entry in the exception table, so that a fault becomes
 * -XEN_EFAULT. STAC/CLAC around them are patched in where the CPU has SMAP. */
#ifndef X86_PORT_GUESTMEM_H
#define X86_PORT_GUESTMEM_H

#include "abi/abi.h"
#include "base/num.h"

/* Copies of any length; in x86/guestmem.c. */
int guest_read_any(void *to, uint64_t va, size_t len);
int guest_write_any(uint64_t va, const void *from, size_t len);

/* One entry of the exception table: a fault at `at` continues at `to`. */
#define EXTABLE(at, to)                                                                            \
    ".pushsection .extable, \"a\"\n\t.balign 4\n\t.long " at " - ., " to " - .\n\t.popsection\n\t"

extern uint8_t cpu_has_smap;

static inline void guest_access_on(void)
{
    if (__builtin_expect(cpu_has_smap, 0))
        __asm__ volatile("stac" ::: "memory");
}

static inline void guest_access_off(void)
{
    if (__builtin_expect(cpu_has_smap, 0))
        __asm__ volatile("clac" ::: "memory");
}

/* One access of the type's size: a port, a status, a word. */
#define GUEST_READ(name, type)                                                                     \
    static inline int name(type *to, uint64_t va)                                                  \
    {                                                                                              \
        type value;                                                                                \
                                                                                                   \
        if (unlikely(!gaddr_start_ok(va)))                                                         \
            return -XEN_EFAULT;                                                                    \
        guest_access_on();                                                                         \
        __asm__ goto volatile("1: mov (%1), %0\n\t" EXTABLE("1b", "%l[fault]")                     \
                              : "=r"(value)                                                        \
                              : "r"(va)                                                            \
                              : "memory"                                                           \
                              : fault);                                                            \
        guest_access_off();                                                                        \
        *to = value;                                                                               \
        return 0;                                                                                  \
    fault:                                                                                         \
        guest_access_off();                                                                        \
        return -XEN_EFAULT;                                                                        \
    }
#define GUEST_WRITE(name, type)                                                                    \
    static inline int name(uint64_t va, type value)                                                \
    {                                                                                              \
        if (unlikely(!gaddr_start_ok(va)))                                                         \
            return -XEN_EFAULT;                                                                    \
        guest_access_on();                                                                         \
        __asm__ goto volatile("1: mov %1, (%0)\n\t" EXTABLE("1b", "%l[fault]")                     \
                              :                                                                    \
                              : "r"(va), "r"(value)                                                \
                              : "memory"                                                           \
                              : fault);                                                            \
        guest_access_off();                                                                        \
        return 0;                                                                                  \
    fault:                                                                                         \
        guest_access_off();                                                                        \
        return -XEN_EFAULT;                                                                        \
    }
GUEST_READ(guest_read64, uint64_t)
GUEST_READ(guest_read32, uint32_t)
GUEST_WRITE(guest_write64, uint64_t)
GUEST_WRITE(guest_write16, uint16_t)

#define GUEST_WORDS 8u /* up to so many are copied in line */

static inline __attribute__((always_inline)) int guest_read_words(uint64_t *to, uint64_t va,
                                                                  const size_t n)
{
    if (unlikely(!gaddr_start_ok(va)))
        return -XEN_EFAULT;
    guest_access_on();
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++) {
        uint64_t word;

        __asm__ goto volatile("1: mov %1, %0\n\t" EXTABLE("1b", "%l[fault]")
                              : "=r"(word)
                              : "m"(((const uint64_t *)va)[i])
                              : "memory"
                              : fault);
        to[i] = word;
    }
    guest_access_off();
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

static inline __attribute__((always_inline)) int
guest_write_words(uint64_t va, const uint64_t *from, const size_t n)
{
    if (unlikely(!gaddr_start_ok(va)))
        return -XEN_EFAULT;
    guest_access_on();
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++)
        __asm__ goto volatile("1: mov %1, %0\n\t" EXTABLE("1b", "%l[fault]")
                              :
                              : "m"(((uint64_t *)va)[i]), "r"(from[i])
                              : "memory"
                              : fault);
    guest_access_off();
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

/* The structs of hypercalls are a few words. */
static inline __attribute__((always_inline)) int guest_read(void *to, uint64_t va, size_t len)
{
    if (__builtin_constant_p(len) && !(len % 8) && len / 8 <= GUEST_WORDS)
        return guest_read_words(to, va, len / 8);
    return guest_read_any(to, va, len);
}

static inline __attribute__((always_inline)) int guest_write(uint64_t va, const void *from,
                                                             size_t len)
{
    if (__builtin_constant_p(len) && !(len % 8) && len / 8 <= GUEST_WORDS)
        return guest_write_words(va, from, len / 8);
    return guest_write_any(va, from, len);
}

#endif
