/* Ends: reboot by every way a PC knows, power off by ACPI, halt. */
#include "core/dom/life.h"
#include "core/opt/opt.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/machine.h"

#define SLEEP_ENABLE 0x2000u
#define SLEEP_TYPE   0x1c00u

bool machine_stays_after_crash(void)
{
    /* What stops the boot would only come again, and nobody could read why. */
    return options.noreboot || !dom0 || !dom0->vcpu[0] || !dom0->vcpu[0]->initialised;
}

_Noreturn void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* Gives a way of resetting some time to take effect, without relying on any clock. */
static void settle(void)
{
    for (unsigned int i = 0; i < 100000; i++)
        (void)inb(0x80);
}

static void reset_by_acpi(void)
{
    const struct reset_register *r = &machine_info.reset;

    if (!r->present)
        return;
    if (r->memory) {
        volatile uint8_t *p = io_map(r->address, 1, PTE_PCD | PTE_PWT);

        if (p)
            *p = r->value;
    } else {
        outb((uint16_t)r->address, r->value);
    }
    settle();
}

static void reset_by_ports(void)
{
    outb(0xcf9, 0x02);
    outb(0xcf9, 0x06);
    settle();
    for (unsigned int i = 0; i < 10; i++) {
        for (unsigned int tries = 0; tries < 10000 && inb(0x64) & 2; tries++)
            ;
        outb(0x64, 0xfe); /* pulse the reset line */
    }
    settle();
}

/* An exception without an IDT. */
static void reset_by_triple_fault(void)
{
    struct table_register none = {0, 0};

    __asm__ volatile("lidt %0; int3" ::"m"(none));
}

_Noreturn void machine_reboot(void)
{
    irq_off();
    machine_stop_others();
    reset_by_acpi();
    reset_by_ports();
    reset_by_triple_fault();
    cpu_halt();
}

static void write_sleep(uint32_t port, uint16_t value)
{
    if (port)
        outw((uint16_t)port,
             (uint16_t)((inw((uint16_t)port) & ~SLEEP_TYPE) | (value & SLEEP_TYPE) | SLEEP_ENABLE));
}

_Noreturn void machine_power_off(uint16_t a, uint16_t b)
{
    irq_off();
    machine_stop_others();
    write_sleep(machine_info.pm1a_control, a);
    write_sleep(machine_info.pm1b_control, b);
    settle();
    log_err("power is still on; halted\n");
    cpu_halt();
}

_Noreturn void machine_end(bool halt)
{
    if (halt) {
        log_err("halted\n");
        machine_stop_others();
        cpu_halt();
    }
    log_err("reboot\n");
    machine_reboot();
}
