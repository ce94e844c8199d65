/* Builds domain 0 from the boot modules: memory, page tables, start_info, first vcpu.
 *
 * Where everything goes is core/load/plan.c's decision; this file fills it in. The tables built
 * here get no trust: pgt_set_base() validates them like any guest's. */
#include "x86/boot/dom0.h"

#include "abi/abi.h"
#include "base/string.h"
#include "core/dom/create.h"
#include "core/frame/frame.h"
#include "core/load/bzimage.h"
#include "core/load/plan.h"
#include "core/pgtype/pgtype.h"
#include "port/clock.h"
#include "port/frame.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/boot/info.h"
#include "x86/ctxsw.h"
#include "x86/desc.h"
#include "x86/paging.h"
#include "x86/pv/regs.h"

/* Each chunk is touched, for its list; where the machine is virtual that is what costs. */
#define CHUNK_ORDER FRAME_MAX_ORDER

struct start_info_page {
    struct start_info info;
    struct dom0_vga_console_info vga;
};
_Static_assert(sizeof(struct start_info_page) <= FRAME_SIZE,
               "start_info and console fit in a page");

static struct elf_image elf;
static struct xen_notes notes;
static struct plan plan;
static struct vcpu_guest_context context; /* 5 KiB: too large for the stack */

/* The frames of dom0's p2m list, by page of the list: it lies in them from the start. Its own
 * frames are given back when dom0 is built. */
static uint32_t p2m_frame[16384] __attribute__((aligned(4096)));

static uint64_t *p2m_slot(uint64_t pfn)
{
    return (uint64_t *)mfn_ptr(mfn(p2m_frame[pfn / 512])) + pfn % 512;
}

static mfn_t pfn_mfn(uint64_t pfn)
{
    return mfn(*p2m_slot(pfn));
}

