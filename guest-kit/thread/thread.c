/*
 * Threads and their scheduler. There is no idle thread: a thread that blocks looks itself for the
 * next one, on its own stack, and sleeps there while there is none.
 */
#include <gk/kit.h>
#include <gk/mem.h>
#include "evt/evt.h"
#include "libc/string.h"
#include "mem/mem.h"
#include "thread/ready.h"
#include "thread/turn.h"
#include "thread/vcpu.h"
#include "time/clock.h"

#define STACK_PAGES_DEFAULT 8

static struct gk_thread start_up = {.name = "start-up"};
struct kit_cpu kit_cpu0 = {.self = &kit_cpu0, .running = &start_up, .armed = UINT64_MAX};
bool kit_smp;
struct ready kit_ready;
static struct gk_thread *ended; /* detached, its stack still in use while it switches away */

void (*gk_thread_switch_hook)(void *slot0);
void (*gk_thread_end_hook)(struct gk_thread *thread);

static void ready(struct gk_thread *t)
{
    ready_put(&kit_ready, t);
    if (kit_smp)
        kit_vcpu_ready(t);
}

void kit_thread_free(struct gk_thread *t)
{
    if (t->stack) {
        kit_page_show(t->stack);
        gk_page_free(t->stack);
    }
    gk_free(t);
}

static void reap(void)
{
    if (ended) {
        kit_thread_free(ended);
        ended = NULL;
    }
}

/* Returns when the caller runs again, perhaps on another vCPU. */
static inline void switch_to(struct kit_cpu *cpu, struct gk_thread *next)
{
    struct gk_thread *self = cpu->running;

    next->state = THREAD_RUNNING;
    if (next == self)
        return;
    cpu->running = next;
    if (gk_thread_switch_hook)
        gk_thread_switch_hook(next->slots[0]);
    kit_switch(self, next);
    reap();
}

/* One vCPU: who finds nothing to run sleeps here. */
static void schedule_one(void)
{
    struct gk_thread *next;

    for (;;) {
        if (kit_cpu0.info->evtchn_upcall_pending)
            kit_evt_dispatch();
        if ((next = ready_first(&kit_ready)))
            break;
        kit_timers_arm();
        kit_evt_sleep();
    }
    switch_to(&kit_cpu0, next);
}

/*
 * Several: the lock is held, also over the switch, so nobody takes up a thread whose registers are
 * not put away yet; and who finds nothing to run goes idle, off the thread's stack.
 */
static void schedule_any(void)
{
    struct kit_cpu *cpu = kit_cpu();
    const struct gk_thread *self = cpu->running;

    if (kit_evt_any())
        kit_evt_dispatch();
    switch_to(cpu, kit_vcpu_next(cpu));
    if (self != kit_cpu()->idle)
        kit_turn_share();
}

void kit_schedule(void)
{
    if (__builtin_expect(kit_smp, 0))
        schedule_any();
    else
        schedule_one();
}

void kit_thread_main(void)
{
    struct gk_thread *self = gk_thread_self();

    reap();
    kit_turn_end(NULL); /* of one that is apart: as if it came back from a call */
    self->run(self->argument);
    gk_thread_exit();
}

struct gk_thread *kit_thread_new(const char *name, void (*run)(void *), void *argument,
                                 size_t stack)
{
    struct gk_thread *t = gk_zalloc(sizeof(*t));

    if (!t)
        return NULL;
    size_t pages = stack ? (stack + GK_PAGE_SIZE - 1) / GK_PAGE_SIZE : STACK_PAGES_DEFAULT;
    t->stack_pages = (pages < 2 ? 2 : pages) + 1;
    t->stack = gk_page_alloc(t->stack_pages);
    if (!t->stack || kit_page_hide(t->stack)) {
        gk_page_free(t->stack);
        gk_free(t);
        return NULL;
    }
    t->run = run;
    t->argument = argument;
    for (size_t i = 0; name && name[i] && i < sizeof(t->name) - 1; i++)
        t->name[i] = name[i];
    /* As kit_switch() leaves it: six registers, the address to go on at; the entry's call aligns
     * the stack. */
    uint64_t *sp = (uint64_t *)(t->stack + t->stack_pages * GK_PAGE_SIZE) - 7;
    memset(sp, 0, 7 * sizeof(*sp));
    sp[6] = ADDRESS(kit_thread_entry);
    t->sp = sp;
    return t;
}

