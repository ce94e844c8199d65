/*
 * Several vCPUs: bringing them up, idling, waking each other, and standing aside while the guest is
 * saved.
 *
 * One lock guards all of the kit. It is held by whoever runs a thread that is in turn, by a thread
 * that is apart during its calls, and by an idle vCPU when it is awake; it goes along with each
 * switch.
 *
 *   V1  A vCPU is in `idle` only while it sleeps in its idle thread, or is about to, without the
 * lock. V2  Who gives the lock away to compute, or to sleep, first calls an idle vCPU for what is
 * left to be done: threads that can run, and the first timer. That one, the keeper, has its own
 * one-shot timer set and is idle.
 */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include "evt/evt.h"
#include "mem/mem.h"
#include "start/kit.h"
#include "thread/lock.h"
#include "thread/ready.h"
#include "thread/turn.h"
#include "thread/vcpu.h"
#include "time/clock.h"

#define NONE (-1)

static struct kit_lock lock;
static struct kit_cpu *cpus[GK_VCPUS_MAX] = {&kit_cpu0};
static unsigned int count = 1;
static uint32_t idle, called; /* called: those of idle that were kicked and have not come yet */
static int keeper = NONE;
static bool parking;
static unsigned int parked;
static struct gk_waitq all_parked;

/* --- the lock --- */

void kit_lock_sleep(unsigned int cpu)
{
    evtchn_port_t port = cpus[cpu]->rouse;
    struct sched_poll op = {.nr_ports = 1};

    set_xen_guest_handle(op.ports, &port);
    hc_sched(SCHEDOP_poll, &op);
    kit_evt_clear(port);
}

void kit_lock_rouse(unsigned int cpu)
{
    gk_evt_send(cpus[cpu]->rouse);
}

void kit_turn_take(void)
{
    struct kit_cpu *cpu = kit_cpu();

    if (cpu->running->apart && !cpu->running->depth++)
        kit_lock_take(&lock, cpu->id);
}

static void kick(uint32_t whom)
{
    called |= whom;
    for (; whom; whom &= whom - 1)
        gk_evt_send(cpus[__builtin_ctz(whom)]->kick);
}

uint64_t kit_vcpu_armed(void)
{
    return keeper == NONE ? UINT64_MAX : cpus[keeper]->armed;
}

/* Who is to come for the first timer: the keeper if it is late for it, or anybody idle. */
static uint32_t timer_calls(uint32_t coming)
{
    if (coming || kit_timers_first() >= kit_vcpu_armed())
        return 0;
    return keeper == NONE ? idle & -idle : 1U << keeper;
}

/* V2, for a thread that goes on computing. */
static void call_idle(void)
{
    uint32_t whom = ready_calls(&kit_ready, idle & ~called, true);

    whom |= timer_calls(whom | called);
    if (!idle)
        kit_timers_arm();
    kick(whom);
}

void kit_turn_give(void)
{
    struct gk_thread *self = kit_cpu()->running;

    if (!self->apart || --self->depth)
        return;
    call_idle();
    kit_lock_give(&lock);
}

void kit_turn_share(void)
{
    if (!kit_lock_wanted(&lock))
        return;
    unsigned int cpu = kit_cpu()->id;
    kit_lock_give(&lock);
    kit_lock_take(&lock, cpu);
}

/* --- scheduling --- */

struct gk_thread *kit_vcpu_next(const struct kit_cpu *cpu)
{
    struct gk_thread *t = NULL;

    if (!parking || !cpu->id)
        t = ready_take(&kit_ready, cpu->id, idle);
    return t ? t : cpu->idle;
}

void kit_vcpu_yield(void)
{
    KIT_TURN;
    kit_turn_share();
    ready_put(&kit_ready, gk_thread_self());
    kit_schedule();
}

/* A thread in turn runs when the one that woke it stops; one that is apart need not wait for that.
 */
void kit_vcpu_ready(const struct gk_thread *t)
{
    const struct kit_cpu *cpu = kit_cpu();

    bool elsewhere = t->apart || (t->pin && t->pin != cpu->id + 1);

    if (elsewhere && cpu->running != cpu->idle)
        kick(ready_calls(&kit_ready, idle & ~called, false));
}

