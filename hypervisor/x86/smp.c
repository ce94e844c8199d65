/* Starts the other processors, all at once, and interrupts them later.
 *
 * The start-up code needs four pages of low memory: what they held is put back afterwards, so
 * nobody else has to know of them. */
#include "abi/abi.h"
#include "base/string.h"
#include "core/dom/domain.h"
#include "core/sched/sched.h"
#include "core/time/timer.h"
#include "dbg/watchdog.h"
#include "port/clock.h"
#include "port/kick.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/boot/trampoline.h"
#include "x86/cpu.h"
#include "x86/guard.h"
#include "x86/irq.h"
#include "x86/machine.h"
#include "x86/paging.h"
#include "x86/percpu.h"
#include "x86/time.h"

#define START_NS (2 * NS_PER_SEC) /* a processor that is not up by then is left out */

/* Read by trampoline.S: APIC id of each CPU number, and how many are to start. */
extern uint32_t smp_apic_ids[MAX_CPUS], smp_cpus;
uint32_t smp_apic_ids[MAX_CPUS], smp_cpus = 1;
extern const char ap_start[], ap_end[];
_Noreturn void ap_main(unsigned int cpu);

cpumask_t cpus_online = 1;
static cpumask_t given_up;
static uint8_t saved[TRAMPOLINE_SIZE];
static uint32_t acpi_ids[MAX_CPUS];

void ap_main(unsigned int cpu)
{
    uint64_t me = 1ull << cpu;

    percpu_load(cpu);
    cpu_setup();
    apic_cpu_init();
    time_cpu_init();
    /* Too late: its memory may serve another purpose by now. */
    if (__atomic_load_n(&given_up, __ATOMIC_ACQUIRE) & me)
        cpu_halt();
    if (timer_cpu_init(cpu))
        cpu_halt();
    sched_cpu_init(cpu);
    __atomic_or_fetch(&cpus_online, me, __ATOMIC_SEQ_CST);
    time_keep_true();
    watchdog_cpu_start();
    cpu_idle_loop();
}

static void fill_trampoline(uint8_t *low)
{
    uint64_t *l4 = (uint64_t *)(low + TRAMPOLINE_L4 - TRAMPOLINE_MADDR);
    uint64_t *l3 = (uint64_t *)(low + TRAMPOLINE_L3 - TRAMPOLINE_MADDR);
    uint64_t *l2 = (uint64_t *)(low + TRAMPOLINE_L2 - TRAMPOLINE_MADDR);

    memset(low, 0, TRAMPOLINE_SIZE);
    memcpy(low, ap_start, (size_t)(ap_end - ap_start));
    l4[0] = TRAMPOLINE_L3 | PTE_P | PTE_RW;
    l3[0] = TRAMPOLINE_L2 | PTE_P | PTE_RW;
    l2[0] = PTE_PS | PTE_P | PTE_RW;
    memcpy(l4 + 256, hv_l4_slots, sizeof(hv_l4_slots));
}

static void wait_ns(ns_t span)
{
    for (ns_t end = now() + span; now() < end;)
        cpu_relax();
}

/* Numbers for the CPUs to start, memory for each. */
static void prepare(unsigned int max)
{
    smp_apic_ids[0] = this_percpu()->apic_id;
    for (unsigned int i = 0; i < machine_info.cpus; i++) {
        const struct cpu_entry *e = &machine_info.cpu[i];

        if (e->apic_id == smp_apic_ids[0]) {
            acpi_ids[0] = e->acpi_id;
            continue;
        }
        if (smp_cpus >= max || (e->apic_id > 254 && apic_page))
            continue;
        if (percpu_alloc(smp_cpus, e->apic_id) || guard_cpu_alloc(smp_cpus)) {
            log_err("smp: no memory for cpu%u\n", smp_cpus);
            break;
        }
        smp_apic_ids[smp_cpus] = e->apic_id;
        acpi_ids[smp_cpus++] = e->acpi_id;
    }
}

static void send_all(uint32_t mode)
{
    for (unsigned int cpu = 1; cpu < smp_cpus; cpu++)
        if (!(__atomic_load_n(&cpus_online, __ATOMIC_ACQUIRE) >> cpu & 1))
            apic_send(smp_apic_ids[cpu], mode);
}

static void wait_for_all(void)
{
    cpumask_t all = smp_cpus == 64 ? ~0ull : (1ull << smp_cpus) - 1;
    ns_t end = now() + START_NS;

    while (__atomic_load_n(&cpus_online, __ATOMIC_ACQUIRE) != all && now() < end)
        cpu_relax();
    __atomic_store_n(&given_up, all & ~cpus_online, __ATOMIC_SEQ_CST);
    if (given_up)
        log_warn("smp: processors %lx do not start: left out\n", given_up);
}

void smp_start(unsigned int max)
{
    prepare(max < MAX_CPUS ? max : MAX_CPUS);
    if (smp_cpus == 1)
        return;
    uint8_t *low = io_map(TRAMPOLINE_MADDR, TRAMPOLINE_SIZE, 0);
    if (!low) {
        log_err("smp: no room to map low memory: one processor only\n");
        return;
    }
    memcpy(saved, low, TRAMPOLINE_SIZE);
    fill_trampoline(low);
    /* Processors with a long mode need none of the old waits of 10 ms (Linux, smpboot.c). */
    send_all(ICR_INIT);
    wait_ns(20000);
    send_all(ICR_STARTUP | TRAMPOLINE_MADDR >> FRAME_SHIFT);
    wait_ns(200000);
    send_all(ICR_STARTUP | TRAMPOLINE_MADDR >> FRAME_SHIFT);
    wait_for_all();
    memcpy(low, saved, TRAMPOLINE_SIZE);
}

unsigned int cpu_id(void)
{
    return this_percpu()->cpu;
}

uint64_t x86_cpu_physid(unsigned int cpu)
{
    return (uint64_t)smp_apic_ids[cpu] << 32 | acpi_ids[cpu];
}

/* ---- asking others -------------------------------------------------------------------------- */

void cpu_resched(unsigned int cpu)
{
    struct percpu *pc = cpu_percpu(cpu);
    uint32_t was = __atomic_fetch_or(&pc->work, WORK_SCHED, __ATOMIC_SEQ_CST);

    /* Whoever set the bit first has sent the interrupt. */
    if (!(was & WORK_SCHED) && pc != this_percpu())
        apic_send(pc->apic_id, ICR_FIXED | VECTOR_KICK);
}

void cpu_kick_vcpu(struct vcpu *v)
{
    const struct percpu *pc = cpu_percpu(__atomic_load_n(&v->sched.cpu, __ATOMIC_RELAXED));

    if (__atomic_load_n(&v->sched.running, __ATOMIC_ACQUIRE) && pc != this_percpu())
        apic_send(pc->apic_id, ICR_FIXED | VECTOR_KICK);
}

void machine_stop_others(void)
{
    ipi_send_mask(cpus_online & ~(1ull << this_percpu()->cpu), VECTOR_STOP);
}
