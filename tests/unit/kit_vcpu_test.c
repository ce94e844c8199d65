/*
 * The kit's lock and its queue of ready threads.
 *
 * The lock is taken by real threads, more of them than the machine has processors, half of which
 * give way at odd moments, under the thread sanitizer: it must keep them apart, serve them in
 * order, and wake whoever sleeps. The queue is walked at random and compared with what its header
 * promises.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "thread/lock.h"
#include "thread/ready.h"

#define TURNS 5000

static void fail(const char *what, unsigned long a, unsigned long b)
{
    printf("%s: %lu, %lu\n", what, a, b);
    exit(1);
}

/* --- the lock --- */

static struct kit_lock lock;
static unsigned long counter, slept;
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool pending;
} event[KIT_LOCK_CPUS];

/* Every third sleep ends for no reason, as may be. */
void kit_lock_sleep(unsigned int cpu)
{
    if (__atomic_add_fetch(&slept, 1, __ATOMIC_RELAXED) % 3 == 0)
        return;
    pthread_mutex_lock(&event[cpu].mutex);
    while (!event[cpu].pending)
        pthread_cond_wait(&event[cpu].cond, &event[cpu].mutex);
    event[cpu].pending = false;
    pthread_mutex_unlock(&event[cpu].mutex);
}

void kit_lock_rouse(unsigned int cpu)
{
    pthread_mutex_lock(&event[cpu].mutex);
    event[cpu].pending = true;
    pthread_cond_signal(&event[cpu].cond);
    pthread_mutex_unlock(&event[cpu].mutex);
}

static void *taker(void *number)
{
    unsigned int cpu = (unsigned int)(uintptr_t)number;

    for (unsigned int i = 0; i < TURNS; i++) {
        kit_lock_take(&lock, cpu);
        unsigned long before = counter;
        if (i % 64 == cpu)
            sched_yield();
        counter = before + 1;
        kit_lock_give(&lock);
    }
    return NULL;
}

static void lock_test(void)
{
    pthread_t thread[KIT_LOCK_CPUS];

    for (unsigned int i = 0; i < KIT_LOCK_CPUS; i++) {
        pthread_mutex_init(&event[i].mutex, NULL);
        pthread_cond_init(&event[i].cond, NULL);
    }
    lock.head = lock.tail = UINT32_MAX - 100; /* tickets wrap around */
    for (unsigned int i = 0; i < KIT_LOCK_CPUS; i++)
        pthread_create(&thread[i], NULL, taker, (void *)(uintptr_t)i);
    for (unsigned int i = 0; i < KIT_LOCK_CPUS; i++)
        pthread_join(thread[i], NULL);
    if (counter != (unsigned long)KIT_LOCK_CPUS * TURNS)
        fail("turns that were counted", counter, (unsigned long)KIT_LOCK_CPUS * TURNS);
    kit_lock_take(&lock, 0);
    if (kit_lock_wanted(&lock))
        fail("wanted by nobody", lock.head, lock.tail);
    lock.tail++; /* as one who waits does */
    if (!kit_lock_wanted(&lock))
        fail("not wanted", lock.head, lock.tail);
    printf("lock: %lu turns, %lu sleeps\n", counter, slept);
}

/* In order: while the lock is held, takers come one after another and fall asleep; they get it in
 * that order. */
static unsigned int order[KIT_LOCK_CPUS], ordered;

static void *comer(void *number)
{
    unsigned int cpu = (unsigned int)(uintptr_t)number;

    kit_lock_take(&lock, cpu);
    order[ordered++] = cpu;
    kit_lock_give(&lock);
    return NULL;
}

