/* memory_op: how much memory a domain has, which frames, and where they are.
 *
 * The operation is in the low bits of the first word, above them how many extents of a list are
 * done already: as untrusted as the rest. Lists lie in guest memory and are read and written one by
 * one. */
#include "base/string.h"
#include "core/frame/frame.h"
#include "core/gnt/gnt.h"
#include "hc/hc.h"
#include "hc/memory.h"
#include "port/clock.h"
#include "port/frame.h"

#define OP_BITS         6
#define OP_MASK         ((1u << OP_BITS) - 1)
#define GUEST_MAX_ORDER 9u   /* 2 MiB: what a guest may ask for in one piece */
#define EXCHANGE_MAX    512u /* frames that are exchanged in one step */

/* The answer when dom_get_for() finds none. */
static long no_domain(const struct vcpu *caller)
{
    return caller->dom->is_dom0 ? -XEN_ESRCH : -XEN_EPERM;
}

static unsigned int order_limit(const struct domain *d)
{
    return d->is_dom0 ? FRAME_MAX_ORDER : GUEST_MAX_ORDER;
}

/* ---- lists of extents ----------------------------------------------------------------------- */

/* One extent; `at` is the address of its list entry. False: stop here. */
static bool populate(struct domain *d, const struct xen_memory_reservation *r, uint64_t at)
{
    uint64_t pfn, frames = (uint64_t)1 << r->extent_order;

    if (guest_read64(&pfn, at))
        return false;
    mfn_t m = frame_alloc(d, r->extent_order, XENMEMF_get_address_bits(r->mem_flags), 0);
    if (mfn_eq(m, MFN_NONE))
        return false;
    for (uint64_t i = 0; i < frames; i++)
        *m2p_slot(mfn(m.n + i)) = pfn + i;
    return !guest_write64(at, m.n);
}

static bool increase(struct domain *d, const struct xen_memory_reservation *r, uint64_t at)
{
    mfn_t m = frame_alloc(d, r->extent_order, XENMEMF_get_address_bits(r->mem_flags), 0);

    return !mfn_eq(m, MFN_NONE) && (!HANDLE(r->extent_start) || !guest_write64(at, m.n));
}

static bool decrease(struct domain *d, const struct xen_memory_reservation *r, uint64_t at)
{
    uint64_t m;

    if (guest_read64(&m, at))
        return false;
    for (uint64_t i = 0; i < (uint64_t)1 << r->extent_order; i++)
        if (frame_drop(mfn(m + i), d))
            return false;
    return true;
}

static bool one_extent(unsigned int op, struct domain *d, const struct xen_memory_reservation *r,
                       uint64_t at)
{
    switch (op) {
    case XENMEM_populate_physmap:
        return populate(d, r, at);
    case XENMEM_increase_reservation:
        return increase(d, r, at);
    default:
        return decrease(d, r, at);
    }
}

/* Extents from `done` on; the result counts those that are done. */
static long extents(struct vcpu *v, unsigned int op, uint64_t done, uint64_t *arg)
{
    struct xen_memory_reservation r;

    if (guest_get(&r, arg[1]))
        return (long)done;
    if (r.nr_extents > ~0UL >> (OP_BITS + 1) || done >= r.nr_extents ||
        r.extent_order > order_limit(v->dom))
        return (long)done;
    struct domain *d = dom_get_for(v->dom, r.domid);
    if (!d)
        return v->dom->is_dom0 ? (long)done : -XEN_EPERM;
    /* Its own claim is used up by populating; any other change of size ends it, as in Xen. */
    while (done < r.nr_extents && one_extent(op, d, &r, HANDLE(r.extent_start) + done * 8)) {
        done++;
        if (unlikely(!(done << r.extent_order & 15)) && done < r.nr_extents && preempt_wanted()) {
            arg[0] = op | done << OP_BITS;
            dom_put(d);
            return HC_AGAIN;
        }
    }
    long result = (long)done;
    dom_put(d);
    return result;
}

/* ---- exchange ------------------------------------------------------------------------------- */

struct exchange {
    struct domain *d;
    struct xen_memory_exchange op;
    unsigned int in_per_step, out_per_step; /* extents */
    uint64_t *taken, *given;                /* frames; a page each */
    unsigned int n_taken, n_given;
};

/* Takes the input extents of one step from the domain. */
static long exchange_take(struct exchange *x, uint64_t first)
{
    for (unsigned int i = 0; i < x->in_per_step; i++) {
        uint64_t m;

        if (guest_read64(&m, HANDLE(x->op.in.extent_start) + (first + i) * 8))
            return -XEN_EFAULT;
        for (unsigned int k = 0; k < 1u << x->op.in.extent_order; k++) {
            if (frame_steal(mfn(m + k), x->d))
                return -XEN_EINVAL;
            x->taken[x->n_taken++] = m + k;
        }
    }
    return 0;
}

