/*
 * Guest memory on x86: plain accesses with an entry in the exception table, so that a fault
 * becomes -XEN_EFAULT. STAC/CLAC around them are patched in where the CPU has SMAP.
 */
#ifndef X86_PORT_GUESTMEM_H
#define X86_PORT_GUESTMEM_H

#include "abi/abi.h"
#include "base/num.h"

/* Whole and partial copies; in x86/guestmem.c. */
int guest_read(void *to, uint64_t va, size_t len);
int guest_write(uint64_t va, const void *from, size_t len);

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

static inline int guest_read64(uint64_t *to, uint64_t va)
{
    uint64_t value;

    if (unlikely(!gaddr_start_ok(va)))
        return -XEN_EFAULT;
    guest_access_on();
    __asm__ goto volatile("1: mov (%1), %0\n\t" EXTABLE("1b", "%l[fault]")
                          : "=r"(value)
                          : "r"(va)
                          : "memory"
                          : fault);
    guest_access_off();
    *to = value;
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

/* A port number or an index: one 4-byte access. */
static inline int guest_read32(uint32_t *to, uint64_t va)
{
    uint32_t value;

    if (unlikely(!gaddr_start_ok(va)))
        return -XEN_EFAULT;
    guest_access_on();
    __asm__ goto volatile("1: mov (%1), %k0\n\t" EXTABLE("1b", "%l[fault]")
                          : "=r"(value)
                          : "r"(va)
                          : "memory"
                          : fault);
    guest_access_off();
    *to = value;
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

static inline int guest_write64(uint64_t va, uint64_t value)
{
    if (unlikely(!gaddr_start_ok(va)))
        return -XEN_EFAULT;
    guest_access_on();
    __asm__ goto volatile("1: mov %1, (%0)\n\t" EXTABLE("1b", "%l[fault]")
                          :
                          : "r"(va), "r"(value)
                          : "memory"
                          : fault);
    guest_access_off();
    return 0;
fault:
    guest_access_off();
    return -XEN_EFAULT;
}

#endif
