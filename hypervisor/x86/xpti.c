/* XPTI: a root of page tables for each CPU, loaded on the way out to a guest and left on the way
 * in.
 *
 * It holds the guest's own L4 entries, the read-only M2P, and of the hypervisor only what the
 * processor itself needs to get in: the pages of entry/guarded.S, the IDT, this CPU's block
 * (stacks, TSS, GDT, entry stub) and the descriptor window of the vcpu. CR4.PGE is off, so that
 * nothing else stays in the TLB.
 *
 *   X1  while a CPU's root_l4 names an L4, its root has that L4's entries: whoever changes one
 *       changes the roots before it lets go of what was there (pgt_l4_written)
 *   X2  an L4 that stops being a table is in no CPU's root_l4 any more (pgt_l4_gone)
 *
 * A CPU copies an L4 while others may be changing it. It first stores root_l4, then copies, then
 * looks whether root_changes has moved; who changes an entry does so in the L4 first, then moves
 * root_changes of each CPU that has root_l4, then stores into its root. Whichever order these meet
 * in, either the copier sees the new entry, or it copies again, or the other's store comes last. */

#include "abi/abi.h"
#include "base/string.h"
#include "core/pgtype/pgtype.h"
#include "port/frame.h"
#include "port/kick.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/guard.h"
#include "x86/paging.h"
#include "x86/percpu.h"

#define HV_L4      256 /* first slot of the hypervisor */
#define HV_L4_OWN  260 /* the one with image, blocks, windows */
#define L1_SPAN    0x200000ul
#define TABLE_BITS (PTE_P | PTE_RW | PTE_A | PTE_D)

extern char guard_start[], guard_end[];

struct tables {
    uint64_t *root, *l3, *low; /* low: L2 of the GiB with image and blocks */
    uint64_t *windows;         /* L2 with one entry: the vcpu's window */
    uint32_t window;           /* which */
};

static struct tables tables[MAX_CPUS];
static uint64_t *image_l1; /* of all CPUs */

static uint64_t *table_new(void)
{
    mfn_t m = frame_alloc(NULL, 0, 0, 0);

    if (mfn_eq(m, MFN_NONE))
        return NULL;
    memset(mfn_ptr(m), 0, FRAME_SIZE);
    return mfn_ptr(m);
}

static uint64_t link(const uint64_t *table)
{
    return mfn_maddr(ptr_mfn(table)) | TABLE_BITS;
}

static unsigned int slot(uint64_t va, unsigned int level)
{
    return va >> (12 + 9 * (level - 1)) & 511;
}

/* The hypervisor's own entries for pages from va on, in an L1 that begins at the same 2 MiB. */
static void show(uint64_t *l1, uint64_t va, uint64_t end)
{
    for (; va < end; va += FRAME_SIZE)
        l1[slot(va, 1)] = hv_entry(va, 1);
}

static bool image_alloc(void)
{
    struct table_register idtr;
    uint64_t start = (uint64_t)guard_start, end = (uint64_t)guard_end;

    __asm__ volatile("sidt %0" : "=m"(idtr));
    image_l1 = table_new();
    if (!image_l1 || start / L1_SPAN != (end - 1) / L1_SPAN ||
        idtr.base / L1_SPAN != start / L1_SPAN)
        return false;
    show(image_l1, start, end);
    show(image_l1, idtr.base, idtr.base + FRAME_SIZE);
    return true;
}

int xpti_cpu_alloc(unsigned int cpu)
{
    uint64_t block = PERCPU_VIRT + (uint64_t)cpu * PERCPU_STRIDE;
    struct tables *t = &tables[cpu];

    if (!image_l1 && !image_alloc())
        return -XEN_ENOMEM;
    t->root = table_new();
    t->l3 = table_new();
    t->low = table_new();
    t->windows = table_new();
    uint64_t *l1 = table_new();
    if (!t->root || !t->l3 || !t->low || !t->windows || !l1)
        return -XEN_ENOMEM; /* the CPU stays out, and what it got is lost with it */
    show(l1, block, block + PERCPU_STRIDE);
    t->low[slot(block, 2)] = link(l1);
    t->low[slot((uint64_t)guard_start, 2)] = link(image_l1);
    t->l3[slot(block, 3)] = link(t->low);
    t->root[HV_L4] = hv_l4_slots[0];
    t->root[HV_L4_OWN] = link(t->l3);
    return 0;
}

/* Of all windows, t shows that of v. */
static void show_window(struct tables *t, const struct vcpu *v)
{
    uint64_t old = WINDOW_VIRT + t->window * window_stride,
             va = WINDOW_VIRT + v->arch.window * window_stride;

    t->l3[slot(old, 3)] = 0;
    t->windows[slot(old, 2)] = 0;
    t->window = v->arch.window;
    t->windows[slot(va, 2)] = hv_entry(va, 2);
    t->l3[slot(va, 3)] = link(t->windows);
}

static void copy_l4(uint64_t *to, const uint64_t *from, unsigned int n)
{
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

void xpti_refresh(void)
{
    struct percpu *pc = this_percpu();
    struct tables *t = &tables[pc->cpu];
    const uint64_t *l4 = mfn_ptr(pc->cr3);
    uint32_t changes;

    __atomic_store_n(&pc->root_l4.n, pc->cr3.n, __ATOMIC_SEQ_CST);
    pc->root_vcpu = pc->current;
    if (!guard.xpti[pc->current->dom->is_dom0]) {
        pc->root = mfn_maddr(pc->cr3);
        return;
    }
    do {
        changes = __atomic_load_n(&pc->root_changes, __ATOMIC_SEQ_CST);
        copy_l4(t->root, l4, HV_L4);
        copy_l4(t->root + HV_L4 + 16, l4 + HV_L4 + 16, 512 - HV_L4 - 16);
    } while (__atomic_load_n(&pc->root_changes, __ATOMIC_SEQ_CST) != changes);
    show_window(t, pc->current);
    pc->root = mfn_maddr(ptr_mfn(t->root));
}

void xpti_forget(const struct vcpu *v)
{
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        struct percpu *pc = cpu_percpu((unsigned int)__builtin_ctzl(left));
        const struct vcpu *expected = v;

        __atomic_compare_exchange_n(&pc->root_vcpu, (struct vcpu **)&expected, NULL, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
}

void pgt_l4_written(mfn_t l4, unsigned int index, uint64_t entry)
{
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzl(left);
        struct percpu *pc = cpu_percpu(cpu);

        if (__atomic_load_n(&pc->root_l4.n, __ATOMIC_SEQ_CST) != l4.n)
            continue;
        __atomic_fetch_add(&pc->root_changes, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&tables[cpu].root[index], entry, __ATOMIC_SEQ_CST);
    }
}

void pgt_l4_gone(mfn_t l4)
{
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        struct percpu *pc = cpu_percpu((unsigned int)__builtin_ctzl(left));
        uint64_t expected = l4.n;

        __atomic_compare_exchange_n(&pc->root_l4.n, &expected, 0, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED);
    }
}
