/*
 * Whether it is worth waiting a moment for more packets when some have come.
 *
 * Where the back-end shares our processor, its event stops it between two packets; if each is
 * answered at once, it is woken for each answer, and so are its clients. This learns how many come
 * together, by now and then waiting for as many as there may be. What does not pay is tried less
 * often, so that a lone request is answered at once.
 */
#ifndef GUEST_KIT_NET_GATHER_H
#define GUEST_KIT_NET_GATHER_H

#include <stdbool.h>

#define NET_GATHER_PAUSE 255U /* occasions between two tries, at most */

/* All zero: nothing is known yet. */
struct net_gather {
    unsigned int expect; /* this many come together */
    unsigned int pause;  /* occasions between two tries */
    unsigned int skip;   /* those left until the next */
    bool trying;
};

/* An occasion: `have` are there. How many to wait for in all, at most `most`; 0: do not. */
unsigned int net_gather_want(struct net_gather *gather, unsigned int have, unsigned int most);
/* The wait for `want` has ended with `got`, which were `had` before. */
void net_gather_learn(struct net_gather *gather, unsigned int had, unsigned int want,
                      unsigned int got);

#endif