static void idle_sleep(struct kit_cpu *cpu)
{
    uint32_t self = 1U << cpu->id;

    kick(ready_calls(&kit_ready, idle & ~called, true));
    if (keeper == NONE || kit_timers_first() < kit_vcpu_armed())
        keeper = (int)cpu->id;
    if (keeper == (int)cpu->id)
        kit_timers_arm();
    idle |= self;
    kit_lock_give(&lock);
    kit_evt_sleep();
    kit_lock_take(&lock, cpu->id);
    idle &= ~self;
    called &= ~self;
    if (keeper == (int)cpu->id)
        keeper = NONE;
}

static void park(struct kit_cpu *cpu)
{
    if (++parked == count - 1)
        gk_waitq_wake_all(&all_parked);
    kick(ready_calls(&kit_ready, idle & ~called, true));
    kit_lock_give(&lock);
    HC3(__HYPERVISOR_vcpu_op, VCPUOP_down, cpu->id, NULL);
    /* Here again when the suspension was cancelled; otherwise kit_vcpu_main() begins anew. */
    kit_lock_take(&lock, cpu->id);
}

static void idle_run(void *unused)
{
    struct kit_cpu *cpu = kit_cpu();

    (void)unused;
    for (;;) {
        kit_schedule();
        if (parking && cpu->id)
            park(cpu);
        else
            idle_sleep(cpu);
    }
}

_Noreturn void kit_vcpu_main(void)
{
    struct kit_cpu *cpu = kit_cpu();

    kit_lock_take(&lock, cpu->id);
    idle_run(NULL);
    __builtin_unreachable();
}

/* --- bringing up --- */

/* An event without any more to say than that there is something to do. */
static void kicked(uint32_t port, void *unused)
{
    (void)port;
    (void)unused;
}

static int ports_bind(struct kit_cpu *cpu)
{
    int port = kit_evt_ipi(cpu->id, kicked, NULL);

    cpu->kick = port > 0 ? (uint32_t)port : 0;
    if (port > 0)
        port = kit_evt_ipi(cpu->id, NULL, NULL);
    cpu->rouse = port > 0 ? (uint32_t)port : 0;
    if (port > 0)
        gk_evt_mask(cpu->rouse);
    if (port > 0 && cpu->id)
        port = kit_clock_bind(cpu);
    return port < 0 ? port : 0;
}

static int idle_make(struct kit_cpu *cpu)
{
    cpu->idle = kit_thread_new("idle", idle_run, NULL, 2 * GK_PAGE_SIZE);
    return cpu->idle ? ports_bind(cpu) : -XEN_ENOMEM;
}

static int first_start(void)
{
    int rc = idle_make(&kit_cpu0);

    if (rc)
        return rc;
    rc = (int)HC2(__HYPERVISOR_set_segment_base, SEGBASE_GS_KERNEL, &kit_cpu0);
    if (rc)
        return rc;
    kit_smp = true;
    kit_evt_callback_register();
    kit_lock_take(&lock, 0);
    return 0;
}

static void context_fill(struct vcpu_guest_context *c, struct kit_cpu *cpu)
{
    c->flags = VGCF_in_kernel | VGCF_failsafe_disables_events | VGCF_syscall_disables_events;
    kit_traps_fill(c->trap_ctxt);
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->user_regs.rip = ADDRESS(kit_vcpu_entry);
    c->user_regs.rsp = ADDRESS(cpu->idle->stack + cpu->idle->stack_pages * GK_PAGE_SIZE);
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = c->user_regs.rsp;
    c->ctrlreg[3] = xen_pfn_to_cr3(gk_mfn((void *)kit_start_info->pt_base));
    c->event_callback_eip = ADDRESS(kit_entry_upcall_any);
    c->failsafe_callback_eip = ADDRESS(kit_entry_failsafe);
    c->gs_base_kernel = ADDRESS(cpu);
}

