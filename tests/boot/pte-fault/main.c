/*
 * Property: writing page-table entries in place. A write to a page that is an L1 table faults, and
 * the hypervisor does it instead, checked as an update: by MOV, XCHG, CMPXCHG, AND, OR, ADD, XADD,
 * BTS, of 8 bytes and of less; read-only pages that are no L1 table give the guest its fault.
 */
#include "pvk.h"

static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));

#define FORM(what, start, code, ...)                                                               \
    do {                                                                                           \
        mmu_set(va_to_maddr(entry), (start));                                                      \
        PROBE(code, __VA_ARGS__);                                                                  \
        say("%s: %s, entry %lx, same frame %d", what, fault_name(), pte_flags(*entry),             \
            (*entry & PTE_FRAME) == (frame & PTE_FRAME));                                          \
    } while (0)

static void forms(void)
{
    volatile uint64_t *entry = pte_of(window, 1);
    uint64_t frame = va_to_maddr(window), rw = frame | PTE_RW, ro = frame | PTE_RO, other, flags;

    FORM("mov 8", rw, "mov %1, %0", : "=m"(*entry) : "r"(ro));
    FORM("mov 8, without U", rw, "mov %1, %0", : "=m"(*entry) : "r"(frame | PTE_P | PTE_W));
    FORM("mov 4", rw, "movl %1, %0", : "=m"(*entry) : "r"((uint32_t)ro));
    FORM("mov 2", rw, "movw %1, %0", : "=m"(*entry) : "r"((uint16_t)ro));
    FORM("mov 1", rw, "movb %1, %0", : "=m"(*entry) : "q"((uint8_t)ro));
    FORM("mov immediate", rw, "movq $0, %0", : "=m"(*entry));
    other = ro;
    FORM("xchg", rw, "xchg %1, %0", : "+m"(*entry), "+r"(other));
    say("xchg gave the old one: %lx", pte_flags(other));
    other = rw;
    FORM("cmpxchg that matches", rw | PTE_GUEST_KERNEL, "lock cmpxchg %2, %0; setz %%cl",
         : "+m"(*entry), "+a"(other)
         : "r"(ro)
         : "rcx", "cc");
    other = 0;
    FORM("cmpxchg that does not", rw, "lock cmpxchg %2, %0",
         : "+m"(*entry), "+a"(other)
         : "r"(ro)
         : "cc");
    say("cmpxchg gave %lx", pte_flags(other));
    FORM("lock and byte", rw, "lock andb $0xfd, %0", : "+m"(*entry) : : "cc");
    FORM("and 8", rw, "and %1, %0", : "+m"(*entry) : "r"(~PTE_W) : "cc");
    FORM("or 8", ro, "or %1, %0", : "+m"(*entry) : "r"(PTE_W) : "cc");
    FORM("xor 8", rw, "xor %1, %0", : "+m"(*entry) : "r"(PTE_W) : "cc");
    FORM("add 8", ro, "add %1, %0", : "+m"(*entry) : "r"(PTE_W) : "cc");
    FORM("btr", rw, "lock btrq $1, %0; pushfq; popq %1", : "+m"(*entry), "=r"(flags) : : "cc");
    say("btr's carry: %lu", flags & 1);
    FORM("bts", ro, "lock btsq $1, %0; pushfq; popq %1", : "+m"(*entry), "=r"(flags) : : "cc");
    say("bts's carry: %lu", flags & 1);
    FORM("stos", rw, "stosq", : : "a"(ro), "D"(entry) : "memory");
    mmu_set(va_to_maddr(entry), rw);
    mmuext(MMUEXT_INVLPG_LOCAL, U(window), 0);
}

static void refusals(void)
{
    volatile uint64_t *entry = pte_of(window, 1);
    uint64_t frame = va_to_maddr(window), rw = frame | PTE_RW,
             own = va_to_maddr(kernel_l4) | PTE_RW;
    uint8_t *page = page_get();

    FORM("a writable table", rw, "mov %1, %0", : "=m"(*entry) : "r"(own));
    FORM("a frame past the end", rw, "mov %1, %0",
         : "=m"(*entry)
         : "r"(0x000ffffffffff000UL | PTE_RW));
    FORM("a hypervisor frame", rw, "mov %1, %0",
         : "=m"(*entry)
         : "r"((kernel_l4[260] & PTE_FRAME) | PTE_RW));
    mmu_set(va_to_maddr(entry), rw);
    volatile uint64_t *l2 = pte_of(window, 2), *l4 = kernel_l4;
    PROBE("mov %1, %0", : "=m"(*l2) : "r"(*l2));
    say("writing an L2 entry: %s", fault_name());
    PROBE("mov %1, %0", : "=m"(l4[300]) : "r"(0UL));
    say("writing an L4 entry: %s", fault_name());
    page_protect(page);
    PROBE("movq $0, (%0)", : : "r"(page) : "memory");
    say("writing a read-only page: %s", fault_name());
    page_unprotect(page);
    PROBE("movups %%xmm0, (%0)", : : "r"(U(entry) & ~15UL) : "memory");
    note("16 bytes by SSE: %s", fault_name());
    PROBE("mov %1, 4%0", : "=m"(*entry) : "r"(rw));
    say("8 bytes, misaligned: %s", fault_name());
    page_put(page);
}

static void run(void)
{
    forms();
    refusals();
    say("vm_assist writable_pagetables off: %s",
        rc_name(HC(__HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_writable_pagetables)));
    volatile uint64_t *entry = pte_of(window, 1);
    uint64_t was = *entry;
    PROBE("mov %1, %0", : "=m"(*entry) : "r"(was));
    say("mov without the assist: %s", fault_name());
    say("vm_assist writable_pagetables on: %s",
        rc_name(HC(__HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_writable_pagetables)));
    PROBE("mov %1, %0", : "=m"(*entry) : "r"(was));
    say("mov with the assist: %s", fault_name());
}
PROPERTY(pte_fault, "pte-fault", run);
