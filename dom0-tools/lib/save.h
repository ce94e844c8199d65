/* Saving a guest to a file and bringing it back. */
#ifndef LIB_SAVE_H
#define LIB_SAVE_H

#include "lib/gconf.h"
#include "lib/hyp.h"
#include "lib/store.h"

enum { SAVE_SUSPEND_S = 60 };

/*
 * Asks the guest to suspend (at most SAVE_SUSPEND_S), writes it to `path`; then it is suspended
 * still: the caller destroys it or lets it run on (save_resume). On failure it runs on and no file
 * is left.
 */
int save_guest(struct hyp *h, struct store *s, uint32_t domid, const char *path, struct why *w);
/* Lets a suspended guest go on as if the suspend had been cancelled. */
int save_resume(struct hyp *h, struct store *s, uint32_t domid, struct why *w);

/*
 * Makes a guest from a file; it is left paused. `change` (may be NULL) may alter the configuration
 * before anything is made. On failure nothing is left.
 */
int restore_guest(struct hyp *h, struct store *s, const char *path,
                  int (*change)(struct gconf *g, void *arg, struct why *w), void *arg,
                  uint32_t *domid, char **name, struct why *w);

#endif
