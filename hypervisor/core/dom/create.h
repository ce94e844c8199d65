/* Making and taking apart domains. */
#ifndef CORE_DOM_CREATE_H
#define CORE_DOM_CREATE_H

#include "core/dom/domain.h"

struct dom_config {
    bool is_dom0;
    uint8_t handle[16];
    uint32_t max_vcpus;       /* 1..DOM_MAX_VCPUS */
    uint32_t max_evtchn_port; /* highest port number */
    int32_t max_grant_frames; /* negative: the default */
    int32_t max_maptrack_frames;
};

/* A domain without vcpus and memory, paused unless it is dom0. id 0: any free one (or dom0, the
 * first time). On success *out holds a reference. -XEN_ENOMEM, -XEN_EINVAL, -XEN_EEXIST; nothing is
 * left then. */
int dom_create(domid_t id, const struct dom_config *config, struct domain **out);

/* vcpu `id`, down and without context; 0 also when it exists. -XEN_EINVAL, -XEN_ENOMEM. */
int dom_add_vcpu(struct domain *d, uint32_t id);

/* Stops it for good; waits until none of its vcpus runs. Idempotent. Not for the caller's own. */
void dom_kill(struct domain *d);

/* Takes a killed domain apart. HC_AGAIN: call again; 0: done as far as possible now. Where another
 * domain still maps its frames, the rest happens when the last is unmapped: call it again then. One
 * caller at a time (the control lock). */
long dom_destroy_step(struct domain *d);

/* Its tear-down stopped to wait for its last frame, which has come free since. */
bool dom_may_finish(const struct domain *d);
/* Finishes those; no lock held (hc/control.c). */
void dom_reap(void);
/* The last frame of dying d has come free: some CPU will dom_reap() soon. Any lock may be held. */
void dom_reap_wanted(void);

/* The domain with the lowest id >= id, with a reference; NULL: none. */
struct domain *dom_get_next(domid_t id);

/* Where events of vcpus without a vcpu_info go: masked for ever. */
extern struct vcpu_info dom_no_info;

/* The machine's part of a domain and of a vcpu: x86/. */
void x86_domain_init(struct domain *d);
void x86_domain_free(struct domain *d);
int x86_vcpu_init(struct vcpu *v);
void x86_vcpu_free(struct vcpu *v);
long x86_vcpu_drop(struct vcpu *v);

#endif
