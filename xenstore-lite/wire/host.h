/*
 * What the pure part asks of the world. The seam is the linker: io/ answers it in the daemon,
 * tests/port/xs_host.c in tests.
 */
#ifndef WIRE_HOST_H
#define WIRE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"

struct conn;
struct xsd_sockmsg;

/* Does the hypervisor know a domain of this id that is not dying? */
bool host_dom_alive(unsigned id);

/*
 * Map the ring of c->dom, bind its event channel; c->ring_* say which. Sets c->in_pos and the
 * position of c->out from the ring when `fresh`, else continues from them. 0 or -errno.
 */
int host_ring_open(struct conn *c, bool fresh) NODISCARD;

/* Undo host_ring_open(). The ring may already be gone. */
void host_ring_close(struct conn *c);

/* A message went in or out (only when tracing is on). */
void host_trace(const struct conn *c, bool in, const struct xsd_sockmsg *hdr, const char *payload);

/* XS_CONTROL "logfile": 0 or -errno. */
int host_log_file(const char *path) NODISCARD;

#endif
