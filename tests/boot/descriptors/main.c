/*
 * Property: segment descriptors. set_gdt and update_descriptor accept what cannot raise privilege
 * and refuse the rest; pages in use as GDT or LDT are never writable; LDT entries are checked when
 * first used.
 */
#include "pvk.h"

#define CODE64 0x00af9b000000ffffUL
#define DATA   0x00cf93000000ffffUL
#define DPL3   (3UL << 45)

static long set_gdt(uint64_t *page, unsigned int entries)
{
    xen_pfn_t frame = va_to_mfn(page);
    return HC(__HYPERVISOR_set_gdt, &frame, entries);
}

static const struct {
    const char *what;
    uint64_t descriptor;
} cases[] = {
    {"flat code, DPL 0", CODE64},
    {"flat code, DPL 3", CODE64 | DPL3},
    {"flat data, DPL 3", DATA | DPL3},
    {"data, not present", (DATA | DPL3) & ~(1UL << 47)},
    {"data, accessed clear", (DATA | DPL3) & ~(1UL << 40)},
    {"conforming code", (CODE64 | DPL3) | 1UL << 42},
    {"code with L and D", (CODE64 | DPL3) | 1UL << 54},
    {"data based in the hypervisor's range (32 bits of it)", DATA | DPL3 | 0xffUL << 56},
    {"32-bit code", 0x00cffb000000ffffUL},
    {"16-bit data of one byte", 0x0000f30000000000UL},
    {"LDT", 0x0000e2000000ffffUL},
    {"available TSS", 0x0000e9000000ffffUL},
    {"call gate", 0x0000ec00e033ffffUL},
    {"interrupt gate", 0x0000ee00e033ffffUL},
    {"task gate", 0x0000e500e033ffffUL},
    {"zero", 0},
};

