/* Domains: made, found, taken apart.
 *
 * The list is sorted by domid and changes only under RANK_DOMLIST; look-ups walk it under the same
 * lock and take a reference, so that a domain found stays until dom_put(). A domain leaves the list
 * when its tear-down is complete; its last reference then frees it.
 *
 * Tear-down (dom_destroy_step) is a sequence of stages, each restartable; d->teardown says where it
 * stands, so that it goes on where it was, whoever calls. */
#include "core/dom/domain.h"

#include "base/string.h"
#include "core/dom/create.h"
#include "core/dom/life.h"
#include "core/frame/frame.h"
#include "core/pgtype/pgtype.h"
#include "core/time/vcpu_timer.h"
#include "port/pirq.h"
#include "port/clock.h"
#include "port/frame.h"

struct domain *dom0;
struct domain *dom_list;
static struct lock list_lock = LOCK_INIT(RANK_DOMLIST, "domains");
static domid_t last_id;
struct vcpu_info dom_no_info = {.evtchn_upcall_mask = 1};

_Static_assert(sizeof(struct domain) <= FRAME_SIZE, "a domain fits in a frame");

/* The first domain whose id is not below `id`, or NULL. */
static struct domain *first_from(domid_t id)
{
    struct domain *d = dom_list;

    while (d && d->id < id)
        d = d->next;
    return d;
}

static struct domain *get(domid_t id, bool this_one)
{
    lock_take(&list_lock);
    struct domain *d = first_from(id);
    if (d && this_one && d->id != id)
        d = NULL;
    if (d)
        __atomic_add_fetch(&d->refs, 1, __ATOMIC_RELAXED);
    lock_drop(&list_lock);
    return d;
}

struct domain *dom_get(domid_t id)
{
    return get(id, true);
}

struct domain *dom_get_next(domid_t id)
{
    return get(id, false);
}

struct domain *dom_get_for(struct domain *caller, domid_t id)
{
    if (id == DOMID_SELF || id == caller->id) {
        __atomic_add_fetch(&caller->refs, 1, __ATOMIC_RELAXED);
        return caller;
    }
    return caller->is_dom0 ? dom_get(id) : NULL;
}

int dom_find_for(struct domain *caller, domid_t id, struct domain **d)
{
    *d = dom_get_for(caller, id);
    if (*d)
        return 0;
    struct domain *other = caller->is_dom0 ? NULL : dom_get(id);
    if (!other)
        return -XEN_ESRCH;
    dom_put(other);
    return -XEN_EPERM;
}

static void free_domain(struct domain *d)
{
    for_each_vcpu (v, d) {
        x86_vcpu_free(v);
        hv_page_free(v);
    }
    hv_page_free(d);
}

void dom_put(struct domain *d)
{
    if (!__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL))
        free_domain(d);
}

/* The first id from `from` on that no domain has; DOMID_FIRST_RESERVED if there is none. */
static domid_t free_id(domid_t from)
{
    domid_t id = from;

    for (const struct domain *d = dom_list; d; d = d->next)
        if (d->id == id)
            id++;
    return id;
}

/* Puts d on the list, with the id asked for or, for 0, a fresh one. */
static int list_insert(struct domain *d, domid_t id)
{
    struct domain **at = &dom_list, *there;
    int error = 0;

    lock_take(&list_lock);
    if (!id && dom0) {
        id = free_id((domid_t)(last_id + 1));
        if (id >= DOMID_FIRST_RESERVED)
            id = free_id(1);
        last_id = id;
    }
    there = first_from(id);
    if (id >= DOMID_FIRST_RESERVED)
        error = -XEN_ENOMEM;
    else if (there && there->id == id)
        error = -XEN_EEXIST;
    if (!error) {
        d->id = id;
        while (*at && (*at)->id < id)
            at = &(*at)->next;
        d->next = *at;
        *at = d;
    }
    lock_drop(&list_lock);
    return error;
}

static void list_take_out(struct domain *d)
{
    struct domain **at = &dom_list;

    lock_take(&list_lock);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    lock_drop(&list_lock);
}

/* What cannot fail comes first, before anyone finds the domain: its end relies on it. */
static void init_bare(struct domain *d, const struct dom_config *config)
{
    lock_init(&d->lock, RANK_DOM, "domain");
    d->mem.owner = dom_io.mem.owner;
    sched_domain_init(d);
    evt_domain_init(d, config->max_evtchn_port);
    dom_life_init(d);
}

static int init_parts(struct domain *d, const struct dom_config *config)
{
    int error = mem_domain_init(d);
    if (error)
        return error;
    d->shared_mfn = frame_alloc(NULL, 0, 0, 0);
    if (mfn_eq(d->shared_mfn, MFN_NONE))
        return -XEN_ENOMEM;
    d->shared = mfn_ptr(d->shared_mfn);
    frame_share(d->shared_mfn, d, true);
    x86_domain_init(d);
    return gnt_domain_init(d, config->max_grant_frames, config->max_maptrack_frames);
}

