/*
 * Property: every command of mmuext_op: pin and unpin at all levels, base pointers, flushes, LDT,
 * clear and copy, super-page marks; counts done; refusals.
 */
#include "pvk.h"

static long operate(struct mmuext_op *ops, unsigned int n, unsigned int *done)
{
    unsigned int count = 0xdead;
    long rc = HC(__HYPERVISOR_mmuext_op, ops, n, &count, DOMID_SELF);
    *done = count;
    return rc;
}

static const unsigned int pin_commands[] = {0, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                            MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE};

static void pins(void)
{
    for (unsigned int level = 1; level <= 4; level++) {
        void *page = page_get();
        uint64_t mfn = va_to_mfn(page);
        say("pin L%u while writable: %s", level, rc_name(mmuext(pin_commands[level], mfn, 0)));
        page_protect(page);
        say("pin L%u: %s", level, rc_name(mmuext(pin_commands[level], mfn, 0)));
        say("pin L%u again: %s", level, rc_name(mmuext(pin_commands[level], mfn, 0)));
        say("pin it as another level: %s", rc_name(mmuext(pin_commands[level % 4 + 1], mfn, 0)));
        say("map it writable: %s", rc_name(pte_try(page, mfn << 12 | PTE_RW, UVMF_INVLPG)));
        if (level == 4)
            note("m2p entry of a pinned L4: %lx", pte_flags(((uint64_t *)page)[256]));
        say("unpin: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0)));
        say("unpin again: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0)));
        say("map it writable: %s", rc_name(pte_try(page, mfn << 12 | PTE_RW, UVMF_INVLPG)));
        memset(page, 0, PAGE_SIZE);
        page_put(page);
    }
    say("pin a frame past the end: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, 0xffffffffffUL, 0)));
    say("pin a hypervisor frame: %s",
        rc_name(mmuext(MMUEXT_PIN_L1_TABLE, (kernel_l4[260] & PTE_FRAME) >> 12, 0)));
    say("pin shared_info: %s",
        rc_name(mmuext(MMUEXT_PIN_L1_TABLE, start_info->shared_info >> 12, 0)));
    say("unpin a frame past the end: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, 0xffffffffffUL, 0)));
    say("unpin a hypervisor frame: %s",
        rc_name(mmuext(MMUEXT_UNPIN_TABLE, (kernel_l4[260] & PTE_FRAME) >> 12, 0)));
}

static void bad_tables(void)
{
    uint64_t *table = page_get(), *data = page_get();
    uint64_t mfn = va_to_mfn(table);
    static const struct {
        const char *what;
        uint64_t entry;
    } cases[] = {
        {"frame past the end", 0x000ffffffffff000UL | PTE_RW},
        {"bits above the address width", 0x000f000000000000UL | PTE_RW},
        {"not present, garbage", 0x123456789abcdef0UL},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        table[5] = cases[i].entry;
        table[4] = va_to_maddr(data) | PTE_RW;
        page_protect(table);
        long rc = mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0);
        say("pin an L1 with %s: %s", cases[i].what, rc_name(rc));
        if (!rc)
            mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
        page_unprotect(table);
        table[5] = table[4] = 0;
    }
    table[5] = mfn << 12 | PTE_RW;
    page_protect(table);
    say("pin an L1 that maps itself writable: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0)));
    page_unprotect(table);
    table[5] = mfn << 12 | PTE_RO;
    page_protect(table);
    long rc = mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0);
    say("pin an L1 that maps itself read-only: %s", rc_name(rc));
    if (!rc)
        mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
    page_unprotect(table);
    table[5] = va_to_maddr(data) | PTE_TABLE;
    page_protect(table);
    say("pin an L2 to a page that is mapped writable: %s",
        rc_name(mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0)));
    page_unprotect(table);
    table[5] = va_to_maddr(data) | PTE_TABLE;
    page_protect(data);
    page_protect(table);
    say("pin an L2 to an empty page: %s", rc_name(mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0)));
    say("the page is then a table: mapping it writable %s",
        rc_name(pte_try(data, va_to_maddr(data) | PTE_RW, 0)));
    say("unpin: %s", rc_name(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0)));
    page_unprotect(data);
    page_unprotect(table);
    page_put(table);
    page_put(data);
}

static void base_pointers(void)
{
    uint64_t *second = page_get(), mfn = va_to_mfn(second);

    for (unsigned int i = 0; i < 512; i++)
        if (i < 256 || i > 271)
            second[i] = kernel_l4[i];
    page_protect(second);
    say("new_baseptr, not pinned: %s", rc_name(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0)));
    say("it runs; back: %s", rc_name(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(kernel_l4), 0)));
    say("writable again: %s", rc_name(pte_try(second, mfn << 12 | PTE_RW, UVMF_INVLPG)));
    page_protect(second);
    say("new_baseptr to an L3: %s",
        rc_name(mmuext(MMUEXT_NEW_BASEPTR, (*pte_of(second, 4) & PTE_FRAME) >> 12, 0)));
    say("new_baseptr past the end: %s", rc_name(mmuext(MMUEXT_NEW_BASEPTR, 0xffffffffffUL, 0)));
    say("new_user_baseptr, not pinned: %s", rc_name(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn, 0)));
    say("new_user_baseptr to an L3: %s",
        rc_name(mmuext(MMUEXT_NEW_USER_BASEPTR, (*pte_of(second, 4) & PTE_FRAME) >> 12, 0)));
    say("writable meanwhile: %s", rc_name(pte_try(second, mfn << 12 | PTE_RW, UVMF_INVLPG)));
    say("new_user_baseptr 0: %s", rc_name(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0)));
    say("writable now: %s", rc_name(pte_try(second, mfn << 12 | PTE_RW, UVMF_INVLPG)));
    if (user_l4)
        mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(user_l4), 0);
    memset(second, 0, PAGE_SIZE);
    page_put(second);
}

