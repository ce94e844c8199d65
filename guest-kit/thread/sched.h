/* Inside the thread room. */
#ifndef THREAD_SCHED_H
#define THREAD_SCHED_H

#include <gk/thread.h>
#include <gk/time.h>

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_ENDED };

struct gk_thread {
    void *sp;               /* first: thread/switch.S */
    struct gk_thread *next; /* of those that are ready */
    enum thread_state state;
    bool woken; /* by gk_wake(), not by the deadline */
    bool detached;
    bool apart;    /* runs at the same time as others, without the kit's lock, but */
    uint8_t depth; /* calls into the kit deep */
    uint8_t pin;   /* vCPU + 1 that alone runs it; 0: any */
    struct gk_timer timer;
    uint8_t *stack; /* its guard page */
    size_t stack_pages;
    void (*run)(void *);
    void *argument;
    void *slots[GK_THREAD_SLOTS];
    struct gk_waitq joiners;
    char name[16];
};

/* Made, but not to run yet. NULL without memory. */
struct gk_thread *kit_thread_new(const char *name, void (*run)(void *), void *argument,
                                 size_t stack);
void kit_thread_free(struct gk_thread *thread);
/* Goes on with the next thread that can run, perhaps the caller. */
void kit_schedule(void);
/* Has the caller, which is in turn, go on on another vCPU. */
void kit_move(unsigned int cpu);

/* Turns the start-up code into the first thread, `run`. */
_Noreturn void kit_threads_start(void (*run)(void *), size_t stack);

/* switch.S: saves what a call must keep and goes on where `to` left off. */
void kit_switch(struct gk_thread *from, const struct gk_thread *to);
void kit_thread_entry(void);
void kit_thread_main(void);

#endif
