/*
 * All that the daemon asks of Xen. io/xen.c asks the hypervisor; tests/kill/fakexen.c plays it.
 * Numbers returned are >= 0 or -errno.
 */
#ifndef IO_XEN_H
#define IO_XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum xen_dom_state { XEN_DOM_NONE, XEN_DOM_ALIVE, XEN_DOM_SHUTDOWN, XEN_DOM_DYING };

/* Open all devices, while that is still allowed. 0 or -errno; *what is then what failed. */
int xen_open(const char **what) NODISCARD;

enum xen_dom_state xen_dom_state(unsigned id);

/* Map the page of a guest's ring: its grant 1, else its frame gfn. */
int xen_ring_map(unsigned id, uint64_t gfn, void **page) NODISCARD;
void xen_ring_unmap(unsigned id, void *page);

/* The ring of domain 0's own kernel, and the port it waits at. */
int xen_dom0_ring(void **page, uint32_t *port) NODISCARD;

/* Descriptor that is readable while events are pending. */
int xen_event_fd(void);

/* Up to n ports that have an event; they stay masked until xen_event_unmask(). */
int xen_events(uint32_t *ports, size_t n);
void xen_event_unmask(const uint32_t *ports, size_t n);

/* Our end of a new channel to the guest's `port`. */
int xen_event_bind(unsigned id, uint32_t port);
/* Our end of the signal that some domain has died or shut down. */
int xen_event_bind_dom_exc(void);
void xen_event_unbind(uint32_t port);
void xen_event_notify(uint32_t port);

#endif