static long exchange_give(struct exchange *x)
{
    unsigned int bits = XENMEMF_get_address_bits(x->op.out.mem_flags);

    for (unsigned int i = 0; i < x->out_per_step; i++) {
        /* The frames taken still count for the domain. */
        mfn_t m = frame_alloc(x->d, x->op.out.extent_order, bits, FRAME_FORCE);

        if (mfn_eq(m, MFN_NONE))
            return -XEN_ENOMEM;
        x->given[x->n_given++] = m.n;
    }
    return 0;
}

static void exchange_undo(struct exchange *x)
{
    while (x->n_given) {
        uint64_t m = x->given[--x->n_given];

        for (unsigned int k = 0; k < 1u << x->op.out.extent_order; k++)
            if (frame_drop(mfn(m + k), x->d))
                break; /* the guest has guessed the frame and dropped it itself */
    }
    while (x->n_taken)
        frame_give_back(mfn(x->taken[--x->n_taken]));
}

/* From here on the exchange is done, whatever happens to the list. */
static long exchange_commit(struct exchange *x, uint64_t first)
{
    long error = 0;

    while (x->n_taken)
        page_put(mfn(x->taken[--x->n_taken]));
    for (unsigned int i = 0; i < x->n_given; i++) {
        uint64_t at = HANDLE(x->op.out.extent_start) + (first + i) * 8, pfn;

        if (guest_read64(&pfn, at) || guest_write64(at, x->given[i])) {
            error = -XEN_EFAULT;
            continue;
        }
        for (unsigned int k = 0; k < 1u << x->op.out.extent_order; k++)
            *m2p_slot(mfn(x->given[i] + k)) = pfn + k;
    }
    x->n_given = 0;
    return error;
}

static long exchange_steps(struct exchange *x)
{
    while (x->op.nr_exchanged < x->op.in.nr_extents) {
        uint64_t step = x->op.nr_exchanged / x->in_per_step;
        long error = exchange_take(x, step * x->in_per_step);

        if (!error)
            error = exchange_give(x);
        if (error) {
            exchange_undo(x);
            return error;
        }
        error = exchange_commit(x, step * x->out_per_step);
        x->op.nr_exchanged += x->in_per_step;
        if (error)
            return error;
        if (x->op.nr_exchanged < x->op.in.nr_extents && preempt_wanted())
            return HC_AGAIN;
    }
    return 0;
}

static long exchange_check(const struct domain *caller, struct exchange *x)
{
    const struct xen_memory_reservation *in = &x->op.in, *out = &x->op.out;

    if (in->domid != out->domid || in->extent_order > order_limit(caller) ||
        out->extent_order > order_limit(caller) ||
        in->nr_extents > ~0UL >> (in->extent_order + 1) ||
        out->nr_extents > ~0UL >> (out->extent_order + 1) ||
        in->nr_extents << in->extent_order != out->nr_extents << out->extent_order ||
        x->op.nr_exchanged > in->nr_extents)
        return -XEN_EINVAL;
    x->in_per_step = x->out_per_step = 1;
    if (out->extent_order > in->extent_order)
        x->in_per_step = 1u << (out->extent_order - in->extent_order);
    else
        x->out_per_step = 1u << (in->extent_order - out->extent_order);
    /* What is done already is whole steps; the rest divides into them. */
    if (in->nr_extents % x->in_per_step || x->op.nr_exchanged % x->in_per_step)
        return -XEN_EINVAL;
    if (x->in_per_step << in->extent_order > EXCHANGE_MAX)
        return -XEN_EPERM;
    return 0;
}

static long exchange(struct vcpu *v, uint64_t at)
{
    struct exchange x = {0};

    if (guest_get(&x.op, at))
        return -XEN_EFAULT;
    long error = exchange_check(v->dom, &x);
    if (error)
        return error;
    x.d = dom_get_for(v->dom, x.op.in.domid);
    if (!x.d)
        return no_domain(v);
    x.taken = hv_page_alloc();
    x.given = hv_page_alloc();
    error = x.taken && x.given ? exchange_steps(&x) : -XEN_ENOMEM;
    hv_page_free(x.taken);
    hv_page_free(x.given);
    dom_put(x.d);
    if (guest_write64(at + offsetof(struct xen_memory_exchange, nr_exchanged), x.op.nr_exchanged))
        return -XEN_EFAULT;
    return error;
}

