/* What the firmware's ACPI tables say of the machine. Pure: memory comes through a function. */
#ifndef X86_ACPI_H
#define X86_ACPI_H

#include "base/num.h"
#include "x86/layout.h"

#define MAX_IOAPICS 8
#define MAX_MCFG    4
#define ISA_IRQS    16

struct cpu_entry {
    uint32_t apic_id, acpi_id;
};

struct ioapic_entry {
    uint32_t id, gsi_base;
    uint64_t maddr;
};

struct mcfg_entry {
    uint64_t maddr; /* of bus 0, also where first_bus is not 0 */
    uint16_t segment;
    uint8_t first_bus, last_bus;
};

/* How an ISA interrupt is wired; level and active-low only where an override says so. */
struct isa_irq {
    uint32_t gsi;
    bool level, low;
};

struct reset_register {
    bool present, memory; /* else an I/O port */
    uint64_t address;
    uint8_t value;
};

struct machine_info {
    struct cpu_entry cpu[MAX_CPUS]; /* enabled ones; the table's order */
    unsigned int cpus, cpus_left_out, cpus_disabled;
    uint64_t lapic_maddr;
    struct ioapic_entry ioapic[MAX_IOAPICS];
    unsigned int ioapics;
    struct isa_irq isa[ISA_IRQS];

    uint32_t pm_timer_port; /* 0: none */
    bool pm_timer_32bit;
    uint32_t pm1a_control, pm1b_control; /* ports, 0: none */
    uint8_t rtc_century;                 /* CMOS index, 0: none */
    struct reset_register reset;

    uint64_t hpet_maddr; /* 0: none */
    struct mcfg_entry mcfg[MAX_MCFG];
    unsigned int mcfgs;
};

extern struct machine_info machine_info;

/* len bytes of machine memory at maddr, readable until the parser returns; NULL: cannot be. */
typedef const void *acpi_map_fn(uint64_t maddr, uint64_t len);

/* The root pointer (36 bytes readable) in the BIOS area, NULL: none. */
const void *acpi_find_rsdp(acpi_map_fn *map);

/* Fills *m from the tables that rsdp (36 bytes, may be NULL) leads to; what is missing or damaged
 * is left out (and logged). False: nothing usable at all, then *m has the defaults of a PC without
 * ACPI: one CPU, no IO-APIC. */
bool acpi_parse(struct machine_info *m, const void *rsdp, acpi_map_fn *map);

#endif
