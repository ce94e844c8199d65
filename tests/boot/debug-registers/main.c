/*
 * Property: debug registers by hypercall and by instruction. What values are taken, what is
 * refused, and that a watchpoint fires in the guest.
 */
#include "pvk.h"

static long set(unsigned int reg, uint64_t value)
{
    return HC(__HYPERVISOR_set_debugreg, reg, value);
}

static uint64_t get(unsigned int reg)
{
    return (uint64_t)HC(__HYPERVISOR_get_debugreg, reg);
}

static volatile uint64_t watched;

static void run(void)
{
    for (unsigned int i = 0; i < 8; i++)
        say("dr%u at the start: %lx", i, get(i));
    note("dr8: %s, set: %s", rc_name((long)get(8)), rc_name(set(8, 0)));
    for (unsigned int i = 0; i < 8; i++) {
        long rc = set(i, i < 4 ? 0x1000 * (i + 1) : i == 6 ? 0xffff0ff0 : 0x400);
        /* 4 and 5 are other names of 6 and 7, or refused. */
        if (i == 4 || i == 5)
            note("set dr%u: %s, reads %lx", i, rc_name(rc), get(i));
        else
            say("set dr%u: %s, reads %lx", i, rc_name(rc), get(i));
    }
    say("dr0 in the hypervisor: %s", rc_name(set(0, HV_POINTER)));
    say("dr0 non-canonical: %s", rc_name(set(0, NONCANONICAL_POINTER)));
    say("dr0 in the m2p: %s", rc_name(set(0, MACH2PHYS_VIRT_START)));
    static const struct {
        const char *what;
        uint64_t value;
    } sevens[] = {
        {"~upper half", 1UL << 32},
        {"~GD", 0x2400},
        {"I/O type, enabled", 0x400 | 2UL << 16 | 1},
        {"~I/O type, disabled", 0x400 | 2UL << 16},
        {"global enable", 0x402},
        {"8 bytes", 0x400 | 9UL << 16 | 1},
        {"LE GE", 0x700},
        {"RTM", 0xc00},
        {"bits 14 15", 0xc400},
        {"zero", 0},
    };
    set(0, U(&watched));
    for (unsigned int i = 0; i < ARRAY_SIZE(sevens); i++) {
        long rc = set(7, sevens[i].value);
        /* Bits that are not for guests are refused or dropped. */
        if (sevens[i].what[0] == '~')
            note("dr7 %s: %s, reads %lx", sevens[i].what, rc_name(rc), get(7));
        else
            say("dr7 %s: %s, reads %lx", sevens[i].what, rc_name(rc), get(7));
    }
    set(7, 0);
    static const uint64_t sixes[] = {0, 0xffffffff, 0x100000000UL, 0x4001};
    for (unsigned int i = 0; i < ARRAY_SIZE(sixes); i++) {
        long rc = set(6, sixes[i]);
        if (sixes[i] >> 32)
            note("dr6 %lx: %s, reads %lx", sixes[i], rc_name(rc), get(6));
        else
            say("dr6 %lx: %s, reads %lx", sixes[i], rc_name(rc), get(6));
    }
    set(6, 0);
    set(0, U(&watched));
    say("watch writes of 8 bytes: %s", rc_name(set(7, 0x400 | 9UL << 16 | 1)));
    fault_reset();
    watched = 5;
    barrier();
    say("a write: %s, dr6 %lx", fault_name(), get(6));
    set(6, 0);
    fault_reset();
    uint64_t seen = watched;
    barrier();
    say("a read of %lu: %s", seen, fault_name());
    set(7, 0);
    fault_reset();
    watched = 6;
    barrier();
    say("a write with it off: %s", fault_name());
    uint64_t value = 0;
    PROBE("mov %%dr0, %0", : "=r"(value));
    say("mov from dr0: %s, right: %d", fault_name(), value == U(&watched));
    PROBE("mov %0, %%dr1", : : "r"(0x2000UL));
    say("mov to dr1: %s, reads %lx", fault_name(), get(1));
    PROBE("mov %%dr7, %0", : "=r"(value));
    say("mov from dr7: %s, %lx", fault_name(), value);
    PROBE("mov %0, %%dr0", : : "r"(HV_POINTER));
    say("mov of a hypervisor address to dr0: %s", fault_name());
    for (unsigned int i = 0; i < 4; i++)
        set(i, 0);
    set(7, 0);
}
PROPERTY(debug_registers, "debug-registers", run);
