/*
 * Property: platform_op as a dom0 kernel uses it at boot: processors, firmware information,
 * symbols; refusals.
 */
#include "pvk.h"

static struct xen_platform_op op;

static long platform(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XENPF_INTERFACE_VERSION;
    return HC(__HYPERVISOR_platform_op, &op);
}

static void run(void)
{
    op.u.pcpu_info.xen_cpuid = 0;
    long rc = platform(XENPF_get_cpuinfo);
    say("get_cpuinfo 0: %s, flags %x, apic %x", rc_name(rc), op.u.pcpu_info.flags,
        op.u.pcpu_info.apic_id);
    note("max_present %u", op.u.pcpu_info.max_present);
    op.u.pcpu_info.xen_cpuid = 5000;
    rc = platform(XENPF_get_cpuinfo);
    say("get_cpuinfo 5000: %s, flags %x", rc_name(rc), op.u.pcpu_info.flags);
    op.u.pcpu_version.xen_cpuid = 0;
    rc = platform(XENPF_get_cpu_version);
    note("get_cpu_version 0: %s, '%.*s' family %x model %x", rc_name(rc), 12,
         op.u.pcpu_version.vendor_id, op.u.pcpu_version.family, op.u.pcpu_version.model);
    static const struct {
        uint32_t type, index;
        const char *name;
    } firmware[] = {
        {XEN_FW_DISK_INFO, 0, "DISK_INFO"}, {XEN_FW_DISK_MBR_SIGNATURE, 0, "MBR"},
        {XEN_FW_VBEDDC_INFO, 0, "VBEDDC"},  {XEN_FW_EFI_INFO, XEN_FW_EFI_VERSION, "EFI"},
        {XEN_FW_KBD_SHIFT_FLAGS, 0, "KBD"}, {99, 0, "unknown"},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(firmware); i++) {
        op.u.firmware_info.type = firmware[i].type;
        op.u.firmware_info.index = firmware[i].index;
        say("firmware_info %s: %s", firmware[i].name, rc_name(platform(XENPF_firmware_info)));
    }
    static char name[64];
    op.u.symdata.namelen = sizeof(name);
    op.u.symdata.symnum = 0;
    set_xen_guest_handle(op.u.symdata.name, name);
    rc = platform(XENPF_get_symbol);
    note("get_symbol 0: %s '%s'", rc_name(rc), name);
    op.u.cpu_ol.cpuid = 5000;
    note("cpu_online of none: %s", rc_name(platform(XENPF_cpu_online)));
    note("cpu_offline of none: %s", rc_name(platform(XENPF_cpu_offline)));
    op.u.cpu_ol.cpuid = 0;
    note("cpu_offline of 0: %s", rc_name(platform(XENPF_cpu_offline)));
    op.u.enter_acpi_sleep.sleep_state = 9;
    op.u.enter_acpi_sleep.val_a = 1;
    op.u.enter_acpi_sleep.flags = 0;
    note("enter_acpi_sleep of state 9: %s", rc_name(platform(XENPF_enter_acpi_sleep)));
    say("unknown: %s", rc_name(platform(200)));
    op.interface_version = 0x12345678;
    op.cmd = XENPF_get_cpuinfo;
    say("wrong interface version: %s", rc_name(HC(__HYPERVISOR_platform_op, &op)));
    say("bad pointer: %s", rc_name(HC(__HYPERVISOR_platform_op, BAD_POINTER)));
    say("in the hypervisor: %s", rc_name(HC(__HYPERVISOR_platform_op, HV_POINTER)));
}
PROPERTY(platform, "platform", run);
