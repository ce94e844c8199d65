/* Descriptor windows: where a vcpu's GDT and LDT frames appear in hypervisor addresses.
 *
 * Window w spans 32 pages: pages 0-13 the guest's GDT frames, page 14 this CPU's own GDT page
 * (which changes as the vcpu moves), page 15 nothing, pages 16-31 the LDT, mapped on demand. Slots
 * without a frame map a page of zeros, so that their selectors fault as null descriptors do.
 * Windows of all vcpus lie in the shared part of the page tables; only the vcpu that runs, or its
 * control while it does not, changes its window. Numbers of free windows: RANK_MACHINE. */
#include "x86/desc.h"

#include "abi/abi.h"
#include "core/dom/domain.h"
#include "core/pgtype/pgtype.h"
#include "port/frame.h"
#include "port/guestmem.h"
#include "port/lock.h"
#include "x86/asm.h"
#include "x86/paging.h"
#include "x86/guard.h"

#define WINDOWS  8192 /* 2 MiB * WINDOWS = 16 GiB */
#define LDT_PAGE 16
#define OWN_PAGE 14

uint64_t window_stride = WINDOW_STRIDE;
static uint64_t used[WINDOWS / 64];
static struct lock window_lock = LOCK_INIT(RANK_MACHINE, "windows");
static const uint8_t zero_page[FRAME_SIZE] __attribute__((aligned(4096)));

static uint64_t window_va(const struct vcpu *v, unsigned int page)
{
    return WINDOW_VIRT + (uint64_t)v->arch.window * window_stride + page * FRAME_SIZE;
}

static void map_frame(const struct vcpu *v, unsigned int page, mfn_t frame)
{
    uint64_t maddr = mfn_eq(frame, MFN_NONE) ? image_maddr(zero_page) : mfn_maddr(frame);

    /* The tables exist since window_alloc(): this cannot fail. */
    (void)hv_map(window_va(v, page), maddr, PTE_NX | (mfn_eq(frame, MFN_NONE) ? 0 : PTE_RW));
    invlpg(window_va(v, page));
}

int window_alloc(struct vcpu *v)
{
    unsigned int i = 0;
    int error = -XEN_ENOMEM;

    lock_take(&window_lock);
    while (i < ARRAY_SIZE(used) && !~used[i])
        i++;
    if (i < ARRAY_SIZE(used)) {
        unsigned int bit = lowest_bit(~used[i]);

        used[i] |= bit64(bit);
        v->arch.window = i * 64 + bit;
        error = hv_map(window_va(v, 0), image_maddr(zero_page), PTE_NX);
    }
    lock_drop(&window_lock);
    if (error)
        return error;
    for (unsigned int page = 0; page < GDT_GUEST_PAGES; page++) {
        v->arch.gdt_frame[page] = MFN_NONE;
        map_frame(v, page, MFN_NONE);
    }
    for (unsigned int page = 0; page < 16; page++) {
        v->arch.ldt_frame[page] = MFN_NONE;
        hv_unmap(window_va(v, LDT_PAGE + page));
    }
    v->arch.gdt_cpu = ~0u;
    return 0;
}

void window_free(struct vcpu *v)
{
    xpti_forget(v);
    lock_take(&window_lock);
    used[v->arch.window / 64] &= ~(1ul << v->arch.window % 64);
    lock_drop(&window_lock);
}

