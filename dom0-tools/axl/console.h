/* Joins the terminal to a guest's console. */
#ifndef AXL_CONSOLE_H
#define AXL_CONSOLE_H

#include <signal.h>

#include "axl/axl.h"

/*
 * Opens the console's terminal (waits up to 10 s for the console daemon to name it).
 * Returns a descriptor or -errno.
 */
int console_open(struct store *s, uint32_t domid, struct why *w);
/* Set by a signal handler: console_run() ends at the next chance. */
extern volatile sig_atomic_t console_stop;
/* Copies until Ctrl-], the guest's end, or the end of our input and output. Closes fd. */
int console_run(struct axl *a, uint32_t domid, int fd, struct why *w);

#endif
