/*
 * Property: callback_op, set_callbacks and nmi_op. Types, addresses and flags; what unregistering
 * does; the event upcall's frame; the legacy call.
 */
#include "pvk.h"

static long reg(unsigned int type, uint64_t address, unsigned int flags)
{
    struct callback_register r = {
        .type = (uint16_t)type, .flags = (uint16_t)flags, .address = address};
    return HC(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
}

static long unreg(unsigned int type)
{
    struct callback_unregister r = {.type = (uint16_t)type};
    return HC(__HYPERVISOR_callback_op, CALLBACKOP_unregister, &r);
}

static struct regs upcall;
static uint8_t mask_inside;

static bool on_event(struct regs *r)
{
    upcall = *r;
    mask_inside = vcpu_info()->evtchn_upcall_mask;
    return false;
}

/* An upcall happens at the end of any hypercall once one is pending and unmasked. */
static void raise(void)
{
    vcpu_info()->evtchn_upcall_pending = 1;
    vcpu_info()->evtchn_upcall_mask = 0;
    HC(__HYPERVISOR_xen_version, 0, 0);
}

static void run(void)
{
    static const char *const names[] = {"event", "failsafe", "syscall", "sysenter_deprecated",
                                        "nmi",   "sysenter", "type 6",  "syscall32",
                                        "type 8"};
    const uint64_t entries[] = {U(entry_event),    U(entry_failsafe),  U(entry_syscall),
                                U(entry_sysenter), U(entry_nmi),       U(entry_sysenter),
                                U(entry_event),    U(entry_syscall32), U(entry_event)};

    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        say("register %s: %s, non-canonical: %s", names[i],
            rc_name(reg(i, entries[i], CALLBACKF_mask_events)),
            rc_name(reg(i, NONCANONICAL_POINTER, 0)));
    say("register with unknown flags: %s",
        rc_name(reg(CALLBACKTYPE_syscall, U(entry_syscall), 0x80)));
    for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
        say("unregister %s: %s", names[i], rc_name(unreg(i)));
    say("register at a bad pointer: %s",
        rc_name(HC(__HYPERVISOR_callback_op, CALLBACKOP_register, BAD_POINTER)));
    say("unregister at a bad pointer: %s",
        rc_name(HC(__HYPERVISOR_callback_op, CALLBACKOP_unregister, BAD_POINTER)));
    say("unknown operation: %s", rc_name(HC(__HYPERVISOR_callback_op, 5, 0)));
    callbacks_register();

    struct xennmi_callback nmi = {.handler_address = U(entry_nmi)};
    say("nmi_op register: %s", rc_name(HC(__HYPERVISOR_nmi_op, XENNMI_register_callback, &nmi)));
    nmi.handler_address = NONCANONICAL_POINTER;
    say("nmi_op register non-canonical: %s",
        rc_name(HC(__HYPERVISOR_nmi_op, XENNMI_register_callback, &nmi)));
    say("nmi_op register at a bad pointer: %s",
        rc_name(HC(__HYPERVISOR_nmi_op, XENNMI_register_callback, BAD_POINTER)));
    say("nmi_op unregister: %s", rc_name(HC(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0)));
    say("nmi_op unknown: %s", rc_name(HC(__HYPERVISOR_nmi_op, 7, 0)));

    trap_hooks[VEC_EVENT] = on_event;
    upcalls = 0;
    raise();
    say("upcall taken: %u, mask inside %u, saved %lx, rflags.IF %lx, cs %x ss %x", upcalls,
        mask_inside, upcall.cs >> 32 & 0xff, upcall.rflags >> 9 & 1,
        (unsigned int)(upcall.cs & 0xffff), (unsigned int)upcall.ss);
    say("mask after: %u", vcpu_info()->evtchn_upcall_mask);
    upcalls_disable();
    vcpu_info()->evtchn_upcall_pending = 1;
    HC(__HYPERVISOR_xen_version, 0, 0);
    say("upcall while masked: %u", upcalls - 1);
    vcpu_info()->evtchn_upcall_pending = 0;
    say("set_callbacks: %s",
        rc_name(HC(__HYPERVISOR_set_callbacks, entry_event, entry_failsafe, entry_syscall)));
    raise();
    say("upcall after it: %u", upcalls - 1);
    upcalls_disable();
    note("set_callbacks with a non-canonical one: %s",
         rc_name(
             HC(__HYPERVISOR_set_callbacks, NONCANONICAL_POINTER, entry_failsafe, entry_syscall)));
    trap_hooks[VEC_EVENT] = NULL;
    callbacks_register();
}
PROPERTY(callbacks, "callbacks", run);
