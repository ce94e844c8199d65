/*
 * Property: every hypercall that takes a pointer, given four bad ones: unmapped, in the hypervisor,
 * at the end of the canonical range, non-canonical. All answer an error; none faults. Which error
 * may differ where a call is not offered.
 */
#include "pvk.h"

static const uint64_t pointers[] = {BAD_POINTER, HV_POINTER, 0x00007fffffffffffUL,
                                    NONCANONICAL_POINTER};

static void call(const char *what, unsigned int number, uint64_t a1, uint64_t a2, uint64_t a3,
                 uint64_t a4, unsigned int which)
{
    const char *names[4];
    unsigned int errors = 0;

    for (unsigned int i = 0; i < 4; i++) {
        uint64_t a[4] = {a1, a2, a3, a4};
        a[which] = pointers[i];
        long rc = hypercall(number, a[0], a[1], a[2], a[3], 0);
        names[i] = rc_name(rc);
        errors += rc < 0;
    }
    say("%s: refused %u of 4", what, errors);
    note("%s: %s %s %s %s", what, names[0], names[1], names[2], names[3]);
}

static void run(void)
{
    call("set_trap_table", __HYPERVISOR_set_trap_table, 0, 0, 0, 0, 0);
    call("mmu_update", __HYPERVISOR_mmu_update, 0, 1, 0, DOMID_SELF, 0);
    call("set_gdt", __HYPERVISOR_set_gdt, 0, 8, 0, 0, 0);
    call("platform_op", __HYPERVISOR_platform_op, 0, 0, 0, 0, 0);
    call("multicall", __HYPERVISOR_multicall, 0, 1, 0, 0, 0);
    call("mmuext_op", __HYPERVISOR_mmuext_op, 0, 1, 0, DOMID_SELF, 0);
    call("sysctl", __HYPERVISOR_sysctl, 0, 0, 0, 0, 0);
    call("domctl", __HYPERVISOR_domctl, 0, 0, 0, 0, 0);
    call("console_io", __HYPERVISOR_console_io, CONSOLEIO_write, 8, 0, 0, 2);
    for (unsigned int cmd = 0; cmd < 14; cmd++) {
        char name[32];
        if (cmd == 7 || cmd == 0)
            continue;
        text_print(name, sizeof(name), "xen_version %u", cmd);
        call(name, __HYPERVISOR_xen_version, cmd, 0, 0, 0, 1);
    }
    static const unsigned int memory[] = {0,  1,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
                                          14, 15, 16, 17, 20, 22, 23, 24, 25, 26, 27, 28};
    for (unsigned int i = 0; i < ARRAY_SIZE(memory); i++) {
        char name[32];
        text_print(name, sizeof(name), "memory_op %u", memory[i]);
        call(name, __HYPERVISOR_memory_op, memory[i], 0, 0, 0, 1);
    }
    static const unsigned int vcpu[] = {0, 4, 5, 6, 8, 10, 13};
    for (unsigned int i = 0; i < ARRAY_SIZE(vcpu); i++) {
        char name[32];
        if (vcpu[i] == 6 || vcpu[i] == 10)
            continue;
        text_print(name, sizeof(name), "vcpu_op %u", vcpu[i]);
        call(name, __HYPERVISOR_vcpu_op, vcpu[i], 0, 0, 0, 2);
    }
    static const unsigned int sched[] = {2, 3, 4, 5, 6, 7};
    for (unsigned int i = 0; i < ARRAY_SIZE(sched); i++) {
        char name[32];
        text_print(name, sizeof(name), "sched_op %u", sched[i]);
        call(name, __HYPERVISOR_sched_op, sched[i], 0, 0, 0, 1);
    }
    for (unsigned int cmd = 0; cmd < 14; cmd++) {
        char name[32];
        text_print(name, sizeof(name), "event_channel_op %u", cmd);
        call(name, __HYPERVISOR_event_channel_op, cmd, 0, 0, 0, 1);
    }
    for (unsigned int cmd = 0; cmd < 13; cmd++) {
        char name[32];
        text_print(name, sizeof(name), "grant_table_op %u", cmd);
        call(name, __HYPERVISOR_grant_table_op, cmd, 0, 1, 0, 1);
    }
    call("callback_op 0", __HYPERVISOR_callback_op, 0, 0, 0, 0, 1);
    call("callback_op 1", __HYPERVISOR_callback_op, 1, 0, 0, 0, 1);
    call("nmi_op 0", __HYPERVISOR_nmi_op, 0, 0, 0, 0, 1);
    static const unsigned int physdev[] = {5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 21, 24, 25, 28};
    for (unsigned int i = 0; i < ARRAY_SIZE(physdev); i++) {
        char name[32];
        text_print(name, sizeof(name), "physdev_op %u", physdev[i]);
        call(name, __HYPERVISOR_physdev_op, physdev[i], 0, 0, 0, 1);
    }
}
PROPERTY(bad_pointers, "bad-pointers", run);
