/*
 * Timers in a pairing heap: child is the first of a timer's children, next its right sibling, prev
 * its left sibling or, for a first child, its parent. No memory but the timers' own. Pure.
 */
#include <stddef.h>
#include "time/clock.h"

static struct gk_timer *meld(struct gk_timer *a, struct gk_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->deadline < a->deadline) {
        struct gk_timer *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    b->prev = a;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    a->next = a->prev = NULL;
    return a;
}

/* Two passes: pairs from the left, then all from the right; that is what makes it cheap. */
static struct gk_timer *meld_siblings(struct gk_timer *first)
{
    struct gk_timer *pairs = NULL, *root = NULL;

    while (first) {
        struct gk_timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct gk_timer *rest = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = rest;
    }
    return root;
}

struct gk_timer *timers_add(struct gk_timer *root, struct gk_timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    return meld(root, timer);
}

struct gk_timer *timers_remove(struct gk_timer *root, struct gk_timer *timer)
{
    struct gk_timer *below = meld_siblings(timer->child);

    timer->child = NULL;
    if (timer == root)
        return below;
    if (timer->prev->child == timer)
        timer->prev->child = timer->next;
    else
        timer->prev->next = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    timer->next = timer->prev = NULL;
    return meld(root, below);
}

/* Recursion as deep as the heap: for tests only. */
const char *timers_audit(const struct gk_timer *root)
{
    const struct gk_timer *before = root;

    for (const struct gk_timer *t = root ? root->child : NULL; t; before = t, t = t->next) {
        if (t->prev != before)
            return "a timer's prev is wrong";
        if (t->deadline < root->deadline)
            return "a child is earlier than its parent";
        const char *wrong = timers_audit(t);
        if (wrong)
            return wrong;
    }
    return NULL;
}
