/* What the sockets want of the network's thread: see stack.c. */
#ifndef GUEST_KIT_NET_STACK_H
#define GUEST_KIT_NET_STACK_H

#include <stdint.h>

/* Sends what lwIP has put out since; called at the end of each piece of work that may send. */
void net_flush(void);
/* The same before the calling thread next waits, or when the network's thread next runs. */
void net_flush_soon(void);
void net_flush_now(void);
uint64_t net_random64(void);

#endif
