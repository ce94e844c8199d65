/* Joins the terminal to a guest's console. */
#ifndef AXL_CONSOLE_H
#define AXL_CONSOLE_H

#include <signal.h>

#include "axl/axl.h"

struct console_link {
    uint32_t domid;
    int fd;
    bool kept;    /* by argon-consoled: it can be taken up again where it was */
    uint32_t pos; /* next byte of the guest's output */
};

/* Attaches; waits a little for its daemon. 0 or -errno. */
int console_open(struct store *s, uint32_t domid, struct console_link *l, struct why *w);
/* Copies until Ctrl-], the guest's end or the end of the console; closes it. */
int console_run(struct axl *a, struct console_link *l, struct why *w);
/* Set by a signal handler: console_run() ends at the next chance. */
extern volatile sig_atomic_t console_stop;

#endif
