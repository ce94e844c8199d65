/* Event channels: ports of a domain, what is bound to them, and how an event reaches a vcpu.
 *
 * A domain speaks one of two forms with its guest: 2-level (bits in shared_info, 4096 ports) or,
 * once a vcpu has called EVTCHNOP_init_control, FIFO (event words in guest frames, 131072 ports).
 * Sending and raising take no lock. Opening, closing and rebinding take evt.lock; where two domains
 * are concerned, the lower domid's first. docs/contributor/evt.md has the picture. */
#ifndef CORE_EVT_EVT_H
#define CORE_EVT_EVT_H

#include "abi/abi.h"
#include "base/bits.h"
#include "base/num.h"
#include "port/lock.h"

struct domain;
struct vcpu;
struct evt_port;
struct evt_fifo;

#define EVT_PORTS_2L   4096u
#define EVT_PORTS_FIFO 131072u
#define EVT_BUCKET     256u /* ports in one frame of the port table */

/* What a vcpu has of it. */
struct evt_vcpu {
    uint32_t virq_port[NR_VIRQS]; /* per-vcpu VIRQs; 0: not bound. evt.lock; read by raisers */
    /* What it waits for in SCHEDOP_poll: 0 nothing, a port, or EVT_POLL_ANY. Senders look at it
     * after they set the pending bit; the poller looks at the bits after it set this. */
    uint32_t poll_port;
    /* FIFO form: the guest's control block (NULL: none), the last event of each queue. */
    struct lock fifo_lock; /* RANK_FIFO; see fifo.c for what else it keeps alive */
    struct evtchn_fifo_control_block *control;
    uint32_t tail[EVTCHN_FIFO_MAX_QUEUES];
};

#define EVT_POLL_ANY UINT32_MAX

/* What a domain has of it. */
struct evt_table {
    struct lock lock;      /* RANK_EVT */
    uint32_t bound;        /* ports below it have a bucket; grows only, stored with release */
    uint32_t max_ports;    /* ports at or above it are refused */
    uint32_t used;         /* ports that are not free, port 0 not counted */
    uint32_t next_free;    /* no free port below it */
    bool closing;          /* domain is dying: nothing new */
    uint32_t pollers;      /* vcpus with poll_port set; atomic */
    struct evt_port **dir; /* [bound / EVT_BUCKET]: dir_small, or a frame of pointers */
    struct evt_port *dir_small[EVT_PORTS_2L / EVT_BUCKET];
    uint32_t global_virq_port[NR_VIRQS];
    struct evt_fifo *fifo; /* NULL: 2-level. Published with release */
    uint32_t cursor;       /* reset and destroy: next port to close */
};

/* A new domain without ports. max_port is the highest allowed port number (createdomain's
 * max_evtchn_port; clamped). Allocates nothing. */
void evt_domain_init(struct domain *d, uint32_t max_port);
/* A new vcpu of it; before it is published. */
void evt_vcpu_init(struct vcpu *v);
/* Closes some ports; true when all are closed and all memory given back, else call again. The
 * domain must be dying (nothing of it runs). After true, no other CPU still looks at d's ports. */
bool evt_destroy_step(struct domain *d);

/* ---- operations of the hypercall; 0 or -XEN_E... -------------------------------------------- */

/* A port of d that waits for domain `remote` (resolved, not DOMID_SELF). *port > 0 on success.
 * -XEN_ENOENT: d has no vcpu yet. */
NODISCARD int evt_alloc_unbound(struct domain *d, domid_t remote, uint32_t *port);
NODISCARD int evt_bind_interdomain(struct domain *d, struct domain *peer, uint32_t peer_port,
                                   uint32_t *port);
NODISCARD int evt_bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port);
NODISCARD int evt_bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port);
NODISCARD int evt_bind_pirq(struct domain *d, uint32_t pirq, uint32_t flags, uint32_t *port);
NODISCARD int evt_close(struct domain *d, uint32_t port);
NODISCARD int evt_status(struct domain *d, uint32_t port, struct evtchn_status *out);
NODISCARD int evt_bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu);
NODISCARD int evt_unmask(struct domain *d, uint32_t port);
NODISCARD int evt_set_priority(struct domain *d, uint32_t port, uint32_t priority);
/* EVTCHNOP_init_control: the first one of a domain turns it to the FIFO form. */
NODISCARD int evt_init_control(struct domain *d, uint32_t vcpu, uint64_t gfn, uint32_t offset);
NODISCARD int evt_expand_array(struct domain *d, uint64_t gfn);
/* Restartable: 0 done, 1 call again, or an error. Ends FIFO use. */
NODISCARD int evt_reset_step(struct domain *d);

/* EVTCHNOP_send by v on its own port. No lock. */
NODISCARD int evt_send(struct vcpu *v, uint32_t port);

/* ---- raising, from anywhere, any lock below RANK_SCHED held --------------------------------- */

/* Per-vcpu VIRQ (VIRQ_TIMER, VIRQ_DEBUG, ...); nothing happens where it is not bound. */
void evt_raise_virq(struct vcpu *v, uint32_t virq);
/* Global VIRQ (VIRQ_CONSOLE, VIRQ_DOM_EXC, VIRQ_CON_RING, VIRQ_PCPU_STATE, ...), to dom0. */
void evt_raise_virq_global(uint32_t virq);
/* Any port of d, as if its other end had sent; bad numbers do nothing. */
void evt_raise_port(struct domain *d, uint32_t port);
/* Is the port (of a level-triggered pirq) still pending or masked by the guest? */
bool evt_port_pending(struct domain *d, uint32_t port);
bool evt_port_masked(struct domain *d, uint32_t port);

/* Sets upcall_pending of v and makes it look: wakes it, or kicks the CPU it runs on. */
void evt_upcall(struct vcpu *v);

/* ---- a vcpu's place for upcalls ------------------------------------------------------------- */

/* v->info has moved: everything becomes pending there so that no event is lost. The old place may
 * still be written for a moment by other CPUs until evt_quiesce() returns. */
void evt_info_moved(struct vcpu *v);

/* ---- SCHEDOP_poll --------------------------------------------------------------------------- */

/* v is about to wait for the given ports of its domain (n >= 1, n <= 128). 1: one is pending
 * already, do not wait; 0: sends now wake v (sched_wake with SCHED_POLL); -XEN_EINVAL: bad port. */
NODISCARD int evt_poll_begin(struct vcpu *v, const uint32_t *ports, uint32_t n);
/* v does not wait any more (woken, timed out or destroyed). Idempotent. */
void evt_poll_end(struct vcpu *v);

/* ---- for debug keys, lsevtchn and tests ----------------------------------------------------- */

/* Checks the table's invariants; returns the number of violations, each logged. Takes evt.lock. */
unsigned int evt_audit(struct domain *d);
/* Prints the ports in use. */
void evt_dump(struct domain *d);

#endif
