/*
 * Talking to argon-consoled (its protocol: consoled/client.h).
 */
#ifndef LIB_CONS_H
#define LIB_CONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/why.h"

#define CONS_SOCKET  "/run/xen/argon-consoled.sock"
#define CONS_LOG_DIR "/var/log/xen"

/*
 * Attaches to a guest's console: a socket with its output from *pos on if `resume`, else with what
 * is kept of before; *pos says where that begins. -ENOENT: no argon-consoled is running.
 */
int cons_attach(uint32_t domid, bool resume, uint32_t *pos, struct why *w);
/* Waits until the console of a guest that was just made is kept, if argon-consoled runs at all. */
void cons_ready(uint32_t domid);
/* Prints the log of a guest that is or was there. */
int cons_print_log(const char *name, FILE *to, struct why *w);

#endif
