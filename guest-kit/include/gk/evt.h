/*
 * Event channels. A port's handler runs between threads (when the running thread blocks or yields):
 * it may not block, may wake threads, and finds the port unmasked with its pending bit already
 * cleared, so an event that comes meanwhile calls it again. Ports are small numbers, 1 to 4095.
 */
#ifndef GK_EVT_H
#define GK_EVT_H

#include <stdint.h>

typedef void (*gk_evt_handler)(uint32_t port, void *argument);

/*
 * A new port with a handler: one that `domid` may bind to; one bound to a port of another domain
 * (`remote`); one of a virtual interrupt (VIRQ_...) of vCPU 0. Returns the port (> 0) or an error.
 * The port is unmasked. GK_DOMID_SELF is allowed. Errors: -XEN_ENOSPC, no port is free; -XEN_ESRCH,
 * bound to a domain that is not there (a port may be made for one that is not there yet);
 * -XEN_EINVAL, `remote` is not open for us, or there is no such interrupt; -XEN_EEXIST, the virtual
 * interrupt has a port; -XEN_ENOMEM.
 */
#define GK_DOMID_SELF 0x7ff0
int gk_evt_alloc(uint16_t domid, gk_evt_handler handler, void *argument);
int gk_evt_bind(uint16_t domid, uint32_t remote, gk_evt_handler handler, void *argument);
int gk_evt_virq(uint32_t virq, gk_evt_handler handler, void *argument);
/* Gives a port that exists already (console, xenstore) its handler and unmasks it. The port, or
 * -XEN_EINVAL: above 4095; -XEN_ENOMEM. */
int gk_evt_handle(uint32_t port, gk_evt_handler handler, void *argument);
/* Closes a port. Its handler is not called any more. One that is not open, or no port: nothing. */
void gk_evt_close(uint32_t port);

/* Kicks the other end. 0, or -XEN_EINVAL: the port is not open. */
int gk_evt_send(uint32_t port);

/* A masked port keeps its event for later. No such port: nothing. */
void gk_evt_mask(uint32_t port);
void gk_evt_unmask(uint32_t port);

#endif
