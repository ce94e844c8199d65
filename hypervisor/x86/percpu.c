/* The per-CPU blocks: entry stubs, struct percpu, GDT, TSS, IST stacks, stack (x86/layout.h).
 *
 * The boot CPU's pages are part of the image (boot_block), so that it has them from the start. */
#include "abi/abi.h"
#include "base/string.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/entry/entry.h"
#include "x86/guard.h"
#include "x86/paging.h"
#include "core/frame/frame.h"
#include "port/frame.h"
#include "port/stop.h"

extern char boot_block[];

struct idt_gate {
    uint16_t offset_low, cs;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, zero;
};

static struct idt_gate idt[256] __attribute__((aligned(4096)));
static mfn_t gdt_frames[MAX_CPUS];

enum { IST_NMI = 1, IST_MCE, IST_DF, IST_DB };

static void set_gate(unsigned int vector, uint64_t handler, uint8_t ist, uint8_t dpl)
{
    idt[vector] = (struct idt_gate){
        .offset_low = (uint16_t)handler,
        .cs = HV_CS,
        .ist = ist,
        .type = (uint8_t)(0x8e | dpl << 5),
        .offset_mid = (uint16_t)(handler >> 16),
        .offset_high = (uint32_t)(handler >> 32),
    };
}

/* One table for all CPUs: the stacks behind the IST numbers differ by TSS. */
void idt_init(void)
{
    for (unsigned int v = 0; v < 32; v++)
        set_gate(v, exception_table[v], 0, v == 3 || v == 4 ? 3 : 0);
    for (unsigned int v = 32; v < 256; v++)
        set_gate(v, (uint64_t)interrupt_stubs + (v - 32) * 16, 0, 0);
    idt[1].ist = IST_DB;
    idt[2].ist = IST_NMI;
    idt[8].ist = IST_DF;
    idt[18].ist = IST_MCE;
}

void idt_redirect(const char *table, uint64_t *targets)
{
    for (unsigned int v = 0; v < ARRAY_SIZE(idt); v++) {
        struct idt_gate *g = &idt[v];

        targets[v] = g->offset_low | (uint64_t)g->offset_mid << 16 | (uint64_t)g->offset_high << 32;
        set_gate(v, (uint64_t)table + v * 16, g->ist, g->type >> 5 & 3);
    }
}

static void fill_gdt(uint64_t *gdt, const struct percpu *pc)
{
    uint64_t tss = (uint64_t)pc->tss;

    gdt[HV_CS / 8 % 512] = 0x00af9a000000ffff;
    gdt[HV_DS / 8 % 512] = 0x00cf92000000ffff;
    gdt[0xe019 / 8 % 512] = 0x00cfba000000ffff;
    gdt[0xe021 / 8 % 512] = 0x00cffa000000ffff; /* 32-bit ring 3 code: selector 0xe023 */
    gdt[0xe02b / 8 % 512] = 0x00cff2000000ffff;
    gdt[0xe033 / 8 % 512] = 0x00affa000000ffff;
    gdt[HV_TSS / 8 % 512] = 103 | (tss & 0xffffff) << 16 | 0x89ul << 40 | (tss >> 24 & 0xff) << 56;
    gdt[HV_TSS / 8 % 512 + 1] = tss >> 32;
}

static void fill_tss(struct percpu *pc, uint64_t block)
{
    uint64_t *tss = (uint64_t *)(pc->tss + 4);

    tss[0] = block + STACK_TOP;
    for (unsigned int ist = 1; ist <= 4; ist++)
        tss[3 + ist] = block + PERCPU_IST + ist * FRAME_SIZE;
    *(uint16_t *)(pc->tss + 102) = 104; /* no I/O bit map */
}

static void fill_stubs(uint8_t *page, uint64_t block)
{
    bool at_door = guard_at_door(&guard);
    const char *target[2] = {at_door ? guarded_syscall : entry_syscall,
                             at_door ? guarded_syscall32 : entry_syscall32};

    memcpy(page, syscall_stubs, 2 * STUB_SIZE);
    for (unsigned int i = 0; i < 2; i++) {
        uint64_t next = block + i * STUB_SIZE + STUB_JUMP + 5;
        int32_t displacement = (int32_t)((int64_t)target[i] - (int64_t)next);

        memcpy(page + i * STUB_SIZE + STUB_JUMP + 1, &displacement, sizeof(displacement));
    }
}

int percpu_alloc(unsigned int cpu, uint32_t apic_id)
{
    uint64_t block = PERCPU_VIRT + (uint64_t)cpu * PERCPU_STRIDE;
    struct percpu *pc = cpu_percpu(cpu);

    for (unsigned int page = 0; page < PERCPU_STRIDE / FRAME_SIZE; page++) {
        mfn_t frame;

        if (page >= 8 && page < 12)
            continue;
        if (cpu == 0)
            frame = maddr_mfn(image_maddr(boot_block) + page * FRAME_SIZE);
        else
            frame = frame_alloc(NULL, 0, 0, 0);
        if (mfn_eq(frame, MFN_NONE))
            return -XEN_ENOMEM;
        if (page == 0)
            fill_stubs(paging_ptr(mfn_maddr(frame)), block);
        if (page == PERCPU_GDT / FRAME_SIZE)
            gdt_frames[cpu] = frame;
        if (hv_map(block + page * FRAME_SIZE, mfn_maddr(frame),
                   page == 0 ? PTE_G : PTE_RW | PTE_NX | PTE_G))
            return -XEN_ENOMEM;
    }
    pc->cpu = cpu;
    pc->cr3 = maddr_mfn(hv_root);
    pc->apic_id = apic_id;
    fill_gdt((uint64_t *)(block + PERCPU_GDT), pc);
    fill_tss(pc, block);
    return 0;
}

mfn_t percpu_gdt_frame(unsigned int cpu)
{
    return gdt_frames[cpu];
}

void percpu_load(unsigned int cpu)
{
    uint64_t block = PERCPU_VIRT + (uint64_t)cpu * PERCPU_STRIDE;
    struct table_register gdtr = {GDT_LIMIT, block + PERCPU_GDT - 14 * FRAME_SIZE};
    struct table_register idtr = {sizeof(idt) - 1, (uint64_t)idt};

    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\tmov %2, %%ss\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%fs\n\t"
                     "mov %2, %%gs\n\t"
                     "lidt %3\n\t"
                     "lldt %w2"
                     :
                     : "m"(gdtr), "i"(HV_CS), "r"(0), "m"(idtr)
                     : "rax", "memory");
    /* The TSS may be marked busy from an earlier load. */
    ((uint64_t *)(block + PERCPU_GDT))[HV_TSS / 8 % 512] &= ~(2ul << 40);
    __asm__ volatile("ltr %w0" ::"r"(HV_TSS));
    wrmsr(MSR_LSTAR, block);
    wrmsr(MSR_CSTAR, block + STUB_SIZE);
    if (!cpu_is_amd) {
        wrmsr(MSR_SYSENTER_CS, HV_CS);
        wrmsr(MSR_SYSENTER_ESP, block + STACK_TOP);
        wrmsr(MSR_SYSENTER_EIP,
              (uint64_t)(guard_at_door(&guard) ? guarded_sysenter : entry_sysenter));
    }
}
