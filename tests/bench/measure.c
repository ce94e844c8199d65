/* Measuring: least of several batches, less the loop. */
#include "bench.h"

#define ROUNDS 6 /* or rounds=N on the command line, where ticks are time and a host is busy */

static void empty(unsigned int n)
{
    while (n--)
        barrier();
}

static uint64_t least(bench_batch batch, unsigned int n)
{
    uint64_t best = ~0UL, rounds = option_number("rounds", ROUNDS);

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t start = rdtsc();
        batch(n);
        uint64_t took = rdtsc() - start;
        if (took < best)
            best = took;
    }
    return best;
}

uint64_t bench_loop(unsigned int n)
{
    return least(empty, n);
}

void bench_print(const char *name, uint64_t ticks, unsigned int n)
{
    tell("bench %s %lu", name, (ticks + n / 2) / n);
}

void bench(const char *name, bench_batch batch, unsigned int n)
{
    batch(1);
    uint64_t ticks = least(batch, n), loop = bench_loop(n);
    bench_print(name, ticks > loop ? ticks - loop : 0, n);
}

void bench_must(long rc, const char *what)
{
    if (rc)
        panic("%s: %s", what, rc_name(rc));
}

void bench_trap(uint8_t vector, void (*entry)(void))
{
    struct trap_info one[2] = {{.vector = vector, .cs = FLAT_KERNEL_CS, .address = U(entry)}};

    if (!entry)
        one[0].address = trap_entries[vector];
    must(HC(__HYPERVISOR_set_trap_table, one));
}

void bench_callback(unsigned int type, void (*entry)(void))
{
    struct callback_register r = {
        .type = (uint16_t)type, .flags = CALLBACKF_mask_events, .address = U(entry)};
    must(HC(__HYPERVISOR_callback_op, CALLBACKOP_register, &r));
}
