/*
 * The one loop of a daemon: descriptors, timers and jobs for later. Nothing that it calls blocks.
 */
#ifndef DKIT_LOOP_H
#define DKIT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/* Something that epoll watches; the owner keeps it in place while it is added. */
struct source {
    void (*ready)(struct source *s, uint32_t events);
    int fd;
};

/* Fires once, at `at`; on no list (list_init) when not set. */
struct timer {
    void (*fire)(struct timer *t);
    int64_t at;
    struct list link;
};

/* Runs once after the descriptors that are ready now have been served. */
struct job {
    void (*run)(struct job *j);
    struct list link;
};

int loop_open(void) NODISCARD; /* 0 or -errno, as all below */
int loop_add(struct source *s, uint32_t events) NODISCARD;
void loop_change(struct source *s, uint32_t events);
/* Fine inside any callback: no event of it is delivered any more. The descriptor stays open. */
void loop_remove(struct source *s);

void timer_init(struct timer *t, void (*fire)(struct timer *t));
/* Again from now; one that was set is set anew. */
void timer_set(struct timer *t, int64_t ms);
void timer_stop(struct timer *t);

void job_init(struct job *j, void (*run)(struct job *j));
/* Once, however often it is asked for before it runs. */
void job_later(struct job *j);
void job_cancel(struct job *j);

/* Milliseconds of a clock that only goes forward. */
int64_t loop_now(void);

/*
 * The loop waits by `wait` from now on: for that many milliseconds at most (-1: without end), and
 * whether epoll is to be looked at is what it returns. Returns epoll's descriptor, which becomes
 * readable when it is.
 */
int loop_wait_by(bool (*wait)(int ms));

/* Until loop_stop(). */
void loop_run(void);
void loop_stop(void);

#endif