/* ---- the maps ------------------------------------------------------------------------------- */

static long machphys_mapping(struct vcpu *v, uint64_t at)
{
    struct xen_machphys_mapping mapping = {
        .v_start = MACH2PHYS_VIRT_START,
        .v_end = MACH2PHYS_VIRT_END,
        /* A guest may move to a larger machine: its bound is what the table has room for. */
        .max_mfn = v->dom->is_dom0 ? frame_max - 1 : MACH2PHYS_NR_ENTRIES - 1,
    };

    return guest_put(at, &mapping) ? -XEN_EFAULT : 0;
}

/* Lets dom0 map the M2P, for reading, as frames of DOMID_XEN; once. */
static void share_m2p(uint64_t pieces)
{
    static bool shared;

    if (__atomic_exchange_n(&shared, true, __ATOMIC_ACQ_REL))
        return;
    for (uint64_t i = 0; i < pieces * 512; i++)
        frame_share(mfn(m2p_frame(i / 512).n + i % 512), &dom_xen, false);
}

/* Where the M2P lies, in 2 MiB pieces, for tools that map it from dom0. */
static long machphys_mfn_list(struct xen_machphys_mfn_list *list)
{
    uint64_t pieces = (frame_max * 8 + 0x1fffff) >> 21;
    uint32_t i;

    share_m2p(pieces);
    for (i = 0; i < list->max_extents && i < pieces; i++)
        if (guest_write64(HANDLE(list->extent_start) + i * 8ul, m2p_frame(i).n))
            return -XEN_EFAULT;
    list->nr_extents = i;
    return 0;
}

static long put_map(struct xen_memory_map *map, uint32_t n, const struct map_entry *entry)
{
    map->nr_entries = n;
    return guest_write(HANDLE(map->buffer), entry, n * sizeof(*entry));
}

static long memory_map(struct vcpu *v, struct xen_memory_map *map)
{
    struct map_entry ram = {.size = v->dom->map_end, .type = MAP_RAM};

    return ram.size ? put_map(map, map->nr_entries ? 1 : 0, &ram) : -XEN_ENOSYS;
}

static long machine_memory_map(struct xen_memory_map *map)
{
    static struct map_entry entries[MAP_MAX];
    uint32_t n = machine_map(entries);

    return map->nr_entries < n ? -XEN_EINVAL : put_map(map, n, entries);
}

