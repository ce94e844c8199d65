/*
 * Argon's daemons as axl needs them: is one running, and if not, start it.
 */
#ifndef LIB_DAEMONS_H
#define LIB_DAEMONS_H

#include <stdbool.h>

#include "lib/why.h"

/* `name`: "argon-blkd". */
bool daemon_running(const char *name);
/* Running, or a program that can be started? */
bool daemon_available(const char *name);
/* After 0 it is running: it was, or it was started and has said that it serves. */
int daemon_need(const char *name, struct why *w);

#endif
