/*
 * Turns: who holds the kit's lock. A thread in turn holds it whenever it runs; one that is apart
 * takes it for the time of a call into the kit. With one vCPU there is nothing to hold.
 */
#ifndef THREAD_TURN_H
#define THREAD_TURN_H

#include <gk/thread.h>
#include "start/cpu.h"

/* thread/vcpu.c's; never called before gk_vcpu_start(), which links it. They nest, and do nothing
 * for a thread that is in turn anyway. */
void kit_turn_take(void) __attribute__((weak));
void kit_turn_give(void) __attribute__((weak));

static inline void kit_turn_begin(void)
{
    if (__builtin_expect(kit_smp, 0))
        kit_turn_take();
}

static inline void kit_turn_end(const char *unused)
{
    (void)unused;
    if (__builtin_expect(kit_smp, 0))
        kit_turn_give();
}

/* The rest of the block has the turn. */
#define KIT_TURN                                                                                   \
    __attribute__((cleanup(kit_turn_end), unused)) const char turn_ = 0;                           \
    kit_turn_begin()

#endif
