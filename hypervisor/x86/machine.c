/* The boot CPU's walk through the machine: tables, interrupt controllers, clocks, console input. */
#include "x86/machine.h"
#include "core/pgtype/pgtype.h"
#include "port/kick.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/console.h"
#include "x86/cpu.h"
#include "x86/ioapic.h"
#include "x86/irq.h"
#include "x86/irq_private.h"
#include "x86/msi.h"
#include "x86/pci.h"
#include "x86/percpu.h"
#include "x86/ptimer.h"
#include "x86/rtc.h"
#include "x86/time.h"

#define MSI_WINDOW_START 0xfee00 /* frames: local APIC and interrupt messages */
#define MSI_WINDOW_END   0xfef00

static const void *map_table(uint64_t maddr, uint64_t len)
{
    return io_map(maddr, len, 0);
}

static bool any_id_over_254(void)
{
    for (unsigned int i = 0; i < machine_info.cpus; i++)
        if (machine_info.cpu[i].apic_id > 254)
            return true;
    return false;
}

static void find_tables(const void *rsdp)
{
    if (!rsdp)
        rsdp = acpi_find_rsdp(map_table);
    if (!acpi_parse(&machine_info, rsdp, map_table))
        log_warn("acpi: no tables: one processor, no IO-APIC\n");
    if (machine_info.cpus_left_out)
        log_warn("acpi: %u processors are more than Argon handles (%u): left out\n",
                 machine_info.cpus_left_out, MAX_CPUS);
}

void machine_init(const void *rsdp)
{
    find_tables(rsdp);
    pic_mask();
    apic_init(machine_info.lapic_maddr, any_id_over_254());
    apic_cpu_init();
    this_percpu()->apic_id = apic_id();
    gsi_init();
    ioapic_init(&machine_info);
    time_init();
    rtc_init();
    console_input_start();
}

unsigned int pgt_io_access(const struct domain *d, mfn_t frame)
{
    struct pci_register any;

    if (!d->is_dom0 || frame.n >> (cpu_phys_bits - FRAME_SHIFT) ||
        (frame.n >= MSI_WINDOW_START && frame.n < MSI_WINDOW_END) ||
        frame.n == machine_info.lapic_maddr >> FRAME_SHIFT)
        return PGT_IO_DENIED;
    if (ptimer_frame(frame) || msi_table_frame(frame) || ioapic_frame(frame) ||
        pci_ecam_register(mfn_maddr(frame), &any))
        return PGT_IO_READ_ONLY;
    return PGT_IO_FULL;
}
