/*
 * Time: read from the pages shared with the hypervisor, without a hypercall; and one-shot timers.
 */
#ifndef GK_TIME_H
#define GK_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define GK_US 1000UL
#define GK_MS 1000000UL
#define GK_S  1000000000UL

/* Nanoseconds since the guest started. Never goes back, also not over save and restore. */
uint64_t gk_time_mono(void);
/* Nanoseconds since 1970-01-01 UTC, as the hypervisor knows them: it may be set, so it may jump. */
uint64_t gk_time_wall(void);

/*
 * A timer calls `call(argument)` once, between threads: it may not block, but may wake threads, and
 * set or stop timers, also itself. The memory is the caller's and must live while the timer is set.
 * All zero bytes is a stopped timer; the kit's own fields are not to be touched.
 */
struct gk_timer {
    uint64_t deadline; /* of gk_time_mono() */
    void (*call)(void *argument);
    void *argument;
    struct gk_timer *child, *next, *prev; /* the kit's own */
    bool set;
};
/* Sets the timer, or sets it anew. A deadline that has passed fires at the next chance. */
void gk_timer_set(struct gk_timer *timer, uint64_t deadline, void (*call)(void *), void *argument);
/* Stops it; true if it was set. After this it does not fire. */
bool gk_timer_stop(struct gk_timer *timer);

#endif
