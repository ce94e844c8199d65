/* platform_op: what dom0 asks about the machine, and has done to it. */
#include "dbg/dbg.h"
#include "hc/control.h"
#include "hc/hc.h"
#include "hc/vcpu.h"
#include "port/clock.h"
#include "port/kick.h"
#include "port/stop.h"
#include "port/wall.h"
#include "x86/boot/info.h"

#define S5 5

static long set_time(uint64_t secs, uint64_t nsecs, uint64_t system_time)
{
    /* Beyond these the sum of ns would not fit. */
    if (nsecs >= (uint64_t)NS_PER_SEC || secs > 9000000000ull || system_time > INT64_MAX)
        return -XEN_EINVAL;
    wall_set(secs, (uint32_t)nsecs, (ns_t)system_time);
    return 0;
}

/* Of UEFI's services dom0 gets none, only its tables, by which it finds ACPI's. */
static long efi_info(uint32_t index, union xenpf_efi_info *info)
{
    if (!boot_info.efi_tables)
        return -XEN_ENOSYS;
    switch (index) {
    case XEN_FW_EFI_VERSION:
        info->version = boot_info.efi_version;
        return 0;
    case XEN_FW_EFI_CONFIG_TABLE:
        info->cfg.addr = boot_info.efi_tables;
        info->cfg.nent = boot_info.efi_nr;
        return 0;
    default:
        return -XEN_EOPNOTSUPP;
    }
}

/* The BIOS's disk tables are left to dom0's drivers. */
static long firmware_info(struct xenpf_firmware_info *info)
{
    switch (info->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -XEN_ESRCH;
        ROW(XEN_FW_EFI_INFO, efi_info(info->index, &info->u.efi_info));
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (info->index)
            return -XEN_ESRCH;
        info->u.kbd_shift_flags = 0;
        return 0;
    default:
        return -XEN_EINVAL;
    }
}

static long sleep(const struct xenpf_enter_acpi_sleep *s)
{
    if (s->flags & ~XENPF_ACPI_SLEEP_EXTENDED)
        return -XEN_EINVAL;
    /* Hardware-reduced machines have other registers; suspending to RAM is not offered. */
    if (s->flags & XENPF_ACPI_SLEEP_EXTENDED || s->sleep_state != S5)
        return -XEN_EOPNOTSUPP;
    machine_power_off(s->val_a, s->val_b);
}

static long get_cpuinfo(struct xenpf_pcpuinfo *info)
{
    info->max_present = 63u - (uint32_t)__builtin_clzll(cpus_online);
    info->flags = XEN_PCPU_FLAGS_INVALID;
    info->apic_id = info->acpi_id = 0;
    if (info->xen_cpuid > 63 || !(cpus_online >> info->xen_cpuid & 1))
        return 0;
    uint64_t ids = x86_cpu_physid(info->xen_cpuid);
    info->flags = XEN_PCPU_FLAGS_ONLINE;
    info->apic_id = (uint32_t)(ids >> 32);
    info->acpi_id = (uint32_t)ids;
    return 0;
}

static long get_symbol(struct xenpf_symdata *s)
{
    const char *name;
    uint32_t len = 0;

    if (!sym_next(&s->symnum, &s->address, &name)) {
        s->namelen = 0;
        return 0;
    }
    while (name[len])
        len++;
    s->type = 't';
    if (guest_write(HANDLE(s->name), name, len + 1 < s->namelen ? len + 1 : s->namelen))
        return -XEN_EFAULT;
    s->namelen = len + 1;
    return 0;
}

static long run(struct xen_platform_op *op)
{
    static uint64_t refused[2];

    switch (op->cmd) {
        ROW(XENPF_settime32,
            set_time(op->u.settime32.secs, op->u.settime32.nsecs, op->u.settime32.system_time));
    case XENPF_settime64:
        if (op->u.settime64.mbz)
            return -XEN_EINVAL;
        return set_time(op->u.settime64.secs, op->u.settime64.nsecs, op->u.settime64.system_time);
        ROW(XENPF_firmware_info, firmware_info(&op->u.firmware_info));
        ROW(XENPF_enter_acpi_sleep, sleep(&op->u.enter_acpi_sleep));
        ROW(XENPF_get_cpuinfo, get_cpuinfo(&op->u.pcpu_info));
        ROW(XENPF_get_symbol, get_symbol(&op->u.symdata));
    default:
        (void)control_not_offered("platform_op", op->cmd, refused);
        return -XEN_ENOSYS;
    }
}

long hc_platform_op(struct vcpu *v, uint64_t *arg)
{
    struct xen_platform_op op;

    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    if (guest_get(&op, arg[0]))
        return -XEN_EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -XEN_EACCES;
    long result = run(&op);
    if (!result && guest_put(arg[0], &op))
        return -XEN_EFAULT;
    return result;
}
