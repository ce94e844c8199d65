/*
 * Property: the state in which a domain starts. Registers, flags and selectors at the entry point;
 * the start_info page; the layout of the initial block (kernel, start_info, page tables, stack,
 * spare room), with its page-table flags; the p2m and m2p tables; shared_info before anyone has
 * written to it.
 */
#include "pvk.h"

extern const uint8_t pvk_image_start[], pvk_image_end[];

static void registers(void)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        if (i == 4)
            say("rsi is start_info: %d", entry_regs[i] == U(start_info));
        else if (i == 7)
            say("rsp is page-aligned: %d, past the page tables by %ld pages",
                !(entry_regs[7] & 4095),
                (entry_regs[7] - start_info->pt_base) / PAGE_SIZE - start_info->nr_pt_frames);
        else
            say("%s %lx", names[i], entry_regs[i]);
    say("rflags %lx", entry_regs[16]);
    say("cs %lx ss %lx ds %lx es %lx fs %lx gs %lx", entry_regs[17], entry_regs[18], entry_regs[19],
        entry_regs[20], entry_regs[21], entry_regs[22]);
}

static void start_information(void)
{
    const struct start_info *s = start_info;

    say("magic %s", s->magic);
    say("flags %x", s->flags);
    say("start_info is page-aligned: %d, behind the image: %d", !(U(s) & 4095),
        U(s) > U(pvk_image_start));
    say("shared_info page-aligned: %d", !(s->shared_info & 4095));
    say("store_mfn %lu store_evtchn %u", s->store_mfn, s->store_evtchn);
    say("console info_off %x info_size %x", s->console.dom0.info_off, s->console.dom0.info_size);
    say("mod_start %lx mod_len %lx", s->mod_start, s->mod_len);
    say("p2m below the kernel's range: %d", s->mfn_list < VIRT_BASE);
    note("nr_pages %lx nr_pt_frames %lu first_p2m_pfn %lx nr_p2m_frames %lx", s->nr_pages,
         s->nr_pt_frames, s->first_p2m_pfn, s->nr_p2m_frames);
    /* Without a place of its own (INIT_P2M) the list lies in the block, and these mean nothing. */
    if (s->mfn_list < VIRT_BASE)
        say("first_p2m_pfn set: %d, p2m frames hold the list: %d", s->first_p2m_pfn != 0,
            s->nr_p2m_frames * 512 >= s->nr_pages);
    say("command line starts '%.*s'", 4, (const char *)s->cmd_line);
    note("command line '%s'", (const char *)s->cmd_line);
}

/* The block is contiguous from VIRT_BASE, one to one with pfns, up to a multiple of 4 MiB. */
static void layout(void)
{
    uint64_t va = VIRT_BASE, wrong = 0, tables_ro = 0, others_rw = 0;

    for (;; va += PAGE_SIZE) {
        uint64_t *pte = pte_of((void *)va, 1);
        if (!pte || !(*pte & PTE_P))
            break;
        uint64_t mfn = (*pte & PTE_FRAME) >> 12;
        bool table = va >= start_info->pt_base &&
                     va < start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;
        if (va == U(shared_info))
            continue;
        if (mfn != va_to_mfn((void *)va) || *m2p_entry(mfn) != (va - VIRT_BASE) / PAGE_SIZE)
            wrong++;
        if (table)
            tables_ro += !(*pte & PTE_W);
        else
            others_rw += *pte & PTE_W ? 1 : 0;
    }
    say("pages whose p2m, m2p and page table disagree: %lu", wrong);
    say("all page-table pages read-only: %d", tables_ro == start_info->nr_pt_frames);
    say("all others writable: %d",
        others_rw == (va - VIRT_BASE) / PAGE_SIZE - start_info->nr_pt_frames - 1);
    say("mapped up to a multiple of 4 MiB: %d, spare of 512 KiB: %d", !(va & 0x3fffff),
        va - entry_regs[7] >= 0x80000);
    say("boot stack behind the tables, one page: %d",
        entry_regs[7] == start_info->pt_base + (start_info->nr_pt_frames + 1) * PAGE_SIZE);
    note("mapped up to %lx", va);
}

static void table_flags(void)
{
    say("L4 entry of the kernel %lx", pte_flags(*pte_of(pvk_image_start, 4)));
    say("L3 entry of the kernel %lx", pte_flags(*pte_of(pvk_image_start, 3)));
    say("L2 entry of the kernel %lx", pte_flags(*pte_of(pvk_image_start, 2)));
    note("L1 entry of the image %lx", pte_flags(*pte_of(pvk_image_start, 1)));
    note("L1 entry of start_info %lx", pte_flags(*pte_of(start_info, 1)));
    note("L1 entry of the L4 %lx", pte_flags(*pte_of(kernel_l4, 1)));
    unsigned int used = 0;
    for (unsigned int i = 0; i < 512; i++)
        if ((i < 256 || i > 271) && kernel_l4[i])
            used++;
    /* Whether the builder marks them as the kernel's (bit 52) is its own affair. */
    say("the image is writable: %d, the L4 read-only: %d",
        (int)(*pte_of(pvk_image_start, 1) >> 1 & 1), !(*pte_of(kernel_l4, 1) & PTE_W));
    say("L4 slots used outside the hypervisor's: %u", used);
    say("slot 256 maps the m2p: %d", (int)(kernel_l4[256] & 1));
    note("its flags %lx", pte_flags(kernel_l4[256]));
    PROBE("movq $0, (%0)", ::"r"(m2p_entry(va_to_mfn(kernel_l4))) : "memory");
    say("writing to the m2p: %s", fault_name());
    PROBE("mov (%0), %%rax", ::"r"(HV_POINTER) : "rax");
    say("reading the hypervisor's range: %s", vector_name((uint64_t)this_cpu()->fault.vector));
}

static void shared_page(void)
{
    unsigned int pending = 0, masked = 0, others = 0;

    for (unsigned int i = 0; i < 64; i++)
        pending += shared_info->evtchn_pending[i] != 0;
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
        masked += shared_info->vcpu_info[i].evtchn_upcall_mask == 1;
        others += i && shared_info->vcpu_info[i].time.version;
    }
    say("event words pending: %u", pending);
    say("vcpu_info slots with upcall mask 1: %u", masked);
    say("time of vCPU 0 is set: %d, version even: %d, tsc_shift in range: %d",
        shared_info->vcpu_info[0].time.system_time != 0,
        !(shared_info->vcpu_info[0].time.version & 1),
        shared_info->vcpu_info[0].time.tsc_shift >= -31 &&
            shared_info->vcpu_info[0].time.tsc_shift <= 31);
    note("slots of other vCPUs with time: %u, flags %x", others,
         shared_info->vcpu_info[0].time.flags);
    say("wall clock set: %d, version even: %d", shared_info->wc_sec != 0,
        !(shared_info->wc_version & 1));
    say("arch max_pfn %lu list %lu", shared_info->arch.max_pfn,
        shared_info->arch.pfn_to_mfn_frame_list_list);
}

static void run(void)
{
    registers();
    start_information();
    layout();
    table_flags();
    shared_page();
}
PROPERTY(entry_state, "entry-state", run);
