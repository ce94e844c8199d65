/*
 * The hypervisor as the tools see it: one function per request, through libxencall.
 *
 * Every function returns >= 0 or a negative errno (the kernel has turned Xen's numbers into the
 * host's, which are equal on x86 Linux). None prints. A handle is for one thread.
 */
#ifndef LIB_HYP_H
#define LIB_HYP_H

#include "abi/abi.h"
#include "lib/cpuid.h"
#include "lib/why.h"

struct hyp;

/* Opens /dev/xen/privcmd. The sentence says what to do when this is no control domain. */
int hyp_open(struct hyp **h, struct why *w);
void hyp_close(struct hyp *h);

/* --- plain requests ----------------------------------------------------------------------- */

/* Fill in cmd, domain and u of *op; the result comes back in it. */
int hyp_domctl(struct hyp *h, struct xen_domctl *op);
int hyp_sysctl(struct hyp *h, struct xen_sysctl *op);
long hyp_memory(struct hyp *h, unsigned cmd, void *arg, size_t size);
int hyp_evtchn(struct hyp *h, unsigned cmd, void *arg, size_t size);
int hyp_mmuext(struct hyp *h, uint16_t domid, const struct mmuext_op *ops, unsigned n);
int hyp_version(struct hyp *h, unsigned cmd, void *arg, size_t size);

/* Memory that a request may point at (never swapped out); free it with hyp_unlend. */
void *hyp_lend(struct hyp *h, size_t size);
void hyp_unlend(struct hyp *h, void *p);

/* --- domains ------------------------------------------------------------------------------ */

typedef struct xen_domctl_getdomaininfo hyp_dominfo;

/* -ESRCH when there is no domain of just this number. */
int hyp_info(struct hyp *h, uint32_t domid, hyp_dominfo *out);
/* All domains in order of number; *out is malloced. Returns how many. */
int hyp_list(struct hyp *h, hyp_dominfo **out);

int hyp_create(struct hyp *h, struct xen_domctl_createdomain *c, uint32_t *domid);
/* Long; repeats until the hypervisor is done with it. */
int hyp_destroy(struct hyp *h, uint32_t domid);
int hyp_pause(struct hyp *h, uint32_t domid);
int hyp_unpause(struct hyp *h, uint32_t domid);
/*
 * From now on a breakpoint or a step in its kernel pauses it, as hyp_pause() would, instead of
 * being its own exception. -ENOSYS: this hypervisor cannot (Debian's Xen is built without).
 */
int hyp_debug(struct hyp *h, uint32_t domid, bool on);
/* The vcpu whose breakpoint or step paused it, each told of once; -ENOENT: none. *event: the
 * vector. */
int hyp_debug_event(struct hyp *h, uint32_t domid, uint32_t *vcpu, uint32_t *event);
/* Lets a domain that suspended itself run on (save -c, failed save). */
int hyp_resume(struct hyp *h, uint32_t domid);
int hyp_max_vcpus(struct hyp *h, uint32_t domid, uint32_t n);
int hyp_max_mem(struct hyp *h, uint32_t domid, uint64_t kib);
int hyp_trigger(struct hyp *h, uint32_t domid, uint32_t trigger, uint32_t vcpu);
int hyp_set_tsc(struct hyp *h, uint32_t domid, const struct xen_domctl_tsc_info *t);
int hyp_time_offset(struct hyp *h, uint32_t domid, int64_t seconds);
int hyp_get_tsc(struct hyp *h, uint32_t domid, struct xen_domctl_tsc_info *t);
int hyp_address_size(struct hyp *h, uint32_t domid, uint32_t bits);
int hyp_claim(struct hyp *h, uint32_t domid, uint64_t frames);
int hyp_node_affinity(struct hyp *h, uint32_t domid, const uint8_t *map, uint32_t bits);
/* Gives a new domain the CPU policy of this host's PV guests, changed as cpuid= says. */
int hyp_start_policy(struct hyp *h, uint32_t domid, const struct cpuid_rules *r, struct why *w);
/* The domain's own policy; counts in: room, out: used. */
int hyp_get_policy(struct hyp *h, uint32_t domid, xen_cpuid_leaf_t *leaves, uint32_t *nr_leaves,
                   xen_msr_entry_t *msrs, uint32_t *nr_msrs);
int hyp_set_policy(struct hyp *h, uint32_t domid, const xen_cpuid_leaf_t *leaves,
                   uint32_t nr_leaves, const xen_msr_entry_t *msrs, uint32_t nr_msrs);

/* --- vcpus; maps are bit maps of cpus, `bits` long, lowest bit first ------------------------ */
int hyp_vcpu_info(struct hyp *h, uint32_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *o);
int hyp_set_affinity(struct hyp *h, uint32_t domid, uint32_t vcpu, const uint8_t *hard,
                     const uint8_t *soft, uint32_t bits);
int hyp_get_affinity(struct hyp *h, uint32_t domid, uint32_t vcpu, uint8_t *hard, uint8_t *soft,
                     uint32_t bits);
int hyp_set_context(struct hyp *h, uint32_t domid, uint32_t vcpu, const vcpu_guest_context_t *c);
int hyp_get_context(struct hyp *h, uint32_t domid, uint32_t vcpu, vcpu_guest_context_t *c);

/* --- memory ------------------------------------------------------------------------------- */

/*
 * Gives the domain n extents of 2^order frames. `extents` (plain memory) holds each one's first
 * guest frame number, and the machine frame number on return. Returns how many were given.
 */
long hyp_populate(struct hyp *h, uint32_t domid, unsigned order, xen_pfn_t *extents, size_t n);

/* Maps frames of a domain here; NULL with errno. Freed with hyp_unmap. */
void *hyp_map(struct hyp *h, uint32_t domid, int prot, const xen_pfn_t *mfns, size_t n);
/* The same, but frames that can't be mapped are marked in err[] and left out. */
void *hyp_map_some(struct hyp *h, uint32_t domid, int prot, const xen_pfn_t *mfns, int *err,
                   size_t n);
void hyp_unmap(struct hyp *h, void *p, size_t n);
/* The domain's first grant table frame; *res frees it with hyp_unmap_grants. NULL with errno. */
void *hyp_map_grants(struct hyp *h, uint32_t domid, void **res);
void hyp_unmap_grants(struct hyp *h, void *res);

/* The machine-to-physical table, read-only, mapped once: frames in it in *frames. */
int hyp_m2p(struct hyp *h, const uint64_t **table, uint64_t *frames);

/* --- events ------------------------------------------------------------------------------- */
/* A port of `domid` that waits for `remote`; returns its number. */
int hyp_evtchn_unbound(struct hyp *h, uint32_t domid, uint32_t remote);

/* --- machine ------------------------------------------------------------------------------ */
int hyp_physinfo(struct hyp *h, struct xen_sysctl_physinfo *out);
int hyp_sched_id(struct hyp *h, uint32_t *id);
int hyp_credit2(struct hyp *h, uint32_t domid, bool set, struct xen_domctl_sched_credit2 *p);
int hyp_credit2_params(struct hyp *h, uint32_t pool, bool set,
                       struct xen_sysctl_credit2_schedule *p);
int hyp_debug_keys(struct hyp *h, const char *keys);
/* A page of the hypervisor's log from *index on; returns bytes. */
int hyp_readconsole(struct hyp *h, char *buf, uint32_t room, uint32_t *index, bool clear);
int hyp_nr_cpus(struct hyp *h);

#endif
