/* Domain and system control: what sysctl and domctl share.
 *
 * Only dom0 may call them. Who may do what on whom, in one table: dom0 everything on any domain but
 * (pause, destroy, set contexts of) itself; every other domain nothing: -XEN_EPERM. */
#ifndef HC_CONTROL_H
#define HC_CONTROL_H

#include "core/dom/domain.h"

/* Fills in what `xl list` shows of a domain; every byte of *info is written. */
void control_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* A CPU mask to or from a guest's bitmap. The guest's is as long as it says; bits beyond 64 are
 * 0. */
int bitmap_put(const struct xenctl_bitmap *to, cpumask_t mask);
int bitmap_get(const struct xenctl_bitmap *from, cpumask_t *mask);

/* One control operation at a time; false: another CPU is at one, so the caller returns HC_AGAIN. */
bool control_begin(void);
void control_end(void);

/* Logs an operation that is not offered, once for each number; returns -XEN_EOPNOTSUPP. */
long control_not_offered(const char *what, uint32_t number, uint64_t *seen);

/* DOMCTLs by theme. d is held by the caller; op is the checked copy, `at` where the guest has it.
 * *copy_back says whether op goes back to the guest. */
struct domctl_call {
    struct vcpu *caller;
    struct domain *d;
    struct xen_domctl *op;
    uint64_t at;
    bool copy_back;
};

long domctl_life(struct domctl_call *c);
long domctl_vcpu(struct domctl_call *c);
long domctl_memory(struct domctl_call *c);

#endif
