/* Domains and vcpus: what every part of the core knows of them.
 *
 * Each part keeps its own struct (declared in its own header) inside; only that part's functions
 * touch it. A domain is found by domid with dom_get(), which takes a reference; dom_put() drops it,
 * and the last one frees. Domain 0 and the running vcpu's domain need no reference. */
#ifndef CORE_DOM_DOMAIN_H
#define CORE_DOM_DOMAIN_H

#include "abi/abi.h"
#include "base/num.h"
#include "core/evt/evt.h"
#include "core/frame/mem.h"
#include "core/gnt/gnt.h"
#include "core/sched/sched.h"
#include "core/time/timer.h"
#include "port/lock.h"

#include "port_vcpu.h" /* struct vcpu_arch, struct dom_arch, current_vcpu(): x86/ or tests/port/ */

#define DOM_MAX_VCPUS 128

enum dom_dying { DOM_ALIVE, DOM_DYING, DOM_DEAD };

/* Where v's last walk for a grant ended. It leads there still while v runs on the same L4 and no
 * entry above L1 of the domain's tables has changed since, and no L4 has been made: what a VALID L4
 * leads to changes in no other way. */
struct pgt_hint {
    uint64_t region;  /* address >> 21 */
    uint64_t changes; /* dom_mem.upper_changes before the walk */
    mfn_t root, l1;   /* root 0: no walk yet */
};

struct vcpu {
    struct domain *dom;
    uint32_t id;

    /* Where upcall_pending, upcall_mask and time live: in shared_info or where the guest put it. */
    struct vcpu_info *info;
    mfn_t info_mfn; /* MFN_NONE while in shared_info; else holds a writable reference */
    mfn_t pgt_old;  /* table that this vcpu must go on dropping, a use of it held; 0: none */
    struct pgt_hint hint;

    bool initialised; /* has a context to run */
    bool init_busy;   /* VCPUOP_initialise is at it; atomic */
    struct evt_vcpu evt;
    struct sched_vcpu sched;

    struct timer single; /* VCPUOP_set_singleshot_timer and set_timer_op */
    struct timer period;
    ns_t period_ns;    /* 0: none */
    ns_t period_last;  /* when it last ticked */
    struct timer poll; /* the time-out of SCHEDOP_poll */

    /* Guest addresses that VCPUOP_register_*_memory_area gave, 0: none (hc/vcpu.c). */
    uint64_t runstate_va;
    uint64_t time_va;
    bool areas_stale; /* an area could not be written: again when the guest kernel runs */

    struct vcpu_arch arch;
};

/* SCHEDOP_watchdog (core/dom/life.c). RANK_DOM. */
struct dom_watchdog {
    bool in_use;
    struct timer timer;
};

struct domain {
    domid_t id;
    bool is_dom0;
    uint8_t dying;  /* enum dom_dying, RANK_DOM */
    bool shut_down; /* has called SCHEDOP_shutdown or crashed */
    bool crashed;
    uint8_t shutdown_code;
    bool shutdown_code_given; /* by SCHEDOP_shutdown_code: it stays */
    bool debugged;            /* XEN_DOMCTL_setdebugging */
    uint32_t control_pauses;
    uint32_t refs; /* atomic; 0 frees */
    uint32_t ssidref;
    uint8_t teardown; /* stage of dom_destroy_step(), the control lock */
    uint8_t handle[16];
    struct lock lock; /* RANK_DOM */

    uint32_t max_vcpus;
    struct vcpu *vcpu[DOM_MAX_VCPUS]; /* published with release order, never taken back */

    struct shared_info *shared; /* one hypervisor frame, shared writable with the guest. NULL: not
                                   yet, not any more */
    mfn_t shared_mfn;

    struct dom_mem mem;
    struct evt_table evt;
    struct gnt_table gnt;
    struct sched_dom sched;
    struct dom_watchdog watchdog[2];

    uint32_t vm_assist;
    ns_t time_offset_seconds; /* wall clock offset as set by domctl */
    uint32_t tsc_mode, tsc_incarnation;

    /* What the tools told us of it, only handed back (memory map for XENMEM_memory_map). */
    uint64_t map_end; /* end of the one RAM range */

    struct dom_arch arch;
    struct domain *next; /* list of all, by domid; RANK_DOMLIST */
};

extern struct domain *dom0;
extern struct domain *dom_list;

/* The ABI's pseudo domains own frames too: DOMID_IO (MMIO), DOMID_XEN (the hypervisor's shared). */
struct domain *dom_get(domid_t id); /* DOMID_SELF is not resolved here; NULL: none or dead */
void dom_put(struct domain *d);

/* Resolves an ABI domid from a caller: DOMID_SELF, its own id, or another that it may control. */
struct domain *dom_get_for(struct domain *caller, domid_t id);
/* The same, with 0 or why not: -XEN_ESRCH; -XEN_EPERM: it exists, but is not the caller's to name.
 */
NODISCARD int dom_find_for(struct domain *caller, domid_t id, struct domain **d);

static inline struct vcpu *dom_vcpu(struct domain *d, uint32_t id)
{
    if (id >= d->max_vcpus)
        return NULL;
    return __atomic_load_n(&d->vcpu[index_clamp(id, d->max_vcpus)], __ATOMIC_ACQUIRE);
}

/* Every vcpu that d has. Left by return, not by break. */
#define for_each_vcpu(v, d)                                                                        \
    for (uint32_t v##_id = 0; v##_id < (d)->max_vcpus; v##_id++)                                   \
        for (struct vcpu *v = dom_vcpu((d), v##_id); v; v = NULL)

#endif
