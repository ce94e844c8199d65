/*
 * Property: exceptions. Each that ring 3 can raise arrives at the handler registered, with its
 * error code and the frame of the ABI; events are masked if the entry asks for it; a handler may
 * fault itself; set_trap_table takes, replaces and clears entries and refuses bad ones.
 */
#include "pvk.h"

static void each(void)
{
    PROBE("div %1", : : "a"(1), "r"(0), "d"(0) : "cc");
    say("div by zero: %s", fault_name());
    PROBE("int3", ::);
    say("int3: %s", fault_name());
    PROBE("int $3", ::);
    say("int 3: %s", fault_name());
    PROBE("int $4", ::);
    say("int 4: %s", fault_name());
    PROBE("ud2", ::);
    say("ud2: %s", fault_name());
    PROBE("int $0x80", ::);
    note("int 0x80: %s", fault_name());
    PROBE("int $0xff", ::);
    note("int 0xff, registered with DPL 0: %s", fault_name());
    PROBE("mov (%0), %%rax", : : "r"(BAD_POINTER) : "rax");
    say("read of nothing: %s, cr2 %lx", fault_name(), this_cpu()->fault.cr2);
    PROBE("mov %%rax, (%0)", : : "r"(BAD_POINTER + 7) : "memory");
    say("write to nothing: %s, cr2 %lx", fault_name(), this_cpu()->fault.cr2);
    PROBE("mov (%0), %%rax", : : "r"(NONCANONICAL_POINTER) : "rax");
    say("read of a non-canonical address: %s", fault_name());
    PROBE("mov %%ss:(%0), %%rax", : : "r"(NONCANONICAL_POINTER) : "rax");
    note("the same by way of SS: %s", fault_name());
    PROBE("lldt %w0", : : "r"(0));
    say("lldt: %s", fault_name());
    PROBE("lidt (%0)", : : "r"(BAD_POINTER));
    note("lidt: %s", fault_name());
    PROBE("mov %0, %%ss", : : "r"(0));
    say("ss with zero: %s", fault_name());
    PROBE("mov %0, %%es", : : "r"(0x1234));
    say("es with a selector of nothing: %s", fault_name());
    __asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq" : : : "memory", "cc");
    PROBE("mov 1(%0), %%rax", : : "r"(entry_regs) : "rax");
    __asm__ volatile("pushfq; andl $~0x40000, (%%rsp); popfq" : : : "memory", "cc");
    note("misaligned read with AC: %s", fault_name());
}

/* One instruction after POPFQ of TF. */
static void single_step(void)
{
    uint64_t start;

    fault_reset();
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; 1: nop; 2: pushfq; andl $~0x100, "
                     "(%%rsp); popfq; lea 2b(%%rip), %0"
                     : "=r"(start)
                     :
                     : "memory", "cc");
    say("TF: %s, first behind the next instruction: %d", fault_name(),
        this_cpu()->fault.rip >= start);
    note("traps taken: %u", this_cpu()->fault.count);
    say("dr6 single-step bit: %ld", HC(__HYPERVISOR_get_debugreg, 6) >> 14 & 1);
    HC(__HYPERVISOR_set_debugreg, 6, 0);
}

static bool step_hook(struct regs *r)
{
    struct fault *f = &this_cpu()->fault;
    if (!f->count) {
        f->vector = (long)r->vector;
        f->rip = r->rip;
    }
    f->count++;
    r->rflags &= ~FLAG_TF;
    return true;
}

