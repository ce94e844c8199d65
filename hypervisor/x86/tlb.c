/* TLB flushes, here and on other CPUs.
 *
 * Each CPU has one request slot of its own: what to flush, and a bit for every CPU that still has
 * to. A target is told by WORK_TLB in its percpu.work and an interrupt; it serves in the interrupt,
 * when it leaves the hypervisor, or while it spins for a lock or for its own request. The initiator
 * waits for all bits to clear. Partners: `pending` is stored with release order after `va` and
 * loaded with acquire order before it.
 *
 * tlb_clock counts ends of writable mappings. A CPU notes its value at each full flush (and each
 * load of CR3: guest entries are never global), so a flush is needed only for CPUs whose note is
 * not newer than the mapping's end. */
#include "port/tlb.h"

#include "dbg/watchdog.h"
#include "port/kick.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/percpu.h"

#define FLUSH_CACHES (~1UL)     /* not an address: WBINVD */
#define LOOK_EVERY   (1u << 20) /* turns of waiting: milliseconds */

struct request {
    uint64_t va;
    cpumask_t pending;
} __attribute__((aligned(64)));

static struct request request[MAX_CPUS];
uint32_t tlb_clock = 1;

void tlb_flush_local(void)
{
    write_cr3(read_cr3());
    tlb_note_flush(this_percpu());
}

void tlb_flush_va_local(uint64_t va)
{
    invlpg(va);
}

static void flush_one(uint64_t va)
{
    if (va == TLB_ALL_VA)
        tlb_flush_local();
    else if (va == FLUSH_CACHES)
        wbinvd();
    else
        invlpg(va);
}

void tlb_serve(void)
{
    struct percpu *pc = this_percpu();
    uint64_t me = 1ul << pc->cpu;
    cpumask_t from = cpus_online;

    if (!(__atomic_load_n(&pc->work, __ATOMIC_ACQUIRE) & WORK_TLB))
        return;
    __atomic_and_fetch(&pc->work, ~(uint32_t)WORK_TLB, __ATOMIC_ACQ_REL);
    while (from) {
        struct request *r = &request[__builtin_ctzl(from)];

        from &= from - 1;
        if (__atomic_load_n(&r->pending, __ATOMIC_ACQUIRE) & me) {
            flush_one(r->va);
            __atomic_and_fetch(&r->pending, ~me, __ATOMIC_RELEASE);
        }
    }
}

/* A waiting CPU has no timers: it looks itself whether the one it waits for hangs. */
void tlb_wait_turn(void)
{
    struct percpu *pc = this_percpu();

    tlb_serve();
    cpu_relax();
    if (unlikely(!(++pc->waits % LOOK_EVERY)))
        watchdog_look();
}

static void flush_others(cpumask_t others, uint64_t va)
{
    struct request *mine = &request[this_percpu()->cpu];

    mine->va = va;
    __atomic_store_n(&mine->pending, others, __ATOMIC_RELEASE);
    for (cpumask_t left = others; left; left &= left - 1)
        __atomic_or_fetch(&cpu_percpu((unsigned int)__builtin_ctzl(left))->work, WORK_TLB,
                          __ATOMIC_SEQ_CST);
    ipi_send_mask(others, VECTOR_KICK);
    while (__atomic_load_n(&mine->pending, __ATOMIC_ACQUIRE))
        tlb_wait_turn();
}

void tlb_flush_mask(cpumask_t mask, uint64_t va)
{
    uint64_t me = 1ul << this_percpu()->cpu;

    mask &= cpus_online;
    if (mask & me)
        flush_one(va);
    if (mask & ~me)
        flush_others(mask & ~me, va);
}

uint32_t tlb_stamp(void)
{
    return __atomic_fetch_add(&tlb_clock, 1, __ATOMIC_SEQ_CST);
}

cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp)
{
    for (cpumask_t left = mask & cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzl(left);

        if ((int32_t)(__atomic_load_n(&cpu_percpu(cpu)->flushed, __ATOMIC_ACQUIRE) - stamp) > 0)
            mask &= ~(1ul << cpu);
    }
    return mask;
}

void cache_flush_all(void)
{
    tlb_flush_mask(cpus_online, FLUSH_CACHES);
}
