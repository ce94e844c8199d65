/*
 * What makes a process a daemon: background, process id file, signals.
 */
#ifndef DKIT_DAEMON_H
#define DKIT_DAEMON_H

#include <sys/types.h>

#include "base/bits.h"

/*
 * Fork; the parent ends with 0 when the child calls daemon_ready(), with 1 when the child dies
 * before: so an init script may go on when the daemon serves. daemon_ready() also lets go of the
 * starter's terminal, for which a confined process must still be allowed dup2().
 */
void daemon_background(void);
void daemon_ready(void);

/* The end, with a line in the log, if rc is negative (-errno): what it takes to start is not there.
 */
void daemon_must(int rc, const char *what);

/* Writes our process id; a file that cannot be written is logged. NULL: does nothing. */
void daemon_pid_file(const char *path);

/* SIGTERM and SIGINT end the loop (call after loop_open()); SIGHUP and SIGPIPE are ignored. */
int daemon_signals(void) NODISCARD;
/*
 * Takes a lock file, held as long as we live; tools look at it to know whether there is a daemon.
 * One before us may still be ending: waits for it a little. -EBUSY: it is there to stay.
 */
int daemon_only_one(const char *path) NODISCARD;
/* In a child of the daemon: closes all but 0 to 2, the log's and `keep`. */
void daemon_close_others(int keep);
/* As many descriptors as the kernel lets us have. */
void daemon_many_files(void);

#endif