struct gk_thread *gk_thread_create(const char *name, void (*run)(void *), void *argument,
                                   size_t stack)
{
    KIT_TURN;
    struct gk_thread *t = kit_thread_new(name, run, argument, stack);

    if (t)
        ready(t);
    return t;
}

struct gk_thread *gk_thread_create_apart(const char *name, void (*run)(void *), void *argument,
                                         size_t stack)
{
    KIT_TURN;
    struct gk_thread *t = kit_thread_new(name, run, argument, stack);

    if (t) {
        t->apart = kit_smp;
        t->depth = 1;
        ready(t);
    }
    return t;
}

void kit_threads_start(void (*run)(void *), size_t stack)
{
    if (!gk_thread_create("main", run, NULL, stack))
        gk_panic("no memory for the main thread");
    kit_schedule();
    __builtin_unreachable();
}

void gk_thread_exit(void)
{
    struct gk_thread *self = gk_thread_self();
    kit_turn_begin();

    if (gk_thread_end_hook)
        gk_thread_end_hook(self);
    self->state = THREAD_ENDED;
    if (self->detached)
        ended = self;
    gk_waitq_wake_all(&self->joiners);
    kit_schedule();
    __builtin_unreachable();
}

void gk_thread_detach(struct gk_thread *thread)
{
    KIT_TURN;
    thread->detached = true;
    if (thread->state == THREAD_ENDED && thread != ended)
        kit_thread_free(thread);
}

void gk_thread_join(struct gk_thread *thread)
{
    KIT_TURN;
    while (thread->state != THREAD_ENDED)
        gk_waitq_wait(&thread->joiners, GK_FOREVER);
    kit_thread_free(thread);
}

struct gk_thread *gk_thread_self(void)
{
    return kit_cpu()->running;
}

const char *gk_thread_name(const struct gk_thread *thread)
{
    return thread->name;
}

void **gk_thread_slot(struct gk_thread *thread, unsigned int slot)
{
    return slot < GK_THREAD_SLOTS ? &thread->slots[slot] : NULL;
}

void gk_yield(void)
{
    if (__builtin_expect(kit_smp, 0)) {
        kit_vcpu_yield();
        return;
    }
    if (!kit_ready.first && !kit_cpu0.info->evtchn_upcall_pending)
        return;
    ready_put(&kit_ready, kit_cpu0.running);
    schedule_one();
}

void kit_move(unsigned int cpu)
{
    while (kit_cpu()->id != cpu) {
        gk_thread_self()->pin = (uint8_t)(cpu + 1);
        ready(gk_thread_self());
        kit_schedule();
    }
}

static void deadline_came(void *thread)
{
    ready(thread);
}

bool gk_block(uint64_t deadline)
{
    KIT_TURN;
    struct gk_thread *self = gk_thread_self();

    self->state = THREAD_BLOCKED;
    self->woken = false;
    if (deadline != GK_FOREVER)
        kit_timer_set(&self->timer, deadline, deadline_came, self);
    kit_schedule();
    kit_timer_stop(&self->timer);
    return self->woken;
}

void gk_wake(struct gk_thread *thread)
{
    KIT_TURN;
    if (thread->state != THREAD_BLOCKED)
        return;
    kit_timer_stop(&thread->timer);
    thread->woken = true;
    ready(thread);
}

void gk_sleep_until(uint64_t deadline)
{
    while (gk_block(deadline))
        ;
}

void gk_sleep(uint64_t ns)
{
    gk_sleep_until(gk_time_mono() + ns);
}

void gk_turn_take(void)
{
    kit_turn_begin();
}

void gk_turn_give(void)
{
    kit_turn_end(NULL);
}

void gk_apart(void)
{
    struct gk_thread *self = gk_thread_self();

    if (!kit_smp || self->apart)
        return;
    self->apart = true;
    self->depth = 1;
    kit_turn_give();
}

void gk_together(void)
{
    kit_turn_begin();
    gk_thread_self()->apart = false;
}