static void frame(void)
{
    uint64_t rsp, rip, flags;

    upcalls_disable();
    fault_reset();
    __asm__ volatile("mov $0x1111, %%rcx; mov $0x2222, %%r11; pushfq; pop %2; mov %%rsp, %0; lea "
                     "661f(%%rip), %1\n"
                     "661: ud2\n662:\n" EXTABLE("661b", "662b")
                     : "=&r"(rsp), "=&r"(rip), "=&r"(flags)
                     :
                     : "rcx", "r11", "memory");
    const struct regs *r = &this_cpu()->fault.regs;
    say("frame: rip right %d, rsp right %d, cs %x ss %x, rcx %lx r11 %lx", r->rip == rip,
        r->rsp == rsp, (unsigned int)(r->cs & 0xffff), (unsigned int)r->ss, r->rcx, r->r11);
    say("frame: upcall mask saved %lx, rflags.IF %lx, all flags but IF the same: %d",
        r->cs >> 32 & 0xff, r->rflags >> 9 & 1, !((r->rflags ^ flags) & ~FLAG_IF));
    vcpu_info()->evtchn_upcall_mask = 0;
    PROBE("ud2", ::);
    say("with events unmasked: saved %lx, rflags.IF %lx", r->cs >> 32 & 0xff, r->rflags >> 9 & 1);
    say("and unmasked again afterwards: %d", !vcpu_info()->evtchn_upcall_mask);
    upcalls_disable();
}

static uint8_t mask_inside;

static bool look(struct regs *r)
{
    mask_inside = vcpu_info()->evtchn_upcall_mask;
    (void)r;
    return false;
}

static void masking(void)
{
    struct trap_info one[2] = {
        {.vector = 6, .flags = 4, .cs = FLAT_KERNEL_CS, .address = trap_entries[6]}};

    trap_hooks[6] = look;
    vcpu_info()->evtchn_upcall_mask = 0;
    PROBE("ud2", ::);
    say("entry without the flag: mask inside %u", mask_inside);
    long rc = HC(__HYPERVISOR_set_trap_table, one);
    PROBE("ud2", ::);
    say("entry with the flag: %s, mask inside %u, after %u", rc_name(rc), mask_inside,
        vcpu_info()->evtchn_upcall_mask);
    one[0].flags = 0;
    HC(__HYPERVISOR_set_trap_table, one);
    upcalls_disable();
    trap_hooks[6] = NULL;
}

static const char *inner;

static bool nest(struct regs *r)
{
    struct fault outer = this_cpu()->fault;
    (void)r;
    PROBE("mov (%0), %%rax", : : "r"(BAD_POINTER) : "rax");
    inner = fault_name();
    this_cpu()->fault = outer;
    return false;
}

static void nested(void)
{
    trap_hooks[6] = nest;
    PROBE("ud2", ::);
    say("a fault in a handler: %s inside %s", inner, fault_name());
    trap_hooks[6] = NULL;
}

static void tables(void)
{
    struct trap_info two[3] = {{.vector = 6, .cs = FLAT_KERNEL_CS, .address = trap_entries[5]}};

    long rc = HC(__HYPERVISOR_set_trap_table, two);
    PROBE("ud2", ::);
    say("another handler for #UD: %s, it came to %s", rc_name(rc), fault_name());
    two[0].address = NONCANONICAL_POINTER;
    say("non-canonical handler: %s", rc_name(HC(__HYPERVISOR_set_trap_table, two)));
    two[0].address = trap_entries[6];
    two[0].cs = 0;
    rc = HC(__HYPERVISOR_set_trap_table, two);
    say("handler with a null selector: %s", rc_name(rc));
    two[0].cs = FLAT_KERNEL_CS;
    HC(__HYPERVISOR_set_trap_table, two);
    say("bad pointer: %s", rc_name(HC(__HYPERVISOR_set_trap_table, BAD_POINTER)));
    say("in the hypervisor: %s", rc_name(HC(__HYPERVISOR_set_trap_table, HV_POINTER)));
    rc = HC(__HYPERVISOR_set_trap_table, 0);
    say("none at all: %s", rc_name(rc));
    traps_init();
    PROBE("ud2", ::);
    say("set again: %s", fault_name());
}

static void run(void)
{
    each();
    trap_hooks[1] = step_hook;
    single_step();
    trap_hooks[1] = NULL;
    frame();
    masking();
    nested();
    tables();
}
PROPERTY(exceptions, "exceptions", run);
