/* Property 'exits': leaves the hypervisor by SYSRET and by IRET for ever, and sees each time that
 * its registers are its own: what an NMI in the last instructions of an exit could lose
 * (tests/boot/xpti/run sends one before each of them). */
#include "pvk.h"

static uint64_t rounds;

/* A hypercall: back by SYSRET, with rcx and r11 lost. */
static bool by_sysret(uint64_t n)
{
    uint64_t a = __HYPERVISOR_xen_version, b = ~n, d = n << 1, di = XENVER_version;
    register uint64_t r8 __asm__("r8") = n + 8;
    register uint64_t r15 __asm__("r15") = n + 15;

    __asm__ volatile("call hypercall_entry"
                     : "+a"(a), "+b"(b), "+d"(d), "+D"(di), "+r"(r8), "+r"(r15)
                     :
                     : "memory", "cc", "rcx", "r11", "rsi", "r9", "r10");
    return a == (4 << 16 | 17) && b == ~n && d == n << 1 && r8 == n + 8 && r15 == n + 15;
}

/* A privileged instruction, which is emulated: back by IRET, with everything as it was. */
static bool by_iret(uint64_t n)
{
    uint64_t a = n, b, c = n << 1, d = n << 2;
    register uint64_t r8 __asm__("r8") = n + 8;
    register uint64_t r11 __asm__("r11") = n + 11;
    register uint64_t r15 __asm__("r15") = n + 15;

    __asm__ volatile("mov %%cr0, %1"
                     : "+a"(a), "=&b"(b), "+c"(c), "+d"(d), "+r"(r8), "+r"(r11), "+r"(r15)
                     :
                     : "memory");
    return a == n && b & 1 && c == n << 1 && d == n << 2 && r8 == n + 8 && r11 == n + 11 &&
           r15 == n + 15;
}

static void run(void)
{
    tell("leaves");
    for (uint64_t n = 1;; n++) {
        if (!by_sysret(n))
            tell("SYSRET lost a register in round %lu", n);
        if (!by_iret(n))
            tell("IRET lost a register in round %lu", n);
        if (!(++rounds % 0x4000))
            tell("round %lu", rounds);
    }
}

PROPERTY_FLAGS(exits, "exits", run, PROPERTY_ALONE);