static void *pfn_ptr(uint64_t pfn)
{
    return mfn_ptr(pfn_mfn(pfn));
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Frames for the p2m list first, so that it can be filled while the rest is given. */
static void take_p2m_frames(struct domain *d, uint64_t nr_pages)
{
    uint64_t pages = (nr_pages + 511) / 512;

    if (pages > ARRAY_SIZE(p2m_frame))
        stop("dom0_mem is more than 32 GiB, the most that dom0 can be built with; lower it");
    for (uint64_t i = 0; i < pages; i++) {
        mfn_t m = frame_alloc(d, 0, 0, 0);

        if (mfn_eq(m, MFN_NONE))
            stop("no memory for dom0's page list");
        p2m_frame[i] = (uint32_t)m.n;
        memset(mfn_ptr(m), 0xff, FRAME_SIZE);
    }
}

static void assign(uint64_t pfn, mfn_t m)
{
    *p2m_slot(pfn) = m.n;
    *m2p_slot(m) = pfn;
}

static bool is_p2m_pfn(uint64_t pfn)
{
    return pfn - plan.p2m_pfn < plan.p2m_pages;
}

/* Gives pfns [from, to) their frames, in pieces as large as there are, by frame_alloc()'s flags. */
static void populate(struct domain *d, uint64_t from, uint64_t to, unsigned int flags)
{
    unsigned int order = CHUNK_ORDER;

    for (uint64_t pfn = from; pfn < to;) {
        if (is_p2m_pfn(pfn)) {
            assign(pfn, mfn(p2m_frame[pfn - plan.p2m_pfn]));
            pfn++;
            continue;
        }
        while (order && (to - pfn < 1ul << order ||
                         (pfn < plan.p2m_pfn && plan.p2m_pfn < pfn + (1ul << order))))
            order--;
        mfn_t m = frame_alloc(d, order, 0, flags);
        if (mfn_eq(m, MFN_NONE)) {
            if (!order--)
                stop("no memory for dom0; lower dom0_mem");
            continue;
        }
        for (uint64_t i = 0; i < 1ul << order; i++)
            assign(pfn + i, mfn(m.n + i));
        pfn += 1ul << order;
        order = CHUNK_ORDER;
    }
}

/* ---- contents ------------------------------------------------------------------------------- */

static void copy_to_pfn(uint64_t paddr, const uint8_t *from, uint64_t len)
{
    while (len) {
        uint64_t offset = paddr & FRAME_MASK;
        uint64_t n = FRAME_SIZE - offset < len ? FRAME_SIZE - offset : len;

        memcpy((uint8_t *)pfn_ptr(paddr >> FRAME_SHIFT) + offset, from, n);
        paddr += n;
        from += n;
        len -= n;
    }
}

static void copy_kernel(void)
{
    /* Frames come scrubbed: what a segment has beyond its bytes in the file is zero already. */
    for (unsigned int i = 0; i < elf.nr_loads; i++)
        copy_to_pfn(elf.loads[i].paddr - notes.paddr_offset, elf.loads[i].data,
                    elf.loads[i].filesz);
}

/* ---- page tables ---------------------------------------------------------------------------- */

static void set_entry(unsigned int level, uint64_t va, uint64_t pfn, uint64_t flags)
{
    uint64_t *table = pfn_ptr(plan_table(&plan, level, va));

    table[plan_index(level, va)] = mfn_maddr(pfn_mfn(pfn)) | flags;
}

/* Every table on the way to [va, end), entered in the one above it. */
static void link_tables(uint64_t va, uint64_t end)
{
    const uint64_t flags = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D;

    for (; va < end; va = (va + (FRAME_SIZE << 9)) & ~((FRAME_SIZE << 9) - 1))
        for (unsigned int level = 4; level > 1; level--)
            set_entry(level, va, plan_table(&plan, level - 1, va), flags);
}

static void build_tables(void)
{
    const uint64_t flags = PTE_P | PTE_RW | PTE_US;

    link_tables(plan.block.start, plan.block.end);
    for (uint64_t va = plan.block.start; va < plan.block.end; va += FRAME_SIZE) {
        uint64_t pfn = plan_pfn(&plan, va);

        set_entry(1, va, pfn, plan_is_table(&plan, pfn) ? flags & ~PTE_RW : flags);
    }
    if (!plan.p2m_outside)
        return;
    link_tables(plan.p2m.start, plan.p2m.end);
    for (uint64_t i = 0; i < plan.p2m_pages; i++)
        set_entry(1, plan.p2m.start + i * FRAME_SIZE, plan.p2m_pfn + i, flags);
}

/* ---- start_info ----------------------------------------------------------------------------- */

static void fill_vga(struct dom0_vga_console_info *vga)
{
    vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
    vga->u.text_mode_3.font_height = 16;
    vga->u.text_mode_3.rows = 25;
    vga->u.text_mode_3.columns = 80;
}

static void fill_start_info(const struct domain *d, uint64_t nr_pages, const char *args,
                            uint64_t initrd_bytes)
{
    struct start_info_page *page = pfn_ptr(plan.start_info_pfn);
    struct start_info *info = &page->info;

    memcpy(info->magic, "xen-3.0-x86_64p", 16);
    info->nr_pages = nr_pages;
    info->shared_info = mfn_maddr(d->shared_mfn);
    info->flags = SIF_PRIVILEGED | SIF_INITDOMAIN | (0x3 << 8 & SIF_PM_MASK);
    info->console.dom0.info_off = offsetof(struct start_info_page, vga);
    info->console.dom0.info_size = sizeof(page->vga);
    fill_vga(&page->vga);
    info->pt_base = plan.page_tables.start;
    info->nr_pt_frames = plan.tables.total;
    info->mfn_list = plan.p2m.start;
    if (initrd_bytes) {
        info->mod_len = initrd_bytes;
        if (notes.mod_start_pfn) {
            info->mod_start = plan.initrd_pfn;
            info->flags |= SIF_MOD_START_PFN;
        } else {
            info->mod_start = plan.initrd.start;
        }
    }
    if (plan.p2m_outside) {
        info->first_p2m_pfn = plan.p2m_pfn;
        info->nr_p2m_frames = plan.p2m_pages + plan.p2m_tables.total;
    }
    for (size_t i = 0; i < MAX_GUEST_CMDLINE - 1 && args[i]; i++)
        info->cmd_line[i] = (int8_t)args[i];
}

static void start_vcpu(struct domain *d)
{
    struct vcpu *v = d->vcpu[0];
    int error;

    context.flags = VGCF_in_kernel;
    context.user_regs.rip = notes.entry;
    context.user_regs.rsp = plan.stack.end;
    context.user_regs.rsi = plan.start_info.start;
    context.user_regs.rflags = FLAGS_IF;
    context.user_regs.cs = FLAT_CS;
    context.user_regs.ss = FLAT_SS;
    context.kernel_ss = FLAT_SS;
    context.kernel_sp = plan.stack.end;
    context.ctrlreg[3] = mfn_maddr(pfn_mfn(plan.tables.first[4]));
    context.debugreg[7] = 0x400;
    do {
        error = x86_vcpu_set_context(v, &context);
    } while (error == -XEN_EAGAIN);
    /* The kernel unpins them when it has built its own (trace, 8.2). */
    if (error || pgt_pin(v, d, pfn_mfn(plan.tables.first[4]), 4))
        stop("dom0's first page tables were refused");
}

void dom0_build(struct domain *d, const struct dom0_request *request)
{
    uint64_t nr_pages = request->pages;
    const char *why;

    if (elf_parse(request->kernel, request->kernel_len, &elf, &why) ||
        notes_parse(&elf, &notes, &why)) {
        log_err("dom0: kernel: %s\n", why);
        stop("the first boot module is no kernel that can be dom0; give a Linux vmlinuz with Xen "
             "PV support");
    }
    if (plan_make(
            &(struct plan_request){
                .notes = &notes,
                .nr_pages = nr_pages,
                .initrd_bytes = request->initrd_len,
                .start_info_bytes = sizeof(struct start_info_page),
            },
            &plan, &why)) {
        log_err("dom0: %s\n", why);
        stop("dom0's kernel and initramfs do not fit in its memory; raise dom0_mem");
    }
    log_info("dom0: %s %s, entry %lx, %lu MiB\n", notes.guest_os, notes.guest_version, notes.entry,
             nr_pages >> 8);
    take_p2m_frames(d, nr_pages);
    populate(d, 0, plan.used_pages, 0);
    copy_kernel();
    if (notes_has(&notes, XEN_ELFNOTE_HYPERCALL_PAGE))
        pv_hypercall_page(pfn_ptr(plan_pfn(&plan, notes.hypercall_page)));
    if (request->initrd_len)
        copy_to_pfn(plan.initrd_pfn << FRAME_SHIFT, request->initrd, request->initrd_len);
    build_tables();
    fill_start_info(d, nr_pages, request->args, request->initrd_len);
    start_vcpu(d);
    request->release();
    /* What the machine's memory held before is nothing that dom0 may not see. */
    populate(d, plan.used_pages, nr_pages, FRAME_NO_SCRUB);
    frame_release(maddr_mfn(image_maddr(p2m_frame)),
                  maddr_mfn(image_maddr(p2m_frame + ARRAY_SIZE(p2m_frame))));
    log_info("dom0: kernel %lx-%lx, start_info %lx, tables %lx-%lx, p2m %lx\n", plan.kernel.start,
             plan.kernel.end, plan.start_info.start, plan.page_tables.start, plan.page_tables.end,
             plan.p2m.start);
}
