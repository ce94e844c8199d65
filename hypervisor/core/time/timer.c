/* Timers: one pairing heap per CPU, earliest deadline at its root.
 *
 *   T1  a timer is in the heap of CPU c if and only if its owner is c + 1; owner becomes that and
 *       stops being it under c's lock, by compare-exchange from 0, as CPUs may race to set it
 *   T2  no timer in the heap is due before its parent
 *   T3  the clock of a CPU is armed for its root's deadline, or for an earlier time */
#include "core/time/timer.h"

#include "port/clock.h"
#include "port/lock.h"
#include "port/tlb.h"

#define MAX_TIMER_CPUS 64

static struct timer_cpu {
    struct lock lock;
    struct timer *root;
    struct timer *running; /* whose callback is being called */
    ns_t armed;
} cpus[MAX_TIMER_CPUS];

/* Both are roots (no siblings) or NULL. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->deadline < a->deadline) {
        struct timer *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* Makes one heap of a list of siblings: in pairs from the left, then together from the right. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    struct timer *heap = NULL;
    while (pairs) {
        struct timer *a = pairs;

        pairs = a->next;
        a->next = NULL;
        heap = meld(heap, a);
    }
    return heap;
}

static void take_out(struct timer_cpu *c, struct timer *t) NEEDS(c->lock)
{
    struct timer *rest = meld_siblings(t->child);

    if (c->root == t) {
        c->root = rest;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        c->root = meld(c->root, rest);
    }
    t->child = t->next = t->prev = NULL;
    __atomic_store_n(&t->owner, 0, __ATOMIC_RELEASE);
}

/* On the CPU whose heap it is. */
static void arm(struct timer_cpu *c) NEEDS(c->lock)
{
    ns_t first = c->root ? c->root->deadline : NS_NEVER;

    if (first != c->armed) {
        c->armed = first;
        clock_arm(first);
    }
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
    *t = (struct timer){.fn = fn, .arg = arg};
}

int timer_cpu_init(unsigned int cpu)
{
    if (cpu >= MAX_TIMER_CPUS)
        return -1;
    lock_init(&cpus[cpu].lock, RANK_TIMER, "timer");
    cpus[cpu].root = cpus[cpu].running = NULL;
    cpus[cpu].armed = NS_NEVER;
    return 0;
}

void timer_set(struct timer *t, ns_t deadline)
{
    unsigned int me = cpu_id();
    struct timer_cpu *c = &cpus[me];
    uint32_t none = 0;

    for (;;) {
        if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) != me)
            timer_stop(t);
        lock_take(&c->lock);
        if (__atomic_load_n(&t->owner, __ATOMIC_RELAXED) == me + 1)
            take_out(c, t);
        if (likely(__atomic_compare_exchange_n(&t->owner, &none, me + 1, 0, __ATOMIC_ACQUIRE,
                                               __ATOMIC_RELAXED)))
            break;
        lock_drop(&c->lock);
        none = 0;
    }
    __atomic_store_n(&t->cpu, me, __ATOMIC_RELAXED);
    t->deadline = deadline;
    c->root = meld(c->root, t);
    arm(c);
    lock_drop(&c->lock);
}

void timer_stop(struct timer *t)
{
    for (;;) {
        uint32_t owner = __atomic_load_n(&t->owner, __ATOMIC_ACQUIRE);
        unsigned int cpu = owner ? owner - 1 : __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
        struct timer_cpu *c = &cpus[cpu];
        bool here = cpu == cpu_id();

        lock_take(&c->lock);
        if (__atomic_load_n(&t->owner, __ATOMIC_RELAXED) == cpu + 1) {
            take_out(c, t);
            /* Another CPU's clock stays armed too early (T3): one interrupt for nothing. */
            if (here)
                arm(c);
        }
        /* Its callback may set it again until it has returned: look again then. */
        bool busy = c->running == t && !here;
        lock_drop(&c->lock);
        if (!busy && !timer_is_set(t))
            return;
        tlb_serve();
    }
}

UNGUIDED_CALLS void timer_run(void)
{
    struct timer_cpu *c = &cpus[cpu_id()];
    ns_t t = now();

    lock_take(&c->lock);
    while (c->root && c->root->deadline <= t) {
        struct timer *due = c->root;
        void (*fn)(void *) = due->fn;
        void *arg = due->arg;

        take_out(c, due);
        c->running = due;
        lock_drop(&c->lock);
        fn(arg);
        lock_take(&c->lock);
        c->running = NULL;
    }
    /* The clock has fired or will fire early: what it is armed for is not known any more. */
    c->armed = c->root ? c->root->deadline : NS_NEVER;
    clock_arm(c->armed);
    lock_drop(&c->lock);
}

ns_t timer_next_deadline(void)
{
    struct timer_cpu *c = &cpus[cpu_id()];

    lock_take(&c->lock);
    ns_t first = c->root ? c->root->deadline : NS_NEVER;
    lock_drop(&c->lock);
    return first;
}
