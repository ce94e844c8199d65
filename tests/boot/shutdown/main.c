/*
 * Properties that end the machine, each booted alone: how the control domain's end looks from
 * outside. The last line is printed before the end; tests/boot/ends looks at what the machine does
 * then.
 */
#include "pvk.h"

static void reason(unsigned int r)
{
    tell("Test result: SUCCESS (shutting down with reason %u)", r);
    pvk_shutdown(r);
}

static void poweroff(void)
{
    reason(SHUTDOWN_poweroff);
}
PROPERTY_FLAGS(poweroff, "shutdown-poweroff", poweroff, PROPERTY_ALONE);

static void crash(void)
{
    reason(SHUTDOWN_crash);
}
PROPERTY_FLAGS(crash, "shutdown-crash", crash, PROPERTY_ALONE);

static void unknown(void)
{
    reason(200);
}
PROPERTY_FLAGS(shutdown_unknown, "shutdown-unknown", unknown, PROPERTY_ALONE);

static void fault(void)
{
    tell("Test result: SUCCESS (a fault without a handler comes)");
    HC(__HYPERVISOR_set_trap_table, 0);
    *(volatile int *)BAD_POINTER = 0;
}
PROPERTY_FLAGS(shutdown_fault, "shutdown-fault", fault, PROPERTY_ALONE);

static void stack(void)
{
    tell("Test result: SUCCESS (a fault without a stack comes)");
    __asm__ volatile("mov %0, %%rsp; ud2" : : "r"(BAD_POINTER));
}
PROPERTY_FLAGS(shutdown_stack, "shutdown-stack", stack, PROPERTY_ALONE);
