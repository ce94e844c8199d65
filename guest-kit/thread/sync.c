/* Queues of waiting threads, and what is built on them. */
#include <gk/kit.h>
#include "thread/sched.h"
#include "thread/turn.h"

/* On the waiting thread's stack. */
struct gk_waiter {
    struct gk_waiter *next;
    struct gk_thread *thread;
    bool queued;
};

static void queue_take(struct gk_waitq *q, struct gk_waiter *w)
{
    struct gk_waiter *before = NULL;

    for (struct gk_waiter *at = q->first; at != w; at = at->next)
        before = at;
    if (before)
        before->next = w->next;
    else
        q->first = w->next;
    if (q->last == w)
        q->last = before;
}

bool gk_waitq_wait(struct gk_waitq *queue, uint64_t deadline)
{
    KIT_TURN;
    struct gk_waiter w = {.thread = gk_thread_self(), .queued = true};

    if (queue->first)
        queue->last->next = &w;
    else
        queue->first = &w;
    queue->last = &w;
    /* Only a wake of this queue, or the deadline, ends the wait; a wake that met the deadline
     * counts. */
    while (gk_block(deadline) && w.queued)
        ;
    if (w.queued)
        queue_take(queue, &w);
    return !w.queued;
}

unsigned int gk_waitq_wake(struct gk_waitq *queue)
{
    KIT_TURN;
    struct gk_waiter *w = queue->first;

    if (!w)
        return 0;
    queue->first = w->next;
    w->queued = false;
    gk_wake(w->thread);
    return 1;
}

unsigned int gk_waitq_wake_all(struct gk_waitq *queue)
{
    KIT_TURN;
    unsigned int count = 0;

    while (gk_waitq_wake(queue))
        count++;
    return count;
}

bool gk_mutex_try(struct gk_mutex *mutex)
{
    KIT_TURN;
    if (mutex->owner)
        return false;
    mutex->owner = gk_thread_self();
    return true;
}

void gk_mutex_lock(struct gk_mutex *mutex)
{
    KIT_TURN;
    if (gk_mutex_try(mutex))
        return;
    if (mutex->owner == gk_thread_self())
        gk_panic("a thread locks its mutex again");
    gk_waitq_wait(&mutex->queue, GK_FOREVER); /* woken as its owner */
}

void gk_mutex_unlock(struct gk_mutex *mutex)
{
    KIT_TURN;
    if (mutex->owner != gk_thread_self())
        gk_panic("a thread unlocks a mutex that is not its own");
    struct gk_waiter *next = mutex->queue.first;
    mutex->owner = next ? next->thread : NULL;
    gk_waitq_wake(&mutex->queue);
}

bool gk_cond_wait(struct gk_cond *cond, struct gk_mutex *mutex, uint64_t deadline)
{
    KIT_TURN;
    gk_mutex_unlock(mutex);
    bool woken = gk_waitq_wait(&cond->queue, deadline);
    gk_mutex_lock(mutex);
    return woken;
}

void gk_cond_signal(struct gk_cond *cond)
{
    gk_waitq_wake(&cond->queue);
}

void gk_cond_broadcast(struct gk_cond *cond)
{
    gk_waitq_wake_all(&cond->queue);
}

/* An up with waiters goes to the first of them: nobody overtakes. */
bool gk_sem_down(struct gk_sem *sem, uint64_t deadline)
{
    KIT_TURN;
    if (!sem->count)
        return gk_waitq_wait(&sem->queue, deadline);
    sem->count--;
    return true;
}

void gk_sem_up(struct gk_sem *sem)
{
    KIT_TURN;
    if (!gk_waitq_wake(&sem->queue))
        sem->count++;
}
