/* Defences against speculation: reads the processor, has core/guard choose, sets the registers. */
#include "x86/guard.h"

#include "core/opt/opt.h"
#include "core/pgtype/pgtype.h"
#include "port/log.h"
#include "x86/cpu.h"

#define MSR_ARCH_CAPS  0x10a
#define EFER_AUTO_IBRS (1ul << 21)

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
    /* Not built yet, so not to be claimed. */
    guard.xpti[0] = guard.xpti[1] = guard.verw = guard.ibrs_entry = guard.rsb_entry = false;
    guard.ibpb_entry = false;
    cpu_has_ibpb = c.be8 >> 12 & 1 || c.d7 >> 26 & 1;
    pgt_l1tf =
        (uint8_t)(guard.l1tf[GUARD_DOMU] << GUARD_DOMU | guard.l1tf[GUARD_DOM0] << GUARD_DOM0);
    pgt_l1tf_mask = guard.l1tf_mask;
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
