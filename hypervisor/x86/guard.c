/* Defences against speculation: reads the processor, has core/guard choose, sets the registers. */
#include "x86/guard.h"

#include "core/opt/opt.h"
#include "core/pgtype/pgtype.h"
#include "base/string.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/entry/entry.h"
#include "x86/guard_block.h"
#include "x86/paging.h"

#define MSR_ARCH_CAPS  0x10a
#define EFER_AUTO_IBRS (1ul << 21)

struct site {
    int32_t start, end; /* relative to their own addresses */
    uint32_t what;
};

struct exit_site {
    int32_t at;
    uint32_t kind;
};

extern const struct site guard_sites_start[], guard_sites_end[];
extern const struct exit_site guard_exits_start[], guard_exits_end[];
extern const char guarded_gates[], guarded_sysret[], guarded_iret[], sysret_again[], sysret_cr3[],
    sysret_popped[], sysret_done[], iret_again[], iret_cr3[], iret_popped[];

/* What entry/guarded.S reads and calls. */
extern uint64_t guard_targets[256];
extern uint32_t guard_ctrl_in, guard_ctrl_out;
void guard_refresh(void);
uint64_t guard_targets[256];
uint32_t guard_ctrl_in, guard_ctrl_out;

struct guard guard;
bool cpu_has_ibpb;

static void describe(struct guard_cpu *c)
{
    struct cpuid_regs zero = cpuid(0, 0), one = cpuid(1, 0);
    uint32_t max_ext = cpuid(0x80000000, 0).a;

    *c = (struct guard_cpu){
        .vendor = zero.b,
        .family = one.a >> 8 & 0xf,
        .model = one.a >> 4 & 0xf,
        .phys_bits = cpu_phys_bits,
        .smep = cpu_has_smep,
    };
    if (c->family == 6 || c->family == 15)
        c->model |= one.a >> 12 & 0xf0;
    if (c->family == 15)
        c->family += one.a >> 20 & 0xff;
    if (zero.a >= 7) {
        c->b7 = cpuid(7, 0).b;
        c->d7 = cpuid(7, 0).d;
    }
    if (max_ext >= 0x80000008)
        c->be8 = cpuid(0x80000008, 0).b;
    if (max_ext >= 0x80000021)
        c->a21 = cpuid(0x80000021, 0).a;
    if (c->d7 & 1u << 29 && rdmsr_safe(MSR_ARCH_CAPS, &c->arch_caps))
        c->arch_caps = 0;
}

void guard_detect(void)
{
    struct guard_cpu c;
    char text[160];
    const char *item;

    describe(&c);
    guard_choose(&guard, &c, &options.guard);
    cpu_has_ibpb = c.be8 >> 12 & 1 || c.d7 >> 26 & 1;
    pgt_l1tf =
        (uint8_t)(guard.l1tf[GUARD_DOMU] << GUARD_DOMU | guard.l1tf[GUARD_DOM0] << GUARD_DOM0);
    pgt_l1tf_mask = guard.l1tf_mask;
    if (guard.xpti[GUARD_DOMU] || guard.xpti[GUARD_DOM0]) {
        cpu_cr4 &= ~CR4_PGE; /* nothing may outlast a load of CR3 */
        window_stride = 0x200000;
        pgt_l4_copied = true;
    }
    guard_ctrl_out = guard.spec_ctrl;
    guard_ctrl_in = guard.spec_ctrl | SPEC_CTRL_IBRS;
    for (unsigned int i = 0; (item = guard_unused(&options.guard, i)); i++)
        log_info("option 'spec-ctrl=%s' does nothing here\n", item);
    guard_flaw_names(&guard, text, sizeof(text));
    log_info("speculation: flaws: %s\n", text);
    guard_names(&guard, text, sizeof(text));
    log_info("speculation: defences: %s\n", text);
}

void guard_cpu_setup(void)
{
    if (guard.auto_ibrs)
        wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (guard.spec_ctrl)
        wrmsr(MSR_SPEC_CTRL, guard.spec_ctrl);
}

/* ---- entry/guarded.S ------------------------------------------------------------------------ */

static bool any_xpti(void)
{
    return guard.xpti[GUARD_DOMU] || guard.xpti[GUARD_DOM0];
}

static bool wanted(uint32_t block)
{
    switch (block) {
        ROW(BLOCK_XPTI, any_xpti());
        ROW(BLOCK_IBRS, guard.ibrs_entry);
        ROW(BLOCK_IBPB, guard.ibpb_entry);
        ROW(BLOCK_RSB, guard.rsb_entry);
        ROW(BLOCK_VERW, guard.verw);
    default:
        return any_xpti() || guard.ibpb_entry;
    }
}

/* A jump of five bytes at `at`, an address of the image's text. */
static void put_jump(uint64_t at, uint64_t to)
{
    uint8_t *text = paging_ptr(image_maddr((void *)at));
    int32_t displacement = (int32_t)(to - at - 5);

    text[0] = 0xe9;
    memcpy(text + 1, &displacement, sizeof(displacement));
}

int guard_cpu_alloc(unsigned int cpu)
{
    return any_xpti() ? xpti_cpu_alloc(cpu) : 0;
}

void guard_arm(void)
{
    if (!guard_at_door(&guard))
        return;
    if (guard_cpu_alloc(0))
        stop("no memory for the page tables that guests run on");
    for (const struct site *s = guard_sites_start; s < guard_sites_end; s++)
        if (!wanted(s->what))
            put_jump((uint64_t)&s->start + (uint64_t)s->start,
                     (uint64_t)&s->end + (uint64_t)s->end);
    for (const struct exit_site *e = guard_exits_start; e < guard_exits_end; e++)
        put_jump((uint64_t)&e->at + (uint64_t)e->at,
                 (uint64_t)(e->kind == GUARD_EXIT_IRET ? guarded_iret : guarded_sysret));
    idt_redirect(guarded_gates, guard_targets);
    cpuid(0, 0); /* serialises: what was changed is fetched anew */
}

/* Called on the way out when another vcpu or another L4 is loaded than last time. */
void guard_refresh(void)
{
    struct percpu *pc = this_percpu();

    pc->distrust = guard.ibpb_entry && !pc->current->dom->is_dom0;
    if (any_xpti()) {
        xpti_refresh();
    } else {
        pc->root_vcpu = pc->current;
        pc->root_l4 = pc->cr3;
    }
}

static bool within(uint64_t rip, const char *from, const char *to)
{
    return rip - (uint64_t)from < (uint64_t)(to - from);
}

void guard_fix_exit(struct guest_regs *r)
{
    uint64_t top = (uint64_t)(guest_frame() + 1);

    if (within(r->rip, sysret_cr3, sysret_popped)) {
        r->rip = (uint64_t)sysret_again;
    } else if (within(r->rip, iret_cr3, iret_popped)) {
        r->rip = (uint64_t)iret_again;
    } else if (within(r->rip, sysret_popped, sysret_done + 1)) {
        r->rip = (uint64_t)guarded_sysret;
        r->rsp = top - 2 * sizeof(uint64_t);
    } else if (within(r->rip, iret_popped, iret_done + 1)) {
        r->rip = (uint64_t)guarded_iret;
        r->rsp = top - 5 * sizeof(uint64_t);
    }
}