static void order_test(void)
{
    pthread_t thread[KIT_LOCK_CPUS];

    lock = (struct kit_lock){.head = 0};
    kit_lock_take(&lock, 0);
    for (unsigned int i = 1; i < KIT_LOCK_CPUS; i++) {
        pthread_create(&thread[i], NULL, comer, (void *)(uintptr_t)(KIT_LOCK_CPUS - i));
        while (!__atomic_load_n(&lock.sleeps[KIT_LOCK_CPUS - i], __ATOMIC_SEQ_CST))
            sched_yield();
    }
    kit_lock_give(&lock);
    for (unsigned int i = 1; i < KIT_LOCK_CPUS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned int i = 0; i < KIT_LOCK_CPUS - 1; i++)
        if (order[i] != KIT_LOCK_CPUS - 1 - i)
            fail("out of order", i, order[i]);
}

/* --- the queue --- */

#define THREADS 24

static struct gk_thread threads[THREADS];
static struct ready queue;

static bool may(const struct gk_thread *t, unsigned int cpu)
{
    return !t->pin || t->pin == cpu + 1;
}

static unsigned int length(void)
{
    unsigned int n = 0;

    for (const struct gk_thread *t = queue.first; t; t = t->next, n++)
        if (!t->next && t != queue.last)
            fail("the last one is not the last", n, 0);
    return n;
}

/* What ready_take() is to give, told from its header: by counting, not by walking and unlinking. */
static struct gk_thread *expected(unsigned int cpu, uint32_t idle)
{
    int left = cpu ? 0 : __builtin_popcount(idle & ~1U);

    for (struct gk_thread *t = queue.first; t; t = t->next) {
        if (!may(t, cpu))
            continue;
        if (!t->apart || t->pin || left-- <= 0)
            return t;
    }
    return NULL;
}

/* Each vCPU that is called is idle and may run some thread of the queue; none is called in vain,
 * and no thread that computes is left waiting while an idle vCPU may run it. */
static void calls_check(uint32_t idle, bool all)
{
    uint32_t calls = ready_calls(&queue, idle, all);
    int able = 0, free_apart = 0;

    if (calls & ~idle)
        fail("called one that is not idle", calls, idle);
    for (const struct gk_thread *t = queue.first; t; t = t->next) {
        able += all || t->apart || t->pin;
        free_apart += t->apart && !t->pin;
        if (t->pin && (idle & 1U << (t->pin - 1)) && !(calls & 1U << (t->pin - 1)))
            fail("the vCPU of a pinned thread sleeps on", calls, t->pin);
    }
    if (__builtin_popcount(calls) > able)
        fail("more are called than threads wait", calls, (unsigned long)able);
    if (__builtin_popcount(calls) < free_apart && calls != idle)
        fail("threads wait while a vCPU is idle", calls, idle);
}

static unsigned int chance(unsigned int below)
{
    return (unsigned int)rand() % below;
}

static void queue_test(unsigned int seed)
{
    unsigned int in = 0, order_next = 0, stamp[THREADS] = {0};

    srand(seed);
    for (unsigned int step = 0; step < 200000; step++) {
        struct gk_thread *t = &threads[chance(THREADS)];
        uint32_t idle = chance(256);
        unsigned int cpu = chance(8);
        if (t->state != THREAD_READY && chance(2)) {
            t->apart = chance(2);
            t->pin = (uint8_t)(chance(3) ? 0 : 1 + chance(8));
            ready_put(&queue, t);
            stamp[t - threads] = ++order_next;
            in++;
        } else {
            const struct gk_thread *want = expected(cpu, idle & ~(1U << cpu));
            t = ready_take(&queue, cpu, idle & ~(1U << cpu));
            if (t != want)
                fail("another thread was taken", step, seed);
            for (const struct gk_thread *o = queue.first; t && cpu && o; o = o->next)
                if (may(o, cpu) && stamp[o - threads] < stamp[t - threads])
                    fail("one that came before was passed over", step, seed);
            if (t) {
                t->state = THREAD_RUNNING;
                in--;
            }
        }
        if (length() != in)
            fail("threads in the queue", length(), in);
        calls_check(idle, chance(2));
    }
}

int main(void)
{
    for (unsigned int i = 0; i < THREADS; i++)
        threads[i].state = THREAD_RUNNING;
    lock_test();
    order_test();
    queue_test(1);
    printf("vcpu: all as promised\n");
    return 0;
}
