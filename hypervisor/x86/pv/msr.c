/* MSRs as PV guests see them. A guest reaches no MSR of the machine but those named here, and
 * whatever is written is checked first (checklist B4, B9).
 *
 * The stock kernel reads more than this with a safe accessor and lives with #GP; the machine-check
 * registers it must be able to read, and reads of 0 are what tell it that nothing is there (trace,
 * 9.2 and 14.2). */
#include "x86/pv/bounce.h"
#include "x86/pv/policy.h"
#include "x86/cpu.h"
#include "x86/guard.h"
#include "x86/segbase.h"

#define MSR_TSC         0x10
#define MSR_PLATFORM_ID 0x17
#define MSR_BIOS_SIGN   0x8b
#define MSR_MCG_CAP     0x179
#define MSR_MCG_STATUS  0x17a
#define MSR_MCG_CTL     0x17b
#define MSR_MISC_ENABLE 0x1a0
#define MSR_MC0_CTL     0x400
#define MSR_K7_EVNTSEL0 0xc0010000
#define MSR_SYSCFG      0xc0010010
#define MSR_HWCR        0xc0010015
#define MSR_DE_CFG      0xc0011029
#define MCG_BANKS       2

static bool is_mc_bank(uint32_t msr)
{
    return msr - MSR_MC0_CTL < 4 * MCG_BANKS;
}

static bool is_k7_perf(uint32_t msr)
{
    return cpu_is_amd && msr - MSR_K7_EVNTSEL0 < 8;
}

int msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    *value = 0;
    switch (msr) {
    case MSR_FS_BASE:
        *value = read_fs_base();
        return 0;
    case MSR_GS_BASE:
        *value = read_gs_base();
        return 0;
    case MSR_KERNEL_GS_BASE:
        *value = rdmsr(MSR_KERNEL_GS_BASE);
        return 0;
    case MSR_EFER:
        /* Long mode, SYSCALL, NX: what the guest runs with. */
        *value = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
        return 0;
    case MSR_TSC_AUX:
        *value = v->arch.tsc_aux;
        return cpu_has_rdtscp ? 0 : -XEN_EFAULT;
    case MSR_TSC:
        *value = rdtsc();
        return 0;
    case MSR_APIC_BASE:
        /* Enabled at its usual place; BSP on vcpu 0 (shown only: no APIC is behind it). */
        *value = 0xfee00800 | (v->id ? 0 : 0x100);
        return 0;
    case MSR_PAT:
        *value = 0x050100070406;
        return 0;
    case MSR_MCG_CAP:
        *value = MCG_BANKS;
        return 0;
    case MSR_MCG_STATUS:
        return 0;
    case MSR_PLATFORM_ID:
    case MSR_MISC_ENABLE:
        if (cpu_is_amd)
            return -XEN_EFAULT;
        *value = msr == MSR_MISC_ENABLE ? 0x1800 : 0; /* no BTS, no PEBS */
        return 0;
    case MSR_BIOS_SIGN:
        return rdmsr_safe(msr, value);
    case MSR_SYSCFG:
    case MSR_HWCR:
        return cpu_is_amd ? 0 : -XEN_EFAULT;
    case MSR_DE_CFG:
        *value = 2; /* LFENCE is dispatch-serialising: the only bit guests look at */
        return cpu_is_amd ? 0 : -XEN_EFAULT;
    default:
        if (is_mc_bank(msr)) {
            *value = msr % 4 ? 0 : ~0ul; /* MCi_CTL reads as all enabled, the rest as nothing */
            return 0;
        }
        return is_k7_perf(msr) ? 0 : -XEN_EFAULT;
    }
}

/* An address MSR of the running vcpu. */
static int write_base(uint32_t msr, uint64_t value)
{
    if (!canonical(value))
        return -XEN_EFAULT;
    if (msr == MSR_FS_BASE)
        write_fs_base(value);
    else if (msr == MSR_GS_BASE)
        write_gs_base(value);
    else
        wrmsr(MSR_KERNEL_GS_BASE, value);
    return 0;
}

int msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    uint64_t now;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return write_base(msr, value);
    case MSR_TSC_AUX:
        if (!cpu_has_rdtscp || value >> 32)
            return -XEN_EFAULT;
        v->arch.tsc_aux = (uint32_t)value;
        wrmsr(MSR_TSC_AUX, value);
        return 0;
    case MSR_PRED_CMD:
        if (!cpu_has_ibpb || value > 1)
            return -XEN_EFAULT;
        if (value)
            guard_forget_branches();
        return 0;
    case MSR_EFER:
    case MSR_PAT:
    case MSR_APIC_BASE:
        /* Writing back what was read is harmless; anything else is not the guest's to choose. */
        return msr_read(v, msr, &now) || now != value ? -XEN_EFAULT : 0;
    case MSR_MCG_STATUS:
    case MSR_MCG_CTL:
    case MSR_BIOS_SIGN:
        return 0;
        ROW(MSR_MISC_ENABLE, cpu_is_amd ? -XEN_EFAULT : 0);
    case MSR_HWCR:
    case MSR_SYSCFG:
    case MSR_DE_CFG:
        return cpu_is_amd ? 0 : -XEN_EFAULT;
    default:
        return is_mc_bank(msr) || is_k7_perf(msr) ? 0 : -XEN_EFAULT;
    }
}