/* Begins in kit_vcpu_main(), or where it went down. */
static int boot(struct kit_cpu *cpu)
{
    struct vcpu_guest_context *c = gk_zalloc(sizeof(*c));

    if (!c)
        return -XEN_ENOMEM;
    cpu->running = cpu->idle;
    cpu->idle->state = THREAD_RUNNING;
    cpu->info->evtchn_upcall_mask = 1;
    context_fill(c, cpu);
    int rc = (int)HC3(__HYPERVISOR_vcpu_op, VCPUOP_initialise, cpu->id, c);
    gk_free(c);
    if (rc && rc != -XEN_EEXIST)
        return rc;
    return (int)HC3(__HYPERVISOR_vcpu_op, VCPUOP_up, cpu->id, NULL);
}

static void cpu_free(struct kit_cpu *cpu)
{
    const uint32_t ports[] = {cpu->kick, cpu->rouse, cpu->timer};

    for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++)
        if (ports[i])
            gk_evt_close(ports[i]);
    if (cpu->idle)
        kit_thread_free(cpu->idle);
    gk_free(cpu);
}

static int cpu_start(unsigned int id)
{
    /* Asked first: a guest without this vCPU is told so before anything is made for it. */
    if (HC3(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, NULL))
        return -XEN_ENOENT;
    struct kit_cpu *cpu = gk_zalloc(sizeof(*cpu));
    if (!cpu)
        return -XEN_ENOMEM;
    cpu->self = cpu;
    cpu->id = id;
    cpu->armed = UINT64_MAX;
    cpu->info = (struct vcpu_info *)(uintptr_t)&kit_shared->vcpu_info[id];
    int rc = idle_make(cpu);
    if (!rc) {
        cpus[id] = cpu;
        count = id + 1; /* before its first step */
        rc = boot(cpu);
    }
    if (rc) {
        count = id;
        cpus[id] = NULL;
        cpu_free(cpu);
    }
    return rc;
}

int gk_vcpu_start(unsigned int wanted)
{
    int rc = kit_smp ? 0 : first_start();

    if (rc)
        return rc;
    if (wanted > GK_VCPUS_MAX)
        wanted = GK_VCPUS_MAX;
    while (count < wanted && !cpu_start(count))
        ;
    return (int)count;
}

unsigned int gk_vcpu_count(void)
{
    return count;
}

unsigned int gk_vcpu_self(void)
{
    return kit_cpu()->id;
}

int gk_vcpu_pin(int vcpu)
{
    struct gk_thread *self = gk_thread_self();

    if (vcpu != GK_VCPU_ANY && (vcpu < 0 || (unsigned int)vcpu >= count))
        return -XEN_EINVAL;
    KIT_TURN;
    self->pin = (uint8_t)(vcpu + 1);
    if (vcpu >= 0)
        kit_move((unsigned int)vcpu);
    return 0;
}

/* --- the guest's end, save and restore --- */

void kit_turn_force(void)
{
    struct kit_cpu *cpu = kit_cpu();

    if (!cpu->running->apart || cpu->running->depth++)
        return;
    uint32_t ticket = __atomic_fetch_add(&lock.tail, 1, __ATOMIC_SEQ_CST);
    for (unsigned int i = 0; i < 10000 && __atomic_load_n(&lock.head, __ATOMIC_SEQ_CST) != ticket;
         i++)
        hc_sched(SCHEDOP_yield, NULL);
}

/* `parked` counts those that are about to go down; the hypervisor knows when they have. */
void kit_vcpu_park(void)
{
    struct gk_thread *self = gk_thread_self();
    uint8_t pin = self->pin;

    kit_move(0);
    self->pin = 1;
    parking = true;
    kick(idle & ~1U);
    while (parked < count - 1)
        gk_waitq_wait(&all_parked, GK_FOREVER);
    for (unsigned int id = 1; id < count; id++)
        while (HC3(__HYPERVISOR_vcpu_op, VCPUOP_is_up, id, NULL) > 0)
            hc_sched(SCHEDOP_yield, NULL);
    self->pin = pin;
}

/* Those that cannot be had back are a panic: threads may be pinned to them. */
void kit_vcpu_resume(bool cancelled)
{
    parking = false;
    parked = 0;
    for (unsigned int id = 0; id < count; id++) {
        cpus[id]->armed = cancelled ? cpus[id]->armed : UINT64_MAX;
        if (!cancelled && ports_bind(cpus[id]))
            gk_panic("no event channels for vCPU %u", id);
        if (id && boot(cpus[id]))
            gk_panic("vCPU %u does not come back", id);
    }
}
