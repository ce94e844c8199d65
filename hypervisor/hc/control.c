/* What sysctl and domctl share: a domain's facts, CPU maps, the control lock. */
#include "hc/control.h"

#include "base/string.h"
#include "core/dom/create.h"
#include "port/guestmem.h"
#include "port/kick.h"
#include "port/log.h"

static struct lock control_lock = LOCK_INIT(RANK_DOMCTL, "control");

/* Someone wanted to reap while the lock was held. */
static bool reap_missed;

bool control_begin(void) UNCHECKED
{
    return lock_try(&control_lock);
}

void control_end(void) UNCHECKED
{
    lock_drop(&control_lock);
    if (__atomic_load_n(&reap_missed, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&reap_missed, false, __ATOMIC_RELEASE);
        dom_reap_wanted();
    }
}

long control_not_offered(const char *what, uint32_t number, uint64_t *seen)
{
    uint64_t bit = 1ul << number % 64;

    if (!(__atomic_fetch_or(&seen[number / 64 % 2], bit, __ATOMIC_RELAXED) & bit))
        log_info("%s %u is not offered\n", what, number);
    return -XEN_EOPNOTSUPP;
}

static uint32_t state_flags(struct domain *d)
{
    uint32_t flags = 0;
    bool blocked = true, running = false;

    for_each_vcpu (v, d) {
        if (v->sched.reasons & SCHED_DOWN)
            continue;
        running |= v->sched.running;
        blocked &= (v->sched.reasons & (SCHED_BLOCKED | SCHED_POLL)) != 0;
    }
    if (d->dying)
        flags |= XEN_DOMINF_dying;
    if (d->shut_down)
        flags |= XEN_DOMINF_shutdown | (uint32_t)d->shutdown_code << XEN_DOMINF_shutdownshift;
    if (d->control_pauses)
        flags |= XEN_DOMINF_paused;
    if (d->debugged)
        flags |= XEN_DOMINF_debugged;
    if (blocked)
        flags |= XEN_DOMINF_blocked;
    if (running)
        flags |= XEN_DOMINF_running;
    return flags;
}

void control_domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = state_flags(d);
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (v, d) {
        info->max_vcpu_id = v->id;
        info->nr_online_vcpus += !(v->sched.reasons & SCHED_DOWN);
    }
    info->tot_pages = d->mem.pages;
    info->max_pages = d->mem.max_pages;
    info->shared_info_frame = d->shared_mfn.n;
    info->cpu_time = sched_cpu_time(d);
    info->ssidref = d->ssidref;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->gpaddr_bits = 64;
}

int bitmap_put(const struct xenctl_bitmap *to, cpumask_t mask)
{
    uint32_t bytes = (to->nr_bits + 7) / 8;
    uint8_t zero = 0;

    if (to->nr_bits < 64)
        mask &= (1ul << to->nr_bits) - 1;
    if (guest_write(HANDLE(to->bitmap), &mask, bytes < 8 ? bytes : 8))
        return -XEN_EFAULT;
    for (uint32_t i = 8; i < bytes && i < 1024; i++)
        if (guest_write(HANDLE(to->bitmap) + i, &zero, 1))
            return -XEN_EFAULT;
    return 0;
}

int bitmap_get(const struct xenctl_bitmap *from, cpumask_t *mask)
{
    uint32_t bytes = (from->nr_bits + 7) / 8;

    *mask = 0;
    if (guest_read(mask, HANDLE(from->bitmap), bytes < 8 ? bytes : 8))
        return -XEN_EFAULT;
    if (from->nr_bits < 64)
        *mask &= (1ul << from->nr_bits) - 1;
    return 0;
}

void dom_reap(void)
{
    struct domain *d;

    __atomic_store_n(&reap_missed, true, __ATOMIC_RELEASE);
    if (!control_begin())
        return; /* the holder's control_end() asks again */
    __atomic_store_n(&reap_missed, false, __ATOMIC_RELEASE);
    for (domid_t id = 1; (d = dom_get_next(id));) {
        id = (domid_t)(d->id + 1);
        if (dom_may_finish(d))
            (void)dom_destroy_step(d);
        dom_put(d);
    }
    control_end();
}
