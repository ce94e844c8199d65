/*
 * Threads: cooperative, and one at a time, unless the program asks for more (<gk/vcpu.h>).
 *
 * A thread runs until it blocks, yields or ends; nothing interrupts it. So data that threads share
 * needs no lock unless its owner blocks in between. Events are looked at when a thread blocks or
 * yields, so a thread that computes for long calls gk_yield() now and then: it costs a few
 * instructions when nobody else wants to run.
 */
#ifndef GK_THREAD_H
#define GK_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gk_thread;

#define GK_STACK_DEFAULT 0          /* 32 KiB */
#define GK_FOREVER       UINT64_MAX /* a deadline that never comes */

/*
 * A new thread that calls run(argument); it runs when the caller blocks. `stack` is bytes (rounded
 * up to pages, at least 8 KiB); below the stack lies a page that faults. The name is copied (15
 * bytes). Returns NULL without memory. A thread that nobody joins must be detached.
 */
struct gk_thread *gk_thread_create(const char *name, void (*run)(void *), void *argument,
                                   size_t stack);
/* Its memory goes back when it ends, or at once when it has ended. */
void gk_thread_detach(struct gk_thread *thread);
/* Waits until the thread has ended and frees it. May block. */
void gk_thread_join(struct gk_thread *thread);
_Noreturn void gk_thread_exit(void);

struct gk_thread *gk_thread_self(void);
const char *gk_thread_name(const struct gk_thread *thread);

/*
 * Slots for other people's data of a thread, 0 to GK_THREAD_SLOTS - 1, NULL at first; no such slot:
 * NULL is returned. When a thread has slot 0 set, the C
 * library's: at each switch `gk_thread_switch_hook`, if not NULL, is called with the next thread's
 * slot 0.
 */
#define GK_THREAD_SLOTS 4
void **gk_thread_slot(struct gk_thread *thread, unsigned int slot);
extern void (*gk_thread_switch_hook)(void *slot0);
/* Called, if not NULL, by a thread that ends, to free what its slots hold. */
extern void (*gk_thread_end_hook)(struct gk_thread *thread);

/* Lets every other thread that can run do so first, and handles pending events. May block. */
void gk_yield(void);

/* Sleeps until gk_time_mono() has reached `deadline`, or for `ns`. May block. */
void gk_sleep_until(uint64_t deadline);
void gk_sleep(uint64_t ns);

/*
 * The bottom of everything below: the calling thread stops until gk_wake() or the deadline. True:
 * woken; false: the deadline came. There are no spurious wake-ups, and no lost ones: between a look
 * at a condition and gk_block() nothing else runs. May block.
 */
bool gk_block(uint64_t deadline);
/* Makes a thread that is in gk_block() runnable; does nothing to any other. */
void gk_wake(struct gk_thread *thread);

/*
 * What is said here of one thing running at a time holds for threads that are apart (<gk/vcpu.h>)
 * from gk_turn_take() to gk_turn_give(); they nest, and cost others nothing.
 */
void gk_turn_take(void);
void gk_turn_give(void);

/* A queue of waiting threads. GK_WAITQ_INIT or all zero bytes is an empty one. First come, first
 * woken. */
struct gk_waiter;
struct gk_waitq {
    struct gk_waiter *first, *last;
};
#define GK_WAITQ_INIT                                                                              \
    {                                                                                              \
        0, 0                                                                                       \
    }
/* Waits to be woken; false: the deadline came. May block. */
bool gk_waitq_wait(struct gk_waitq *queue, uint64_t deadline);
/* Wakes the first waiter, or all. Returns how many. */
unsigned int gk_waitq_wake(struct gk_waitq *queue);
unsigned int gk_waitq_wake_all(struct gk_waitq *queue);

/* Waits until `condition` holds; whoever makes it true wakes the queue. True unless the deadline
 * came first. */
#define GK_WAIT_FOR(queue, condition, deadline)                                                    \
    ({                                                                                             \
        bool met_;                                                                                 \
        gk_turn_take();                                                                            \
        while (!(met_ = (condition)) && gk_waitq_wait((queue), (deadline)))                        \
            ;                                                                                      \
        met_ = met_ || (condition);                                                                \
        gk_turn_give();                                                                            \
        met_;                                                                                      \
    })

/* A mutex: owned by a thread, not recursive (a second lock by its owner is a panic). All zero:
 * free. */
struct gk_mutex {
    struct gk_thread *owner;
    struct gk_waitq queue;
};
#define GK_MUTEX_INIT                                                                              \
    {                                                                                              \
        0, GK_WAITQ_INIT                                                                           \
    }
void gk_mutex_lock(struct gk_mutex *mutex); /* may block */
bool gk_mutex_try(struct gk_mutex *mutex);
/* Hands it to the first waiter. A mutex that is not the caller's is a panic. */
void gk_mutex_unlock(struct gk_mutex *mutex);

/* A condition: waiting gives the mutex up and takes it again. All zero: nobody waits. */
struct gk_cond {
    struct gk_waitq queue;
};
#define GK_COND_INIT                                                                               \
    {                                                                                              \
        GK_WAITQ_INIT                                                                              \
    }
/* True: woken; false: the deadline came. The mutex is the caller's again either way. May block. */
bool gk_cond_wait(struct gk_cond *cond, struct gk_mutex *mutex, uint64_t deadline);
void gk_cond_signal(struct gk_cond *cond);
void gk_cond_broadcast(struct gk_cond *cond);

/* A counting semaphore. */
struct gk_sem {
    unsigned long count;
    struct gk_waitq queue;
};
#define GK_SEM_INIT(n)                                                                             \
    {                                                                                              \
        (n), GK_WAITQ_INIT                                                                         \
    }
bool gk_sem_down(struct gk_sem *sem, uint64_t deadline); /* may block; false: the deadline came */
void gk_sem_up(struct gk_sem *sem);

#endif