/* The tools give a guest one range of RAM from 0 on; nothing else is handed back to it. */
static long set_memory_map(struct vcpu *v, const struct xen_foreign_memory_map *op)
{
    struct domain *d = v->dom->is_dom0 ? dom_get_for(v->dom, op->domid) : NULL;
    struct map_entry entry;
    long error = 0;

    if (!d)
        return no_domain(v);
    if (op->map.nr_entries != 1)
        error = -XEN_EINVAL;
    else if (guest_get(&entry, HANDLE(op->map.buffer)))
        error = -XEN_EFAULT;
    else if (entry.start || entry.type != MAP_RAM || !entry.size)
        error = -XEN_EINVAL;
    else
        d->map_end = entry.size;
    dom_put(d);
    return error;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static long about_domain(struct vcpu *v, unsigned int cmd, domid_t id)
{
    struct domain *d = dom_get_for(v->dom, id);
    uint64_t n;

    if (!d)
        return no_domain(v);
    if (cmd == XENMEM_current_reservation) {
        n = d->mem.pages;
    } else if (cmd == XENMEM_maximum_reservation) {
        n = d->mem.max_pages;
    } else {
        const struct shared_info *s = __atomic_load_n(&d->shared, __ATOMIC_RELAXED);

        n = s ? __atomic_load_n(&s->arch.max_pfn, __ATOMIC_RELAXED) : 0;
        /* The guest's own word: believed as far as a page list can be long. */
        n = n && n <= MACH2PHYS_NR_ENTRIES ? n - 1 : 0;
    }
    dom_put(d);
    return (long)n;
}

static long claim(const struct xen_memory_reservation *r)
{
    if (HANDLE(r->extent_start) || r->extent_order || r->mem_flags)
        return -XEN_EINVAL;
    struct domain *d = dom_get(r->domid); /* not DOMID_SELF: as Xen has it */
    if (!d)
        return -XEN_EINVAL;
    long error = frame_claim(d, r->nr_extents);
    dom_put(d);
    return error;
}

/* ---- acquire_resource ----------------------------------------------------------------------- */

static long acquire_frames(struct domain *d, const struct xen_mem_acquire_resource *r)
{
    if (!HANDLE(r->frame_list))
        return -XEN_EINVAL;
    if (r->nr_frames > GNT_MAX_FRAMES || r->frame > GNT_MAX_FRAMES - r->nr_frames)
        return -XEN_EINVAL;
    for (uint32_t i = 0; i < r->nr_frames; i++) {
        mfn_t m = gnt_frame(d, (uint32_t)r->frame + i);

        if (mfn_eq(m, MFN_NONE))
            return -XEN_EINVAL;
        if (guest_write64(HANDLE(r->frame_list) + i * 8ul, m.n))
            return -XEN_EFAULT;
    }
    return 0;
}

static long acquire_resource(struct vcpu *v, struct xen_mem_acquire_resource *r)
{
    long error = 0;

    if (r->pad)
        return -XEN_EINVAL;
    struct domain *d = v->dom->is_dom0 ? dom_get_for(v->dom, r->domid) : NULL;
    if (!d)
        return no_domain(v);
    if (r->type != XENMEM_resource_grant_table || r->id != XENMEM_resource_grant_table_id_shared)
        error = -XEN_EOPNOTSUPP;
    else if (!r->nr_frames && !HANDLE(r->frame_list))
        r->nr_frames = d->gnt.max_frames;
    else
        error = acquire_frames(d, r);
    dom_put(d);
    return error;
}

/* What only dom0 may ask. */
static long dom0_op(struct vcpu *v, unsigned int cmd, uint64_t va)
{
    if (!v->dom->is_dom0)
        return -XEN_EPERM;
    switch (cmd) {
        ROW_IN_OUT(XENMEM_machphys_mfn_list, xen_machphys_mfn_list, machphys_mfn_list(&op));
        ROW_IN_OUT(XENMEM_machine_memory_map, xen_memory_map, machine_memory_map(&op));
        ROW_IN(XENMEM_claim_pages, xen_memory_reservation, claim(&op));
    default:
        return -XEN_ENOSYS;
    }
}

/* A row of what is not offered (a PV guest keeps its own p2m; no populate-on-demand, no virtual
 * NUMA). A caller that hands in a bad pointer learns that first, as on Xen. */
#define REFUSED(operation, type, why) ROW_IN(operation, type, ((void)op, why))

long hc_memory_op(struct vcpu *v, uint64_t *arg)
{
    const unsigned int cmd = arg[0] & OP_MASK;
    const uint64_t done = arg[0] >> OP_BITS, va = arg[1];

    switch (cmd) {
    case XENMEM_populate_physmap:
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
        return extents(v, cmd, done, arg);
        ROW(XENMEM_exchange, done ? -XEN_EINVAL : exchange(v, va));
        ROW(XENMEM_maximum_ram_page, (long)frame_max);
        ROW_IN(XENMEM_current_reservation, xen_memory_domain, about_domain(v, cmd, op.domid));
        ROW_IN(XENMEM_maximum_reservation, xen_memory_domain, about_domain(v, cmd, op.domid));
        ROW_IN(XENMEM_maximum_gpfn, xen_memory_domain, about_domain(v, cmd, op.domid));
        ROW(XENMEM_machphys_mapping, machphys_mapping(v, va));
        ROW_IN_OUT(XENMEM_memory_map, xen_memory_map, memory_map(v, &op));
        ROW_IN(XENMEM_set_memory_map, xen_foreign_memory_map, set_memory_map(v, &op));
        ROW_IN_OUT(XENMEM_acquire_resource, xen_mem_acquire_resource, acquire_resource(v, &op));
    case XENMEM_machphys_mfn_list:
    case XENMEM_machine_memory_map:
    case XENMEM_claim_pages:
        return dom0_op(v, cmd, va);
        REFUSED(XENMEM_add_to_physmap, xen_add_to_physmap, -XEN_EACCES);
        REFUSED(XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch, -XEN_EACCES);
        REFUSED(XENMEM_remove_from_physmap, xen_remove_from_physmap, -XEN_EACCES);
        REFUSED(XENMEM_set_pod_target, xen_pod_target, -XEN_ENOSYS);
        REFUSED(XENMEM_get_pod_target, xen_pod_target, -XEN_ENOSYS);
        REFUSED(XENMEM_get_vnumainfo, xen_vnuma_topology_info, -XEN_EOPNOTSUPP);
        REFUSED(XENMEM_reserved_device_memory_map, xen_reserved_device_memory_map, -XEN_ENOSYS);
        ROW(XENMEM_machphys_compat_mfn_list, -XEN_EOPNOTSUPP);
        ROW(XENMEM_get_sharing_freed_pages, 0);
        ROW(XENMEM_get_sharing_shared_pages, 0);
    default:
        return -XEN_ENOSYS;
    }
}
