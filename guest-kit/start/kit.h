/* What the kit's rooms know of each other beyond the public headers: start-up and shared state. */
#ifndef START_KIT_H
#define START_KIT_H

#include <gk/kit.h>
#include "start/xen.h"

/* As the hypervisor gave it; its frame numbers are kept right over save and restore. */
extern struct start_info *kit_start_info;
/* Mapped at one address for good. */
extern volatile struct shared_info *kit_shared;

/* The linker script's. */
extern uint8_t gk_virt_base[], kit_text_start[], kit_text_end[], kit_rodata_end[], kit_image_end[];
extern uint8_t gk_hypercall_page[];

/* Registers at a trap, in the order of start/entry.S. */
struct kit_regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
void kit_trap(struct kit_regs *regs);
void kit_traps_init(void);
/* The handlers into a table indexed by vector. */
void kit_traps_fill(struct trap_info *by_vector);
void kit_entry_failsafe(void);

_Noreturn void kit_start(struct start_info *info);
/* Tells the hypervisor that this domain ends, SHUTDOWN_... */
_Noreturn void kit_shutdown(unsigned int reason);

/* Writes data/exit-code, if there is a xenstore that answers. */
void kit_exit_code_publish(int code);

/* Prints the chain of frames that begins at `rbp`, after `rip` (0: none). */
void kit_backtrace(uint64_t rip, uint64_t rbp);
void kit_backtrace_trap(const struct kit_regs *regs);
/* The function that holds an address and its distance into it; NULL: unknown. */
const char *kit_symbol(uint64_t address, uint64_t *offset);

/* The number of an error's name, positive; XEN_EIO for an unknown one. */
int kit_err_number(const char *name);

/*
 * A driver that wants to start before main(): its init runs in the main thread, in the order of the
 * names; only those that the program links are there.
 */
typedef void (*kit_driver_init)(void);
#define KIT_DRIVER(order, function)                                                                \
    static const kit_driver_init kit_driver_##function                                             \
        __attribute__((used, section(".gk_drivers." #order))) = function

#endif
