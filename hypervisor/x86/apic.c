/* The local APIC: switch it on, send IPIs, run its timer as this CPU's one-shot clock. */
#include "x86/apic.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/cpu.h"
#include "x86/irq.h"
#include "x86/muldiv.h"
#include "x86/percpu.h"
#include "x86/time.h"

#define BASE_ENABLE      (1u << 11)
#define BASE_X2APIC      (1u << 10)
#define SVR_ENABLE       0x100u
#define LVT_MASKED       0x10000u
#define LVT_DEADLINE     0x40000u
#define LVT_NMI          0x400u
#define DIVIDE_BY_4      1u
#define MSR_TSC_DEADLINE 0x6e0
#define LONGEST          (1000 * NS_PER_SEC) /* the clock is armed no further ahead than this */

volatile uint8_t *apic_page;
uint64_t apic_timer_hz;
static uint32_t timer_mul; /* ticks = ns * timer_mul >> 32 */

void apic_init(uint64_t maddr, bool ids_over_254)
{
    bool on = rdmsr(MSR_APIC_BASE) & BASE_X2APIC;

    if (on || (ids_over_254 && cpu_has_x2apic)) {
        log_info("apic: x2APIC\n");
        return;
    }
    apic_page = io_map(maddr, FRAME_SIZE, PTE_PCD | PTE_PWT);
    if (!apic_page)
        stop("no room to map the local APIC");
}

void apic_cpu_init(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    wrmsr(MSR_APIC_BASE, base | BASE_ENABLE);
    if (!apic_page)
        wrmsr(MSR_APIC_BASE, base | BASE_ENABLE | BASE_X2APIC);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_LVT_LINT0, LVT_MASKED);
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_4);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (cpu_has_tsc_deadline ? LVT_DEADLINE : 0));
    apic_write(APIC_ESR, 0);
    /* Interrupts that the firmware left in service would block ours. */
    for (unsigned int i = 0; i < 8; i++)
        apic_eoi();
}

uint32_t apic_id(void)
{
    return apic_page ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

void apic_send(uint32_t to, uint32_t mode)
{
    if (!apic_page) {
        /* x2APIC writes are not ordered behind earlier stores of ours. */
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(0x800 + (APIC_ICR >> 4), (uint64_t)to << 32 | ICR_ASSERT | mode);
        return;
    }
    while (apic_read(APIC_ICR) & 0x1000)
        cpu_relax();
    apic_write(APIC_ICR_HIGH, to << 24);
    apic_write(APIC_ICR, ICR_ASSERT | mode);
}

void apic_timer_start_measure(void)
{
    apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_TIMER_COUNT, UINT32_MAX);
}

uint32_t apic_timer_elapsed(void)
{
    return UINT32_MAX - apic_read(APIC_TIMER_NOW);
}

void apic_timer_set_hz(uint64_t hz)
{
    apic_timer_hz = hz;
    timer_mul = (uint32_t)((hz << 32) / (uint64_t)NS_PER_SEC);
    apic_write(APIC_TIMER_COUNT, 0);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (cpu_has_tsc_deadline ? LVT_DEADLINE : 0));
}

/* The TSC's value at a system time, by this CPU's present scale. */
static uint64_t tsc_at(const struct percpu *pc, ns_t t)
{
    uint64_t ticks = muldiv((uint64_t)(t - pc->ns_base), 1ull << 32, pc->tsc_mul);

    return pc->tsc_base + (pc->tsc_shift >= 0 ? ticks >> pc->tsc_shift : ticks << -pc->tsc_shift);
}

void clock_arm(ns_t deadline)
{
    if (unlikely(deadline == NS_NEVER)) {
        if (cpu_has_tsc_deadline)
            wrmsr(MSR_TSC_DEADLINE, 0);
        else
            apic_write(APIC_TIMER_COUNT, 0);
        return;
    }
    ns_t left = deadline - now();
    if (left > LONGEST)
        left = LONGEST;
    if (left < 0)
        left = 0;
    if (cpu_has_tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, tsc_at(this_percpu(), now() + left));
        return;
    }
    /* Rounded up: an interrupt before its time would only arm the clock again. */
    uint64_t ticks = mul_frac((uint64_t)left, timer_mul) + 1;
    apic_write(APIC_TIMER_COUNT, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}