int dom_create(domid_t id, const struct dom_config *config, struct domain **out)
{
    if (!config->max_vcpus || config->max_vcpus > DOM_MAX_VCPUS)
        return -XEN_EINVAL;
    struct domain *d = hv_page_alloc();
    if (!d)
        return -XEN_ENOMEM;
    d->id = id;
    d->refs = 2; /* the list's and the caller's */
    d->max_vcpus = config->max_vcpus;
    d->is_dom0 = config->is_dom0;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    d->control_pauses = !config->is_dom0;
    init_bare(d, config);
    int error = list_insert(d, id);
    if (error) {
        hv_page_free(d);
        return error;
    }
    error = init_parts(d, config);
    if (error) {
        /* Whatever exists is taken apart as if the domain had run. */
        dom_kill(d);
        while (dom_destroy_step(d) == HC_AGAIN)
            ;
        dom_put(d);
        return error;
    }
    *out = d;
    return 0;
}

int dom_add_vcpu(struct domain *d, uint32_t id)
{
    if (id >= d->max_vcpus)
        return -XEN_EINVAL;
    if (d->vcpu[id])
        return 0;
    struct vcpu *v = hv_page_alloc();
    if (!v)
        return -XEN_ENOMEM;
    v->dom = d;
    v->id = id;
    v->info_mfn = MFN_NONE;
    /* vcpus above 31 have no place in shared_info: they must register one. */
    v->info = id < XEN_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[id] : &dom_no_info;
    v->info->evtchn_upcall_mask = 1;
    int error = x86_vcpu_init(v);
    if (error) {
        hv_page_free(v);
        return error;
    }
    vcpu_timers_init(v);
    evt_vcpu_init(v);
    sched_vcpu_init(v);
    for (uint32_t n = d->control_pauses; n; n--)
        sched_pause(v);
    __atomic_store_n(&d->vcpu[id], v, __ATOMIC_RELEASE);
    return 0;
}

void dom_kill(struct domain *d)
{
    lock_take(&d->lock);
    if (d->dying == DOM_ALIVE)
        d->dying = DOM_DYING;
    lock_drop(&d->lock);
    sched_pause_domain_sync(d);
    sched_shutdown(d, true);
    dom_life_destroy(d);
}

static long drop_vcpus(struct domain *d)
{
    for_each_vcpu (v, d) {
        long again = x86_vcpu_drop(v);

        if (again)
            return again;
        if (!mfn_eq(v->info_mfn, MFN_NONE)) {
            v->info = &dom_no_info;
            page_put_use(v->info_mfn);
            v->info_mfn = MFN_NONE;
        }
    }
    return 0;
}

static void finish(struct domain *d)
{
    for_each_vcpu (v, d)
        sched_vcpu_destroy(v);
    sched_domain_destroy(d);
    x86_domain_free(d);
    list_take_out(d);
    evt_raise_virq_global(VIRQ_DOM_EXC);
    dom_put(d); /* the list's */
}

/* Its memory is given up: dom0 is told, so that back-ends let go of what they still map. */
static void tell_dying(struct domain *d)
{
    if (d->dying == DOM_DYING)
        d->dying = DOM_DEAD;
    evt_raise_virq_global(VIRQ_DOM_EXC);
}

enum {
    TEAR_STOP,
    TEAR_EVENTS,
    TEAR_GRANTS,
    TEAR_VCPUS,
    TEAR_MEMORY,
    TEAR_SHARED,
    TEAR_FINISH,
    TEAR_DONE
};

bool dom_may_finish(const struct domain *d)
{
    return d->teardown == TEAR_SHARED && !d->mem.pages;
}

long dom_destroy_step(struct domain *d)
{
    for (; d->teardown < TEAR_DONE; d->teardown++) {
        long again = 0;

        switch (d->teardown) {
        case TEAR_STOP:
            for_each_vcpu (v, d)
                vcpu_timers_stop(v);
            break;
        case TEAR_EVENTS:
            again = evt_destroy_step(d) ? 0 : HC_AGAIN;
            if (!again)
                pirq_domain_destroy(d);
            break;
        case TEAR_GRANTS:
            again = gnt_release_step(d) ? 0 : HC_AGAIN;
            break;
        case TEAR_VCPUS:
            again = drop_vcpus(d);
            break;
        case TEAR_MEMORY:
            again = mem_relinquish(d);
            if (!again)
                tell_dying(d);
            break;
        case TEAR_SHARED:
            /* Others (back-ends of dom0) may still map frames: the domain waits for them, dying. */
            if (d->mem.pages)
                return 0;
            gnt_domain_destroy(d);
            if (d->shared)
                frame_unshare(d->shared_mfn, d);
            d->shared = NULL;
            mem_domain_free(d);
            break;
        case TEAR_FINISH:
            finish(d);
            d->teardown = TEAR_DONE;
            return 0;
        }
        if (again)
            return again;
    }
    return 0;
}
