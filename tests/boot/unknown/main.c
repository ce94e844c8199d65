/* Property: hypercall numbers that mean nothing, or nothing here, answer -ENOSYS and change no
 * register. */
#include "pvk.h"

static void run(void)
{
    static const unsigned int gone[] = {6,  11, 16, 19, 27, 34, 38, 43, 44,  45,  46,  47,
                                        49, 50, 55, 56, 57, 62, 63, 64, 100, 127, 128, 1000};

    for (unsigned int i = 0; i < ARRAY_SIZE(gone); i++) {
        /* 11 is none, 27 xsm_op without XSM, 34 hvm_op. 6, 16, 19 are forms of before Xen 3.1. */
        long rc =
            hypercall(gone[i], BAD_POINTER, BAD_POINTER, BAD_POINTER, BAD_POINTER, BAD_POINTER);
        if (gone[i] == 6 || gone[i] == 16 || gone[i] == 19 || gone[i] == 34 ||
            (gone[i] >= 48 && gone[i] < 56))
            note("number %u: %s", gone[i], rc_name(rc));
        else
            say("number %u: %s", gone[i], rc_name(rc));
    }
    say("number 2^32: %s", rc_name(hypercall(1UL << 32, 0, 0, 0, 0, 0)));
    say("number 2^63 + 17: %s", rc_name(hypercall((1UL << 63) + 17, 0, 0, 0, 0, 0)));
    say("number -1: %s", rc_name(hypercall(~0UL, 0, 0, 0, 0, 0)));
    uint64_t kept[6] = {1, 2, 3, 4, 5, 6};
    __asm__ volatile(
        "mov $0x1001, %%rbx; mov $0x1003, %%r12; mov $0x1004, %%r13; mov $0x1005, %%r14\n"
        "push %%rbp; mov $0x1006, %%rbp; mov $17, %%eax; xor %%edi, %%edi; xor %%esi, %%esi\n"
        "call hypercall_entry\n"
        "mov %%rbp, %%rax; pop %%rbp\n"
        "mov %%rax, %0; mov %%rbx, %1; mov %%r12, %2; mov %%r13, %3; mov %%r14, %4"
        : "=m"(kept[0]), "=m"(kept[1]), "=m"(kept[2]), "=m"(kept[3]), "=m"(kept[4])
        :
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
          "memory", "cc");
    say("rbp %lx rbx %lx r12 %lx r13 %lx r14 %lx are kept", kept[0], kept[1], kept[2], kept[3],
        kept[4]);
}
PROPERTY(unknown, "unknown", run);
