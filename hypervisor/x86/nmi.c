/* NMIs, machine checks and faults of the hypervisor itself. */
#include "core/dom/domain.h"
#include "dbg/dbg.h"
#include "dbg/watchdog.h"
#include "hc/vcpu.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/asm.h"
#include "x86/ioapic.h"
#include "x86/irq.h"
#include "x86/irq_private.h"
#include "x86/machine.h"
#include "x86/percpu.h"

#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MC0_STATUS 0x401
#define MC_STRIDE      4
#define MC_VALID       (1ull << 63)
#define SYSTEM_PORT    0x61
#define SYSTEM_FAULTS  0xc0 /* SERR#, IOCHK# */

static cpumask_t report_wanted;

void x86_nmi_report(unsigned int cpu)
{
    __atomic_or_fetch(&report_wanted, 1ull << cpu, __ATOMIC_SEQ_CST);
    ipi_send_nmi(cpu);
}

void dbg_nmi(struct guest_regs *r)
{
    struct percpu *pc = this_percpu();
    cpumask_t me = 1ull << pc->cpu;

    pc->nmi_count++;
    if (__atomic_fetch_and(&report_wanted, ~me, __ATOMIC_SEQ_CST) & me) {
        log_err("cpu%u:\n", pc->cpu);
        dbg_registers(r);
        dbg_backtrace(r);
        return;
    }
    if (watchdog_nmi(r))
        return;
    uint8_t reason = inb(SYSTEM_PORT);
    if (reason & SYSTEM_FAULTS && reason != 0xff)
        log_err("NMI: the chipset reports a fault (port 0x61: %x)\n", reason);
}

void dbg_machine_check(struct guest_regs *r)
{
    uint64_t banks = rdmsr(MSR_MCG_CAP) & 0xff;

    log_err("machine check on cpu%u, status %lx\n", this_percpu()->cpu, rdmsr(MSR_MCG_STATUS));
    for (uint32_t bank = 0; bank < banks; bank++) {
        uint64_t status = rdmsr(MSR_MC0_STATUS + bank * MC_STRIDE);

        if (status & MC_VALID)
            log_err("  bank %u: status %016lx address %016lx misc %016lx\n", bank, status,
                    status >> 58 & 1 ? rdmsr(MSR_MC0_STATUS + bank * MC_STRIDE + 1) : 0,
                    status >> 59 & 1 ? rdmsr(MSR_MC0_STATUS + bank * MC_STRIDE + 2) : 0);
    }
    stop_with("machine check: the hardware reports a fault", r);
}

_Noreturn void dbg_hypervisor_fault(struct guest_regs *r)
{
    static const char *const names[] = {"divide error",
                                        "debug",
                                        "NMI",
                                        "breakpoint",
                                        "overflow",
                                        "bound",
                                        "invalid opcode",
                                        "no FPU",
                                        "double fault",
                                        "9",
                                        "invalid TSS",
                                        "segment not present",
                                        "stack fault",
                                        "general protection fault",
                                        "page fault"};
    char why[64];

    log_format(why, sizeof(why), "%s in the hypervisor, error code %x",
               r->entry < ARRAY_SIZE(names) ? names[r->entry] : "exception", r->error_code);
    stop_with(why, r);
}

/* PIT channel 0 through its IO-APIC line, delivered as NMI (82093AA: delivery mode 100). */
int x86_nmi_ticks(void)
{
    unsigned int gsi = machine_info.isa[0].gsi;

    lock_take(&irq_lock);
    int vector = gsi_connect_locked(gsi, IRQ_HANDLER, this_percpu()->apic_id);
    if (vector >= 0) {
        ioapic_route_nmi(gsi, this_percpu()->apic_id);
        outb(0x43, 0x34); /* channel 0, both bytes, rate generator, 65536 */
        outb(0x40, 0);
        outb(0x40, 0);
    }
    lock_drop(&irq_lock);
    return vector < 0 ? vector : 0;
}

void x86_describe_cpu(unsigned int cpu, struct mcinfo_logical_cpu *out)
{
    struct cpuid_regs basic = cpuid(0, 0), r = cpuid(1, 0);
    uint32_t text[3] = {basic.b, basic.d, basic.c};
    uint32_t family = r.a >> 8 & 0xf, model = r.a >> 4 & 0xf;

    if (family == 0xf)
        family += r.a >> 20 & 0xff;
    if (family >= 6)
        model |= r.a >> 12 & 0xf0;
    out->mc_cpunr = cpu;
    out->mc_coreid = (uint16_t)cpu;
    out->mc_apicid = cpu_percpu(cpu)->apic_id;
    out->mc_ncores = out->mc_ncores_active = (uint32_t)machine_info.cpus;
    out->mc_nthreads = 1;
    out->mc_cpuid_level = (int32_t)basic.a;
    out->mc_family = family;
    out->mc_model = model;
    out->mc_step = r.a & 0xf;
    out->mc_vendor = basic.b == 0x756e6547   ? 0 /* Intel */
                     : basic.b == 0x68747541 ? 2 /* AMD */
                                             : 0xff;
    __builtin_memcpy(out->mc_vendorid, text, sizeof(text));
    out->mc_cpu_caps[0] = r.d;
    out->mc_cpu_caps[4] = r.c;
    out->mc_cache_alignment = 64;
}
