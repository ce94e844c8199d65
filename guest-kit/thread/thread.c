/*
 * Threads and their scheduler. There is no idle thread: a thread that blocks looks itself for the
 * next one, on its own stack, and sleeps there while there is none.
 */
#include <gk/kit.h>
#include <gk/mem.h>
#include "evt/evt.h"
#include "libc/string.h"
#include "mem/mem.h"
#include "thread/sched.h"
#include "time/clock.h"

#define STACK_PAGES_DEFAULT 8

static struct gk_thread start_up = {.name = "start-up"};
static struct gk_thread *running = &start_up;
static struct gk_thread *ready_first, *ready_last;
static struct gk_thread *ended; /* detached, its stack still in use while it switches away */

void (*gk_thread_switch_hook)(void *slot0);
void (*gk_thread_end_hook)(struct gk_thread *thread);

static void ready_put(struct gk_thread *t)
{
    t->state = THREAD_READY;
    t->next = NULL;
    if (ready_first)
        ready_last->next = t;
    else
        ready_first = t;
    ready_last = t;
}

static void thread_free(struct gk_thread *t)
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
        thread_free(ended);
        ended = NULL;
    }
}

/* Goes on with the next thread that can run, perhaps the caller. */
static void schedule(void)
{
    struct gk_thread *self = running, *next;

    for (;;) {
        if (kit_evt_any())
            kit_evt_dispatch();
        if ((next = ready_first))
            break;
        kit_timers_arm();
        kit_evt_sleep();
    }
    ready_first = next->next;
    next->state = THREAD_RUNNING;
    if (next == self)
        return;
    running = next;
    if (gk_thread_switch_hook)
        gk_thread_switch_hook(next->slots[0]);
    kit_switch(self, next);
    reap();
}

void kit_thread_main(void)
{
    reap();
    running->run(running->argument);
    gk_thread_exit();
}

struct gk_thread *gk_thread_create(const char *name, void (*run)(void *), void *argument,
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
    ready_put(t);
    return t;
}

void kit_threads_start(void (*run)(void *), size_t stack)
{
    if (!gk_thread_create("main", run, NULL, stack))
        gk_panic("no memory for the main thread");
    schedule();
    __builtin_unreachable();
}

void gk_thread_exit(void)
{
    struct gk_thread *self = running;

    if (gk_thread_end_hook)
        gk_thread_end_hook(self);
    self->state = THREAD_ENDED;
    if (self->detached)
        ended = self;
    gk_waitq_wake_all(&self->joiners);
    schedule();
    __builtin_unreachable();
}

void gk_thread_detach(struct gk_thread *thread)
{
    thread->detached = true;
    if (thread->state == THREAD_ENDED && thread != ended)
        thread_free(thread);
}

void gk_thread_join(struct gk_thread *thread)
{
    while (thread->state != THREAD_ENDED)
        gk_waitq_wait(&thread->joiners, GK_FOREVER);
    thread_free(thread);
}

struct gk_thread *gk_thread_self(void)
{
    return running;
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
    if (!ready_first && !kit_evt_any())
        return;
    ready_put(running);
    schedule();
}

static void deadline_came(void *thread)
{
    ready_put(thread);
}

bool gk_block(uint64_t deadline)
{
    struct gk_thread *self = running;

    self->state = THREAD_BLOCKED;
    self->woken = false;
    if (deadline != GK_FOREVER)
        gk_timer_set(&self->timer, deadline, deadline_came, self);
    schedule();
    gk_timer_stop(&self->timer);
    return self->woken;
}

void gk_wake(struct gk_thread *thread)
{
    if (thread->state != THREAD_BLOCKED)
        return;
    gk_timer_stop(&thread->timer);
    thread->woken = true;
    ready_put(thread);
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
