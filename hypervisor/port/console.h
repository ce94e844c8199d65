/* The console as hypercalls see it. */
#ifndef PORT_CONSOLE_H
#define PORT_CONSOLE_H

#include "base/num.h"

/* Copies console output since position *at (a free-running count of bytes, 0 for all) to `to`, at
 * most `room` bytes; what has been overwritten meanwhile is left out. Moves *at on; returns
 * bytes. */
uint32_t log_ring_read(uint32_t *at, char *to, uint32_t room);
/* Forgets what is in the ring. */
void log_ring_clear(void);

/* Tells dom0 (VIRQ_CON_RING) if the ring has grown since the last call. No lock held. */
void log_notify(void);

/* dom0's own output (console_io): to the devices as it is. */
void console_write(const char *text, size_t n);
/* Input meant for dom0: bytes copied, at most room. */
uint32_t console_read(char *to, uint32_t room);

#endif