static void load_ldt(struct vcpu *v)
{
    uint64_t base = window_va(v, LDT_PAGE);
    uint64_t *own =
        (uint64_t *)(PERCPU_VIRT + (uint64_t)this_percpu()->cpu * PERCPU_STRIDE + PERCPU_GDT) +
        HV_LDT / 8 % 512;
    uint64_t limit = v->arch.ldt_entries * 8ul - 1;

    own[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | 0x82ul << 40 | (base >> 24 & 0xff) << 56;
    own[1] = base >> 32;
    __asm__ volatile("lldt %w0" ::"r"(HV_LDT));
    this_percpu()->ldt_loaded = true;
}

static void desc_load_ldt(struct vcpu *v)
{
    if (v->arch.ldt_entries) {
        load_ldt(v);
    } else if (this_percpu()->ldt_loaded) {
        __asm__ volatile("lldt %w0" ::"r"(0));
        this_percpu()->ldt_loaded = false;
    }
}

void desc_load(struct vcpu *v)
{
    struct table_register gdtr = {GDT_LIMIT, window_va(v, 0)};
    unsigned int cpu = this_percpu()->cpu;

    if (v->arch.gdt_cpu != cpu) {
        map_frame(v, OWN_PAGE, percpu_gdt_frame(cpu));
        v->arch.gdt_cpu = cpu;
        /* Another CPU may have changed the window since this one last looked. */
        for (unsigned int page = 0; page < 32; page++)
            invlpg(window_va(v, page));
    }
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    desc_load_ldt(v);
}

void desc_drop_gdt(struct vcpu *v)
{
    for (unsigned int page = 0; page < GDT_GUEST_PAGES; page++) {
        mfn_t frame = v->arch.gdt_frame[page];

        if (mfn_eq(frame, MFN_NONE))
            continue;
        map_frame(v, page, MFN_NONE);
        v->arch.gdt_frame[page] = MFN_NONE;
        page_put_use(frame);
    }
    v->arch.gdt_entries = 0;
}

int pgt_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries)
{
    unsigned int n = (entries + 511) / 512;

    if (entries > GDT_GUEST_PAGES * 512)
        return -XEN_EINVAL;
    for (unsigned int i = 0; i < n; i++)
        if (page_get_use(frames[i], v->dom, PGT_SEGDESC)) {
            while (i--)
                page_put_use(frames[i]);
            return -XEN_EINVAL;
        }
    desc_drop_gdt(v);
    for (unsigned int i = 0; i < n; i++) {
        v->arch.gdt_frame[i] = frames[i];
        map_frame(v, i, frames[i]);
    }
    v->arch.gdt_entries = (uint16_t)entries;
    return 0;
}

void desc_drop_ldt(struct vcpu *v)
{
    for (unsigned int page = 0; page < 16; page++) {
        mfn_t frame = v->arch.ldt_frame[page];

        if (mfn_eq(frame, MFN_NONE))
            continue;
        hv_unmap(window_va(v, LDT_PAGE + page));
        v->arch.ldt_frame[page] = MFN_NONE;
        page_put_use(frame);
    }
}

int pgt_set_ldt(struct vcpu *v, uint64_t va, uint64_t entries)
{
    if (entries > 8192 || (va & FRAME_MASK) || (entries && !gaddr_ok(va, entries * 8ul)))
        return -XEN_EINVAL;
    if (!entries && !v->arch.ldt_entries)
        return 0;
    desc_drop_ldt(v);
    v->arch.ldt_va = va;
    v->arch.ldt_entries = (uint16_t)entries;
    if (v == current_vcpu())
        desc_load_ldt(v);
    return 0;
}

int desc_fault(struct vcpu *v, uint64_t va)
{
    uint64_t page = (va - window_va(v, LDT_PAGE)) / FRAME_SIZE;
    mfn_t frame;

    if (va < window_va(v, LDT_PAGE) || page >= 16 || page * 512 >= v->arch.ldt_entries ||
        !mfn_eq(v->arch.ldt_frame[page], MFN_NONE))
        return 0;
    if (pgt_walk_frame(v, v->arch.ldt_va + page * FRAME_SIZE, &frame) ||
        page_get_use(frame, v->dom, PGT_SEGDESC))
        return 0;
    v->arch.ldt_frame[page] = frame;
    map_frame(v, LDT_PAGE + (unsigned int)page, frame);
    return 1;
}
