/* A guest's life from outside: start it, wait for its end, take it away. */
#ifndef LIB_GUEST_H
#define LIB_GUEST_H

#include "lib/gconf.h"
#include "lib/hyp.h"
#include "lib/store.h"

/*
 * Destroys a domain and all that was made for it: devices, loop devices, xenstore nodes, record.
 * Goes on over failures and reports the first. Waits at most 10 s for each back-end.
 */
int guest_destroy(struct hyp *h, struct store *s, uint32_t domid, struct why *w);

/* The xenstore's side of that only (the domain is gone or never was). */
int guest_forget(struct hyp *h, struct store *s, uint32_t domid, const char *uuid, struct why *w);

/*
 * Waits until the domain is shut down (returns 1) or gone (returns 2), at most `seconds`.
 * -ETIMEDOUT says what was waited for.
 */
int guest_await_end(struct hyp *h, struct store *s, uint32_t domid, int seconds, struct why *w);

#endif
