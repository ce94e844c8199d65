/* Traps: the table registered at start, the exception table of expected faults, and who deals with
 * the rest. */
#include "pvk.h"

trap_hook trap_hooks[VECTORS];

struct ex_entry {
    uint64_t from, to;
};
extern const struct ex_entry ex_table_start[], ex_table_end[];

static struct trap_info table[36];

const struct trap_info *traps_table(void)
{
    return table;
}

void traps_init(void)
{
    static const uint8_t extra[] = {0x40, 0x80, 0xff};
    unsigned int n = 0;

    for (unsigned int i = 0; i < 32; i++)
        table[n++] = (struct trap_info){
            .vector = (uint8_t)i,
            .flags = i == 3 || i == 4 ? 3 : 0,
            .cs = FLAT_KERNEL_CS,
            .address = trap_entries[i],
        };
    for (unsigned int i = 0; i < ARRAY_SIZE(extra); i++)
        table[n++] = (struct trap_info){
            .vector = extra[i],
            .flags = extra[i] == 0xff ? 0 : 3,
            .cs = FLAT_KERNEL_CS,
            .address = trap_entries[32 + i],
        };
    long rc = HC(__HYPERVISOR_set_trap_table, table);
    if (rc)
        panic("set_trap_table: %s", rc_name(rc));
    callbacks_register();
}

void callbacks_register(void)
{
    static const struct {
        uint16_t type, flags;
        void (*entry)(void);
    } all[] = {
        {CALLBACKTYPE_event, CALLBACKF_mask_events, entry_event},
        {CALLBACKTYPE_failsafe, CALLBACKF_mask_events, entry_failsafe},
        {CALLBACKTYPE_syscall, CALLBACKF_mask_events, entry_syscall},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(all); i++) {
        struct callback_register r = {
            .type = all[i].type, .flags = all[i].flags, .address = U(all[i].entry)};
        long rc = HC(__HYPERVISOR_callback_op, CALLBACKOP_register, &r);
        if (rc)
            panic("callback %u: %s", all[i].type, rc_name(rc));
    }
}

void fault_reset(void)
{
    this_cpu()->fault.vector = -1;
    this_cpu()->fault.count = 0;
    barrier();
}

const char *vector_name(uint64_t vector)
{
    static const char *const names[] = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "CSO",
        "#TS", "#NP", "#SS", "#GP", "#PF", "v15", "#MF", "#AC", "#MC", "#XM",
    };
    if (vector < ARRAY_SIZE(names))
        return names[vector];
    switch (vector) {
    case VEC_EVENT:
        return "event";
    case VEC_SYSCALL:
        return "syscall";
    case VEC_FAILSAFE:
        return "failsafe";
    case VEC_SYSCALL32:
        return "syscall32";
    case VEC_SYSENTER:
        return "sysenter";
    case VEC_NMI:
        return "nmi";
    }
    return "other";
}

static bool has_error_code(uint64_t vector)
{
    return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

const char *fault_name(void)
{
    static char texts[8][48];
    static unsigned int next;
    const struct fault *f = &this_cpu()->fault;
    char *text = texts[next++ % ARRAY_SIZE(texts)];

    if (f->vector < 0)
        return "no fault";
    if (has_error_code((uint64_t)f->vector))
        text_print(text, sizeof(texts[0]), "%s(%lx)", vector_name((uint64_t)f->vector), f->error);
    else
        text_print(text, sizeof(texts[0]), "%s", vector_name((uint64_t)f->vector));
    return text;
}

static void record(struct cpu *cpu, const struct regs *regs)
{
    cpu->fault.vector = (long)regs->vector;
    cpu->fault.error = regs->error;
    cpu->fault.cr2 = vcpu_infos[cpu->id]->arch.cr2;
    cpu->fault.rip = regs->rip;
    cpu->fault.regs = *regs;
    cpu->fault.count++;
}

static bool fix_up(struct cpu *cpu, struct regs *regs)
{
    for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
        if (e->from == regs->rip) {
            regs->rip = e->to;
            return true;
        }
    if (cpu->probe_resume) {
        regs->rip = cpu->probe_resume;
        if (regs->vector == VEC_FAILSAFE) {
            /* The frame is the one that could not be loaded. */
            regs->cs = FLAT_KERNEL_CS & ~3UL;
            regs->ss = FLAT_KERNEL_SS;
            regs->rflags = FLAG_IF;
        }
        return true;
    }
    return false;
}

void trap_handler(struct regs *regs);
void trap_handler(struct regs *regs)
{
    struct cpu *cpu = this_cpu();

    if (regs->vector < VECTORS && trap_hooks[regs->vector] && trap_hooks[regs->vector](regs))
        return;
    if (regs->vector == VEC_EVENT) {
        event_upcall(regs);
        return;
    }
    if (cpu->in_user && (regs->cs & 3)) {
        cpu->in_user = false;
        cpu->user_regs = *regs;
        cpu->user_cr2 = vcpu_infos[cpu->id]->arch.cr2;
        context_load(&cpu->user_caller, 1);
    }
    record(cpu, regs);
    if (fix_up(cpu, regs))
        return;
    /* Traps that report behind the instruction need no fix-up. */
    if (regs->vector == 1 || regs->vector == 3 || regs->vector == 4 || regs->vector == 0x80 ||
        regs->vector == 0x40 || regs->vector == VEC_NMI || regs->vector == 2)
        return;
    panic("unexpected %s(%lx) at %lx cs %lx rsp %lx cr2 %lx on vcpu %u", vector_name(regs->vector),
          regs->error, regs->rip, regs->cs, regs->rsp, vcpu_infos[cpu->id]->arch.cr2, cpu->id);
}
