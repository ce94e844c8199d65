/* Copies between the hypervisor and guest addresses, and other accesses that may fault. */
#include "port/guestmem.h"

#include "x86/asm.h"

/* Bytes not copied. REP MOVS leaves RCX right when it faults, so the fix-up is just the exit. */
static inline uint64_t copy(void *to, const void *from, size_t len)
{
    __asm__ volatile("1: rep movsb\n2:\n\t" EXTABLE("1b", "2b")
                     : "+D"(to), "+S"(from), "+c"(len)
                     :
                     : "memory");
    return len;
}

/* Lengths that hypercall structs have are a few words: 8 bytes a step. */
static inline uint64_t copy_words(void *to, const void *from, size_t words)
{
    __asm__ volatile("1: rep movsq\n2:\n\t" EXTABLE("1b", "2b")
                     : "+D"(to), "+S"(from), "+c"(words)
                     :
                     : "memory");
    return words;
}

static int copy_checked(void *to, const void *from, size_t len)
{
    uint64_t left;

    guest_access_on();
    if (len & 7)
        left = copy(to, from, len);
    else
        left = copy_words(to, from, len / 8);
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

int wrmsr_safe(uint32_t msr, uint64_t value)
{
    int bad = 0;

    __asm__ volatile("1: wrmsr\n\tjmp 3f\n"
                     "2: mov %4, %0\n3:\n\t" EXTABLE("1b", "2b")
                     : "+r"(bad)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)),
                       "i"(-XEN_EFAULT)
                     : "memory");
    return bad;
}
