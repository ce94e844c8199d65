/* Traps: none is expected, so each prints what is known and ends the guest. */
#include <gk/thread.h>
#include "console/con.h"
#include "start/cpu.h"
#include "start/kit.h"
#include "thread/vcpu.h"

extern const struct {
    uint64_t address;
    uint8_t vector;
} kit_trap_entries[], kit_trap_entries_end[];

#define TRAPS_MAX 20

static struct trap_info gate(size_t i)
{
    uint8_t vector = kit_trap_entries[i].vector;

    return (struct trap_info){
        .vector = vector,
        .flags = vector == 3 || vector == 4 ? 3 : 0,
        .cs = FLAT_KERNEL_CS,
        .address = kit_trap_entries[i].address,
    };
}

void kit_traps_fill(struct trap_info *by_vector)
{
    for (size_t i = 0; &kit_trap_entries[i] < kit_trap_entries_end; i++)
        by_vector[kit_trap_entries[i].vector] = gate(i);
}

void kit_traps_init(void)
{
    struct trap_info table[TRAPS_MAX + 1] = {{0}};
    struct callback_register failsafe = {
        .type = CALLBACKTYPE_failsafe,
        .flags = CALLBACKF_mask_events,
        .address = ADDRESS(kit_entry_failsafe),
    };

    for (size_t i = 0; &kit_trap_entries[i] < kit_trap_entries_end && i < TRAPS_MAX; i++)
        table[i] = gate(i);
    HC1(__HYPERVISOR_set_trap_table, table);
    HC2(__HYPERVISOR_callback_op, CALLBACKOP_register, &failsafe);
}

static const char *trap_name(uint64_t vector)
{
    static const char *const names[] = {
        "divide error",
        "debug",
        "NMI",
        "breakpoint",
        "overflow",
        "bound",
        "invalid opcode",
        "no FPU",
        "double fault",
        "?",
        "bad TSS",
        "no segment",
        "stack fault",
        "general protection",
        "page fault",
        "?",
        "FPU error",
        "alignment",
        "machine check",
        "SIMD error",
    };
    return vector < ARRAY_SIZE(names) ? names[vector] : "failsafe";
}

void kit_trap(struct kit_regs *r)
{
    uint64_t cr2 = kit_cpu()->info->arch.cr2;
    static bool again;

    if (kit_smp)
        kit_turn_force();
    kit_console_emergency();
    if (again)
        kit_shutdown(SHUTDOWN_crash);
    again = true;
    gk_printf("trap: %s, error %lx, in thread %s\n", trap_name(r->vector), r->error,
              gk_thread_name(gk_thread_self()));
    if (r->vector == 14)
        gk_printf("  %s of address %lx\n",
                  r->error & 16  ? "execution"
                  : r->error & 2 ? "write"
                                 : "read",
                  cr2);
    gk_printf("  rip %016lx rsp %016lx flags %lx\n", r->rip, r->rsp, r->rflags);
    gk_printf("  rax %016lx rbx %016lx rcx %016lx\n", r->rax, r->rbx, r->rcx);
    gk_printf("  rdx %016lx rsi %016lx rdi %016lx\n", r->rdx, r->rsi, r->rdi);
    gk_printf("  rbp %016lx r8  %016lx r9  %016lx\n", r->rbp, r->r8, r->r9);
    gk_printf("  r10 %016lx r11 %016lx r12 %016lx\n", r->r10, r->r11, r->r12);
    gk_printf("  r13 %016lx r14 %016lx r15 %016lx\n", r->r13, r->r14, r->r15);
    kit_backtrace_trap(r);
    kit_shutdown(SHUTDOWN_crash);
}
