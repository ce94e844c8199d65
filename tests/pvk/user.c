/* User mode: a second page-table tree with one text and a few data pages, entered by IRET. */
#include "pvk.h"

uint64_t *user_l4;
uint8_t *user_data;

extern const uint8_t user_text_start[], user_text_end[];

uint64_t user_address(const void *symbol)
{
    return USER_TEXT + (U(symbol) - U(user_text_start));
}

/* Both trees share everything below the one L4 entry, so the kernel reads user memory at its own
 * addresses. */
void user_init(void)
{
    if (user_l4)
        return;
    uint64_t *l4 = page_get();
    for (const uint8_t *p = user_text_start; p < user_text_end; p += PAGE_SIZE) {
        pte_set(p, va_to_maddr(p) | PTE_RO);
        *tables_extend(l4, user_address(p)) = va_to_maddr(p) | PTE_RO;
    }
    for (unsigned int i = 0; i < USER_DATA_PAGES; i++) {
        uint8_t *page = page_get();
        if (i == 0)
            user_data = page;
        *tables_extend(l4, USER_DATA + i * PAGE_SIZE) = va_to_maddr(page) | PTE_RW | PTE_NX;
    }
    tables_protect(l4);
    long rc = mmuext(MMUEXT_PIN_L4_TABLE, va_to_mfn(l4), 0);
    if (rc)
        panic("pinning the user tables: %s", rc_name(rc));
    unsigned int slot = (USER_TEXT >> 39) & 511;
    rc = mmu_set(va_to_maddr(kernel_l4) + slot * 8, l4[slot]);
    if (rc)
        panic("sharing the user tables: %s", rc_name(rc));
    rc = mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(l4), 0);
    if (rc)
        panic("new_user_baseptr: %s", rc_name(rc));
    user_l4 = l4;
}

struct regs user_frame(const void *entry, uint64_t a1, uint64_t a2, uint64_t a3)
{
    return (struct regs){
        .rip = user_address(entry),
        .cs = FLAT_USER_CS64,
        .ss = FLAT_USER_SS64,
        .rflags = FLAG_IF,
        .rsp = USER_STACK,
        .rdi = a1,
        .rsi = a2,
        .rdx = a3,
    };
}

void user_run(const struct regs *start)
{
    struct cpu *cpu = this_cpu();
    /* Volatile: it must survive the second return of context_save. */
    static struct regs frames[MAX_VCPUS];

    HC(__HYPERVISOR_stack_switch, FLAT_KERNEL_SS, U(cpu) + USER_ENTRY_STACK_TOP);
    frames[cpu->id] = *start;
    if (context_save(&cpu->user_caller))
        return;
    cpu->in_user = true;
    frame_load(&frames[cpu->id]);
}
