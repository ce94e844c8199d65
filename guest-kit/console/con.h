/* Inside the console room. */
#ifndef CONSOLE_CON_H
#define CONSOLE_CON_H

#include <gk/console.h>
#include "start/kit.h"
#include <xen/io/console.h>

void kit_console_init(void);
/* From now on output waits, without other threads, until the other side has taken it (for a while).
 */
void kit_console_emergency(void);
/* After a restore: the ring's page is the same, its port new. */
void kit_console_resume(void);

/* --- ring.c: pure. The indices are read once; a hostile peer's are treated as a full or empty
 * ring. --- */
/* Copies what fits; returns how many bytes. */
size_t con_ring_put(struct xencons_interface *ring, const char *bytes, size_t length);
size_t con_ring_get(struct xencons_interface *ring, char *bytes, size_t size);
/* Has the other side taken everything? */
bool con_ring_flushed(const struct xencons_interface *ring);

#endif
