/*
 * Physical interrupts of a domain, as event channels and domctl ask for them.
 *
 * A pirq is a domain's number for a GSI or an MSI; dom0's GSIs have the GSI's number. These may be
 * called with evt.lock held (RANK_EVT < RANK_PIRQ).
 */
#ifndef PORT_PIRQ_H
#define PORT_PIRQ_H

#include "base/num.h"

struct domain;
struct vcpu;

/* pirqs are below this number. */
#define PIRQ_MAX 416u

/*
 * Interrupts of `pirq` become evt_raise_pirq(d, port) from now on. A GSI that nobody has set up is
 * enabled as the firmware describes it. 0; -XEN_EINVAL: no such pirq of d, or bound already.
 */
int pirq_bind(struct domain *d, uint32_t pirq, uint32_t port);
/* Masks it and forgets the port. */
void pirq_unbind(struct domain *d, uint32_t pirq);
/* The port is now v's: interrupts should come to where v runs. */
void pirq_affinity(struct domain *d, uint32_t pirq, const struct vcpu *v);

/* A dying domain: unbinds and unmaps all and frees what was allocated. Idempotent. */
void pirq_domain_destroy(struct domain *d);

#endif