static void flushes(void)
{
    static uint64_t mask = 1;
    static const struct {
        const char *what;
        unsigned int cmd;
    } plain[] = {
        {"TLB_FLUSH_LOCAL", MMUEXT_TLB_FLUSH_LOCAL},
        {"TLB_FLUSH_ALL", MMUEXT_TLB_FLUSH_ALL},
        {"FLUSH_CACHE", MMUEXT_FLUSH_CACHE},
        {"FLUSH_CACHE_GLOBAL", MMUEXT_FLUSH_CACHE_GLOBAL},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(plain); i++)
        say("%s: %s", plain[i].what, rc_name(mmuext(plain[i].cmd, 0, 0)));
    say("INVLPG_LOCAL: %s", rc_name(mmuext(MMUEXT_INVLPG_LOCAL, U(&mask), 0)));
    say("INVLPG_ALL: %s", rc_name(mmuext(MMUEXT_INVLPG_ALL, U(&mask), 0)));
    say("INVLPG_LOCAL of the hypervisor: %s", rc_name(mmuext(MMUEXT_INVLPG_LOCAL, HV_POINTER, 0)));
    say("INVLPG_LOCAL non-canonical: %s",
        rc_name(mmuext(MMUEXT_INVLPG_LOCAL, NONCANONICAL_POINTER, 0)));
    say("TLB_FLUSH_MULTI: %s", rc_name(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, U(&mask))));
    say("INVLPG_MULTI: %s", rc_name(mmuext(MMUEXT_INVLPG_MULTI, U(&mask), U(&mask))));
    say("TLB_FLUSH_MULTI, bad mask: %s", rc_name(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, BAD_POINTER)));
    say("INVLPG_MULTI, bad mask: %s", rc_name(mmuext(MMUEXT_INVLPG_MULTI, U(&mask), BAD_POINTER)));
    mask = ~0UL;
    say("TLB_FLUSH_MULTI, vCPUs that are not: %s",
        rc_name(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, U(&mask))));
    mask = 1;
}

static void pages(void)
{
    uint64_t *a = page_get(), *b = page_get();

    for (unsigned int i = 0; i < 512; i++)
        a[i] = i;
    say("COPY_PAGE: %s", rc_name(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(a))));
    say("copied: %d", !memcmp(a, b, PAGE_SIZE));
    say("CLEAR_PAGE: %s", rc_name(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(b), 0)));
    say("cleared: %d", !b[1] && !b[511]);
    say("CLEAR_PAGE of a table: %s", rc_name(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(kernel_l4), 0)));
    say("COPY_PAGE to a table: %s",
        rc_name(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(kernel_l4), va_to_mfn(a))));
    say("COPY_PAGE from a table: %s",
        rc_name(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(kernel_l4))));
    say("CLEAR_PAGE past the end: %s", rc_name(mmuext(MMUEXT_CLEAR_PAGE, 0xffffffffffUL, 0)));
    say("COPY_PAGE from the hypervisor: %s",
        rc_name(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), (kernel_l4[260] & PTE_FRAME) >> 12)));
    say("MARK_SUPER: %s", rc_name(mmuext(MMUEXT_MARK_SUPER, 0, 0)));
    say("UNMARK_SUPER: %s", rc_name(mmuext(MMUEXT_UNMARK_SUPER, 0, 0)));
    page_put(a);
    page_put(b);
}

static void batches(void)
{
    struct mmuext_op ops[8];
    unsigned int done;

    for (unsigned int i = 0; i < 8; i++)
        ops[i] = (struct mmuext_op){.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    long rc = operate(ops, 8, &done);
    say("batch of 8: %s, %u done", rc_name(rc), done);
    ops[5].cmd = 99;
    rc = operate(ops, 8, &done);
    say("batch whose entry 5 is unknown: %s, %u done", rc_name(rc), done);
    rc = operate(ops, 0, &done);
    say("batch of none: %s, %u done", rc_name(rc), done);
    rc = operate((void *)BAD_POINTER, 2, &done);
    say("bad entries: %s, %u done", rc_name(rc), done);
    rc = operate((void *)HV_POINTER, 2, &done);
    say("entries in the hypervisor: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmuext_op, ops, 1, BAD_POINTER, DOMID_SELF);
    say("bad place for the count: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmuext_op, ops, 1, 0, 1234);
    say("for nobody: %s", rc_name(rc));
    rc = HC(__HYPERVISOR_mmuext_op, ops, 1, 0, DOMID_XEN);
    say("for DOMID_XEN: %s", rc_name(rc));
}

static void run(void)
{
    pins();
    bad_tables();
    base_pointers();
    flushes();
    pages();
    batches();
    say("SET_LDT of none: %s", rc_name(mmuext(MMUEXT_SET_LDT, 0, 0)));
    say("SET_LDT misaligned: %s", rc_name(mmuext(MMUEXT_SET_LDT, U(&run) & ~4095UL, 8193)));
    say("SET_LDT at an odd address: %s",
        rc_name(mmuext(MMUEXT_SET_LDT, (U(&run) & ~4095UL) + 8, 4)));
    say("SET_LDT in the hypervisor: %s", rc_name(mmuext(MMUEXT_SET_LDT, HV_POINTER, 4)));
}
PROPERTY(mmuext, "mmuext", run);
