/*
 * The loop (see loop.h).
 */
#include "dkit/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "dkit/log.h"

enum { BATCH = 64 };

static int epoll = -1;
static bool stop;
static bool (*wait_by)(int ms); /* NULL: epoll */
static struct epoll_event ready[BATCH];
static int nr_ready;
static struct list timers = LIST_INIT(timers); /* the next first */
static struct list jobs = LIST_INIT(jobs);

int loop_open(void)
{
    if (epoll >= 0)
        close(epoll); /* a child's copy of its parent's */
    nr_ready = 0;
    wait_by = NULL;
    list_init(&timers);
    list_init(&jobs);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

int loop_add(struct source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &e) ? -errno : 0;
}

void loop_change(struct source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &e))
        log_line("epoll_ctl: %s", strerror(errno));
}

void loop_remove(struct source *s)
{
    if (epoll_ctl(epoll, EPOLL_CTL_DEL, s->fd, NULL) && errno != ENOENT)
        log_line("epoll_ctl: %s", strerror(errno));
    for (int i = 0; i < nr_ready; i++)
        if (ready[i].data.ptr == s)
            ready[i].data.ptr = NULL;
}

int64_t loop_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    t->fire = fire;
    list_init(&t->link);
}

void timer_set(struct timer *t, int64_t ms)
{
    list_remove(&t->link);
    t->at = loop_now() + ms;
    struct list *before = timers.prev;
    while (before != &timers && list_entry(before, struct timer, link)->at > t->at)
        before = before->prev;
    list_insert_after(before, &t->link);
}

void timer_stop(struct timer *t)
{
    list_remove(&t->link);
}

void job_init(struct job *j, void (*run)(struct job *j))
{
    j->run = run;
    list_init(&j->link);
}

void job_later(struct job *j)
{
    if (list_empty(&j->link))
        list_push_back(&jobs, &j->link);
}

void job_cancel(struct job *j)
{
    list_remove(&j->link);
}

/* Those that ask for themselves again run in the next turn. */
static void run_jobs(void)
{
    struct list mine = LIST_INIT(mine);
    struct list *link;
    while ((link = list_pop_front(&jobs)))
        list_push_back(&mine, link);
    while ((link = list_pop_front(&mine)))
        list_entry(link, struct job, link)->run(list_entry(link, struct job, link));
}

static void run_timers(void)
{
    int64_t now = list_empty(&timers) ? 0 : loop_now();
    while (!list_empty(&timers)) {
        struct timer *t = list_entry(timers.next, struct timer, link);
        if (t->at > now)
            return;
        list_remove(&t->link);
        t->fire(t);
    }
}

static int time_left(void)
{
    if (!list_empty(&jobs))
        return 0;
    if (list_empty(&timers))
        return -1;
    int64_t left = list_entry(timers.next, struct timer, link)->at - loop_now();
    return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

int loop_wait_by(bool (*wait)(int ms))
{
    wait_by = wait;
    return epoll;
}

/* As epoll_wait(). */
static int wait_for_ready(void)
{
    int left = time_left();
    if (!wait_by)
        return epoll_wait(epoll, ready, BATCH, left);
    return wait_by(left) ? epoll_wait(epoll, ready, BATCH, 0) : 0;
}

void loop_run(void)
{
    stop = false;
    while (!stop) {
        int n = wait_for_ready();
        if (n < 0 && errno != EINTR) {
            log_line("epoll_wait: %s", strerror(errno));
            return;
        }
        nr_ready = n < 0 ? 0 : n;
        for (int i = 0; i < nr_ready; i++) {
            struct source *s = ready[i].data.ptr;
            if (s)
                s->ready(s, ready[i].events);
        }
        nr_ready = 0;
        run_timers();
        run_jobs();
    }
}

void loop_stop(void)
{
    stop = true;
}
