/* The queue of threads that can run. Pure. */
#include "thread/ready.h"

static bool allowed(const struct gk_thread *t, unsigned int cpu)
{
    return !t->pin || t->pin == cpu + 1;
}

struct gk_thread *ready_take(struct ready *q, unsigned int cpu, uint32_t idle)
{
    struct gk_thread *before = NULL;
    uint32_t others = cpu ? 0 : idle & ~1U;

    for (struct gk_thread *t = q->first; t; before = t, t = t->next) {
        if (!allowed(t, cpu))
            continue;
        if (t->apart && !t->pin && others) {
            others &= others - 1;
            continue;
        }
        if (before)
            before->next = t->next;
        else
            q->first = t->next;
        if (q->last == t)
            q->last = before;
        return t;
    }
    return NULL;
}

/* The vCPU of `idle` for a thread: the last for one that computes, so that vCPU 0 stays free. */
static uint32_t choose(const struct gk_thread *t, uint32_t idle)
{
    if (t->pin)
        return idle & 1U << (t->pin - 1);
    if (!idle)
        return 0;
    return t->apart ? 1U << (31 - __builtin_clz(idle)) : idle & -idle;
}

uint32_t ready_calls(const struct ready *q, uint32_t idle, bool all)
{
    uint32_t calls = 0;
    bool in_turn = !all;

    for (const struct gk_thread *t = q->first; t && idle != calls; t = t->next) {
        if (!t->apart && !t->pin && in_turn)
            continue;
        calls |= choose(t, idle & ~calls);
        in_turn |= !t->apart;
    }
    return calls;
}
