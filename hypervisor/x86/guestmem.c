/* Copies between the hypervisor and guest addresses, and other accesses that may fault. */
#include "port/guestmem.h"

#include "x86/asm.h"

/* `count` units of the instruction; those not done, as REP MOVS leaves RCX right when it faults. */
#define REP_MOVS(unit, to, from, count)                                                            \
    __asm__ volatile("1: rep movs" unit "\n2:\n\t" EXTABLE("1b", "2b")                             \
                     : "+D"(to), "+S"(from), "+c"(count)                                           \
                     :                                                                             \
                     : "memory")

static int copy_checked(void *to, const void *from, size_t len)
{
    uint64_t left = len & 7 ? len : len / 8; /* hypercalls' structs are a few words */

    guest_access_on();
    if (len & 7)
        REP_MOVS("b", to, from, left);
    else
        REP_MOVS("q", to, from, left);
    guest_access_off();
    return left ? -XEN_EFAULT : 0;
}

int guest_read_any(void *to, uint64_t va, size_t len)
{
    if (!gaddr_ok(va, len))
        return -XEN_EFAULT;
    return copy_checked(to, (const void *)va, len);
}

int guest_write_any(uint64_t va, const void *from, size_t len)
{
    if (!gaddr_ok(va, len))
        return -XEN_EFAULT;
    return copy_checked((void *)va, from, len);
}

int rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo, hi;
    int bad = 0;

    __asm__ volatile("1: rdmsr\n\tjmp 3f\n"
                     "2: mov %4, %2\n3:\n\t" EXTABLE("1b", "2b")
                     : "=a"(lo), "=d"(hi), "+r"(bad)
                     : "c"(msr), "i"(-XEN_EFAULT));
    if (!bad)
        *value = (uint64_t)hi << 32 | lo;
    return bad;
}
