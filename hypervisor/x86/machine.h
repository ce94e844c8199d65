/* The machine as a whole: start-up in steps, its end, and who may touch what.
 *
 * Boot order: console_init(); options: console_setup(), log_level_option(), ...; cpu_detect(),
 * paging; console_map(); machine_init(); frames; percpu_alloc(0); smp_start(); ... */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include "base/num.h"

struct guest_regs;
struct domain;
struct vcpu;

/* Reads ACPI's tables, starts this CPU's APIC, the IO-APICs, the clock, serial input. rsdp: a copy
 * of the root pointer (36 bytes, zeros behind a shorter one) where the loader gave one, else NULL
 * (the BIOS area is searched). Needs io_map(). Boot CPU. */
void machine_init(const void *rsdp);

/* Starts all other processors, at most `max` CPUs in all; they go to ap_main(). Boot CPU. */
void smp_start(unsigned int max);

/* APIC id << 32 | ACPI id of a CPU. */
uint64_t x86_cpu_physid(unsigned int cpu);

_Noreturn void cpu_halt(void);

/* Every other CPU halts, soon; does not wait for those that do not listen. */
void machine_stop_others(void);

/* IN and OUT of a guest's kernel that may do them (IOPL checked): size 1, 2 or 4. What the domain
 * may not touch reads as ones and is not written. */
uint32_t io_in(struct vcpu *v, uint16_t port, unsigned int size);
void io_out(struct vcpu *v, uint16_t port, unsigned int size, uint32_t value);

#endif
