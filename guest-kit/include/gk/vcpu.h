/*
 * More than one vCPU.
 *
 * Without gk_vcpu_start() a guest uses vCPU 0 alone. With it, threads run on all vCPUs, but still
 * one at a time: they take turns, so all that <gk/thread.h> says of data that threads share stays
 * true. A thread that has something to compute goes apart: from gk_apart() on it runs at the same
 * time as all others, and what it shares with them wants a mutex, or atomic operations.
 *
 * A thread that is apart may call what is in <gk/thread.h>, <gk/time.h>, <gk/mem.h>, <gk/gnt.h>,
 * <gk/evt.h>, <gk/blk.h>, <gk/xenbus.h> and <gk/chan.h>, print, and end the guest; such a call
 * waits for its turn. All else, the C library's malloc() and free() excepted, wants the turn held
 * around it: stdio, sockets, whatever of the program's own is not made for several vCPUs. Handlers
 * of events and timers have the turn.
 *
 * Events of devices come to vCPU 0, which leaves threads that are apart to the other vCPUs while
 * those have nothing to do. As nothing interrupts a thread, one that computes for long on vCPU 0
 * calls gk_yield() now and then; so does one that is apart when the guest is to be saved, for that
 * waits until all other vCPUs have come by.
 */
#ifndef GK_VCPU_H
#define GK_VCPU_H

#include <stdbool.h>

#include <gk/thread.h>

#define GK_VCPUS_MAX 8
#define GK_VCPU_ANY  (-1)

/*
 * Brings up vCPUs until `wanted` (1 to 8) run. Returns how many do: fewer when the guest has no
 * more of them or no memory; or -XEN_ENOMEM when not even the first step was possible. Called by a
 * thread that is not apart, at any time, also again for more. Does not block.
 */
int gk_vcpu_start(unsigned int wanted);
/* How many run (1 before gk_vcpu_start()), and which one the caller is on: good until it blocks. */
unsigned int gk_vcpu_count(void);
unsigned int gk_vcpu_self(void);

/* From here on the caller runs at the same time as others (nothing changes before gk_vcpu_start()),
 * or takes turns again: may block. Calling either twice is the same as once. */
void gk_apart(void);
void gk_together(void);
/* gk_thread_create() of a thread that is apart from its first line on. */
struct gk_thread *gk_thread_create_apart(const char *name, void (*run)(void *), void *argument,
                                         size_t stack);

/* The caller runs on this vCPU only from now on, or on any again. -XEN_EINVAL: there is none such.
 * May block. */
int gk_vcpu_pin(int vcpu);

#endif
