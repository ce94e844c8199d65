/*
 * The kit's one lock: vCPUs get it in the order in which they came; one that waits for long sleeps.
 *
 *   L1  The holder's ticket is `head`; tickets from head + 1 to tail - 1 wait.
 *   L2  A vCPU sleeps only after it has said for which ticket (`sleeps`) and then seen that the
 * ticket is not yet due; whoever makes it due looks at `sleeps` after. One of the two sees the
 * other.
 */
#ifndef THREAD_LOCK_H
#define THREAD_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#define KIT_LOCK_CPUS 8

struct kit_lock {
    uint32_t head, tail;
    uint64_t sleeps[KIT_LOCK_CPUS]; /* ticket + 1; 0: does not sleep */
};

void kit_lock_take(struct kit_lock *lock, unsigned int cpu);
void kit_lock_give(struct kit_lock *lock);
/* Does anybody wait? Asked by the holder. */
bool kit_lock_wanted(const struct kit_lock *lock);

/* From elsewhere: sleeps until kit_lock_rouse(cpu), which may have come before; or for no reason.
 */
void kit_lock_sleep(unsigned int cpu);
void kit_lock_rouse(unsigned int cpu);

#endif