static void update(void)
{
    uint64_t *gdt = page_get();

    page_protect(gdt);
    say("set_gdt: %s", rc_name(set_gdt(gdt, 512)));
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        long rc = HC(__HYPERVISOR_update_descriptor, va_to_maddr(gdt + 4), cases[i].descriptor);
        say("update_descriptor, %s: %s, reads %lx", cases[i].what, rc_name(rc), gdt[4]);
    }
    say("map it writable: %s", rc_name(pte_try(gdt, va_to_maddr(gdt) | PTE_RW, UVMF_INVLPG)));
    PROBE("movq $0, (%0)", : : "r"(gdt) : "memory");
    say("writing into it: %s", fault_name());
    say("update_descriptor misaligned: %s",
        rc_name(HC(__HYPERVISOR_update_descriptor, va_to_maddr(gdt) + 4, 0)));
    say("update_descriptor past the end: %s",
        rc_name(HC(__HYPERVISOR_update_descriptor, 0x000ffffffffff000UL, 0)));
    say("update_descriptor in the hypervisor: %s",
        rc_name(HC(__HYPERVISOR_update_descriptor, kernel_l4[260] & PTE_FRAME, 0)));
    say("update_descriptor in a page table: %s",
        rc_name(HC(__HYPERVISOR_update_descriptor, va_to_maddr(kernel_l4) + 800, DATA | DPL3)));
    uint64_t *plain = page_get();
    long rc = HC(__HYPERVISOR_update_descriptor, va_to_maddr(plain) + 8, DATA | DPL3);
    say("update_descriptor in a plain page: %s, holds %lx", rc_name(rc), plain[1]);
    page_put(plain);

    HC(__HYPERVISOR_update_descriptor, va_to_maddr(gdt + 4), DATA | DPL3);
    HC(__HYPERVISOR_update_descriptor, va_to_maddr(gdt + 5), (DATA | DPL3) & ~(1UL << 47));
    HC(__HYPERVISOR_update_descriptor, va_to_maddr(gdt + 6), DATA);
    PROBE("mov %0, %%ds", : : "r"(0x23) : "memory");
    say("ds with the data descriptor: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x2b) : "memory");
    say("ds with the one not present: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x33) : "memory");
    say("ds with the one given as DPL 0: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x3b) : "memory");
    say("ds with an empty one: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x1003) : "memory");
    say("ds past the frames given: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0xe008) : "memory");
    say("ds with a hypervisor selector: %s", fault_name());
    __asm__ volatile("mov %0, %%ds" : : "r"(0));
    say("set_gdt away: %s", rc_name(HC(__HYPERVISOR_set_gdt, 0, 0)));
    PROBE("mov %0, %%ds", : : "r"(0x23) : "memory");
    say("ds then: %s", fault_name());
    say("map it writable: %s", rc_name(pte_try(gdt, va_to_maddr(gdt) | PTE_RW, UVMF_INVLPG)));
    page_put(gdt);
}

static void whole_tables(void)
{
    uint64_t *gdt = page_get();
    xen_pfn_t frames[17];

    say("set_gdt, page writable: %s", rc_name(set_gdt(gdt, 512)));
    page_protect(gdt);
    for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++)
        frames[i] = va_to_mfn(gdt);
    say("set_gdt of 14 pages, all the same: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 7168)));
    say("set_gdt of one entry more: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 7169)));
    say("set_gdt of 8193: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 8193)));
    frames[0] = 0xffffffffffUL;
    say("set_gdt with a frame past the end: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 512)));
    frames[0] = (kernel_l4[260] & PTE_FRAME) >> 12;
    say("set_gdt with a hypervisor frame: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 512)));
    frames[0] = va_to_mfn(kernel_l4);
    say("set_gdt with a page table: %s", rc_name(HC(__HYPERVISOR_set_gdt, frames, 512)));
    say("set_gdt with a bad array: %s", rc_name(HC(__HYPERVISOR_set_gdt, BAD_POINTER, 512)));
    say("set_gdt away: %s", rc_name(HC(__HYPERVISOR_set_gdt, 0, 0)));
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        page_unprotect(gdt);
        gdt[3] = cases[i].descriptor;
        page_protect(gdt);
        long rc = set_gdt(gdt, 512);
        say("set_gdt over %s: %s, reads %lx", cases[i].what, rc_name(rc), gdt[3]);
        HC(__HYPERVISOR_set_gdt, 0, 0);
    }
    page_unprotect(gdt);
    memset(gdt, 0, PAGE_SIZE);
    page_put(gdt);
}

static void local(void)
{
    uint64_t *ldt = page_get();

    ldt[1] = DATA | DPL3;
    ldt[2] = (DATA | DPL3) & ~(1UL << 47);
    page_protect(ldt);
    say("SET_LDT of 16: %s", rc_name(mmuext(MMUEXT_SET_LDT, U(ldt), 16)));
    PROBE("mov %0, %%ds", : : "r"(0xf) : "memory");
    say("ds from it: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x17) : "memory");
    say("ds with one not present: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x1f) : "memory");
    say("ds with an empty one: %s", fault_name());
    PROBE("mov %0, %%ds", : : "r"(0x8f) : "memory");
    say("ds past its limit: %s", fault_name());
    say("map it writable: %s", rc_name(pte_try(ldt, va_to_maddr(ldt) | PTE_RW, UVMF_INVLPG)));
    __asm__ volatile("mov %0, %%ds" : : "r"(0));
    say("SET_LDT of none: %s", rc_name(mmuext(MMUEXT_SET_LDT, 0, 0)));
    PROBE("mov %0, %%ds", : : "r"(0xf) : "memory");
    say("ds then: %s", fault_name());
    say("map it writable: %s", rc_name(pte_try(ldt, va_to_maddr(ldt) | PTE_RW, UVMF_INVLPG)));
    ldt[1] = 0x0000ec00e033ffffUL;
    page_protect(ldt);
    say("SET_LDT over a call gate: %s", rc_name(mmuext(MMUEXT_SET_LDT, U(ldt), 16)));
    PROBE("mov %0, %%ds", : : "r"(0xf) : "memory");
    say("ds then: %s", fault_name());
    mmuext(MMUEXT_SET_LDT, 0, 0);
    page_unprotect(ldt);
    ldt[1] = DATA | DPL3;
    say("SET_LDT on a writable page: %s", rc_name(mmuext(MMUEXT_SET_LDT, U(ldt), 16)));
    PROBE("mov %0, %%ds", : : "r"(0xf) : "memory");
    say("ds then faults: %d", this_cpu()->fault.vector >= 0);
    mmuext(MMUEXT_SET_LDT, 0, 0);
    say("SET_LDT where nothing is mapped: %s", rc_name(mmuext(MMUEXT_SET_LDT, BAD_POINTER, 16)));
    PROBE("mov %0, %%ds", : : "r"(0xf) : "memory");
    say("ds then faults: %d", this_cpu()->fault.vector >= 0);
    mmuext(MMUEXT_SET_LDT, 0, 0);
    __asm__ volatile("mov %0, %%ds" : : "r"(0));
    memset(ldt, 0, PAGE_SIZE);
    page_put(ldt);
}

static void run(void)
{
    update();
    whole_tables();
    local();
}
PROPERTY(descriptors, "descriptors", run);
