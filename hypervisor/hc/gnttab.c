/* HYPERVISOR_grant_table_op: batches of requests, each copied in once, done, and its result out. */
#include "base/string.h"
#include "core/gnt/map.h"
#include "core/pgtype/pgtype.h"
#include "hc/hc.h"
#include "port/clock.h"
#include "port/frame.h"
#include "port/tlb.h"

#define LOOK_EVERY  16u /* requests between two looks for something more urgent */
#define UNMAP_BATCH 32u /* unmappings that share a TLB flush */

/* A batch under way: where the next request is, how many are left. */
struct batch {
    uint64_t va, left;
    uint32_t since_look;
};

/* After one more request: should the rest wait? */
static bool pause_here(struct batch *b, uint64_t size)
{
    b->va += size;
    b->left--;
    if (++b->since_look < LOOK_EVERY || !b->left)
        return false;
    b->since_look = 0;
    return preempt_wanted();
}

static long later(const struct batch *b, uint64_t *arg)
{
    arg[1] = b->va;
    arg[2] = b->left;
    return HC_AGAIN;
}

/* The domain a request names by number: the caller's own, or any. */
static struct domain *named(struct domain *d, domid_t id)
{
    return id == d->id ? d : dom_get(id);
}

static void unnamed(struct domain *d, struct domain *other)
{
    if (other && other != d)
        dom_put(other);
}

/* ---- map, unmap ----------------------------------------------------------------------------- */

static long map(struct vcpu *v, uint64_t *arg, struct batch *b)
{
    struct domain *from = NULL; /* requests of a batch mostly name one domain */
    domid_t last = DOMID_INVALID;
    long rc = 0;

    while (b->left && !rc) {
        struct gnttab_map_grant_ref op;

        if (guest_get(&op, b->va)) {
            rc = -XEN_EFAULT;
            break;
        }
        if (op.dom != last || !from) {
            unnamed(v->dom, from);
            last = op.dom;
            from = named(v->dom, last);
        }
        op.status = (int16_t)(from ? gnt_map(v, from, &op) : GNTST_bad_domain);
        if (guest_put(b->va, &op))
            rc = -XEN_EFAULT;
        else if (pause_here(b, sizeof(op)))
            rc = later(b, arg);
    }
    unnamed(v->dom, from);
    return rc;
}

/* A single one keeps its flush off processors where the domain has not run since the last. */
static void finish(struct domain *d, struct gnt_unmap *u, unsigned int n)
{
    unsigned int host = 0;

    for (unsigned int i = 0; i < n; i++)
        host |= u[i].done & GNTMAP_host_map;
    if (host)
        tlb_flush_mask(__atomic_load_n(&d->arch.dirty_cpus, __ATOMIC_SEQ_CST), TLB_ALL_VA);
    for (unsigned int i = 0; i < n; i++)
        gnt_unmap_finish(d, &u[i]);
}

static long unmap(struct vcpu *v, uint64_t *arg, struct batch *b)
{
    struct gnt_unmap u[UNMAP_BATCH];
    long rc = 0;

    while (b->left && !rc) {
        bool pause = false;
        unsigned int n = 0;

        while (n < UNMAP_BATCH && b->left && !rc) {
            struct gnttab_unmap_grant_ref op;

            if (guest_get(&op, b->va)) {
                rc = -XEN_EFAULT;
                break;
            }
            op.status = (int16_t)gnt_unmap_begin(v, &op, &u[n++]);
            if (guest_write16(b->va + offsetof(struct gnttab_unmap_grant_ref, status),
                              (uint16_t)op.status))
                rc = -XEN_EFAULT;
            b->va += sizeof(op);
            b->left--;
        }
        finish(v->dom, u, n);
        if (!rc && b->left)
            pause = preempt_wanted();
        if (pause)
            rc = later(b, arg);
    }
    return rc;
}

/* ---- requests that stand alone -------------------------------------------------------------- */

union request {
    struct gnttab_copy copy;
    struct gnttab_swap_grant_ref swap;
    struct gnttab_transfer transfer;
    struct gnttab_unmap_and_replace replace;
};

/* Each request of a batch is copied in, done by `one`, and its status out. */
static inline __attribute__((always_inline)) long
each(struct vcpu *v, uint64_t *arg, struct batch *b, size_t size, size_t status_at,
     int (*one)(struct vcpu *v, const union request *op))
{
    long rc = 0;

    while (b->left && !rc) {
        union request op;

        if (guest_read(&op, b->va, size) || guest_write16(b->va + status_at, (uint16_t)one(v, &op)))
            rc = -XEN_EFAULT;
        else if (pause_here(b, size))
            rc = later(b, arg);
    }
    return rc;
}
#define EACH(kind, one) each(v, arg, &b, sizeof(struct kind), offsetof(struct kind, status), one)

static int copy(struct vcpu *v, const union request *op)
{
    return gnt_copy(v->dom, &op->copy);
}

static int swap(struct vcpu *v, const union request *op)
{
    return gnt_swap(v->dom, op->swap.ref_a, op->swap.ref_b);
}

/* Not offered (A17): each request says so. */
static int transfer(struct vcpu *v, const union request *op)
{
    (void)v, (void)op;
    return GNTST_general_error;
}

/* Without a new address it is an unmapping; moving an entry there is not offered (see gnt.md). */
static int unmap_and_replace(struct vcpu *v, const union request *op)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = op->replace.host_addr,
                                           .handle = op->replace.handle};
    struct gnt_unmap u;

    if (op->replace.new_addr)
        return GNTST_general_error;
    int status = gnt_unmap_begin(v, &unmap, &u);
    finish(v->dom, &u, 1);
    return status;
}

/* ---- the table itself ----------------------------------------------------------------------- */

/* The domain whose table it is: one's own, or any for dom0. */
static int table_of(struct vcpu *v, domid_t id, struct domain **d)
{
    int rc = dom_find_for(v->dom, id, d);

    return !rc ? GNTST_okay : rc == -XEN_ESRCH ? GNTST_bad_domain : GNTST_permission_denied;
}

static long setup_table(struct vcpu *v, struct gnttab_setup_table *op)
{
    struct domain *d;

    op->status = (int16_t)table_of(v, op->dom, &d);
    if (op->status)
        return 0;
    op->status = (int16_t)gnt_grow(d, op->nr_frames);
    for (uint32_t i = 0; !op->status && i < op->nr_frames; i++)
        if (guest_write64(HANDLE(op->frame_list) + i * 8ul, gnt_frame(d, i).n))
            op->status = GNTST_bad_virt_addr;
    dom_put(d);
    return 0;
}

static long query_size(struct vcpu *v, struct gnttab_query_size *op)
{
    struct domain *d;

    op->status = (int16_t)table_of(v, op->dom, &d);
    if (op->status)
        return 0;
    op->nr_frames = gnt_frames(d);
    op->max_nr_frames = d->gnt.max_frames;
    dom_put(d);
    return 0;
}

/* Version 1 is all there is: who asks for 2 is told no, and kernels go on with 1. */
static long set_version(struct gnttab_set_version *op, uint64_t va)
{
    uint32_t asked = op->version;

    op->version = 1;
    if (guest_put(va, op))
        return -XEN_EFAULT;
    return asked == 1 ? 0 : asked == 2 ? -XEN_ENOSYS : -XEN_EINVAL;
}

static long get_version(struct vcpu *v, struct gnttab_get_version *op)
{
    struct domain *d;
    int rc = dom_find_for(v->dom, op->dom, &d);

    if (rc)
        return rc;
    dom_put(d);
    op->version = 1;
    return 0;
}

static __attribute__((noinline)) long table_op(struct vcpu *v, uint64_t cmd, uint64_t va)
{
    switch (cmd) {
        ROW_IN_OUT(GNTTABOP_setup_table, gnttab_setup_table, setup_table(v, &op));
        ROW_IN_OUT(GNTTABOP_query_size, gnttab_query_size, query_size(v, &op));
        ROW_IN(GNTTABOP_set_version, gnttab_set_version, set_version(&op, va));
        ROW_IN_OUT(GNTTABOP_get_version, gnttab_get_version, get_version(v, &op));
        /* Status frames belong to version 2. */
        ROW_IN_OUT(GNTTABOP_get_status_frames, gnttab_get_status_frames,
                   (op.status = GNTST_general_error, 0));
        /* Of use only where devices bypass caches. */
        ROW_IN(GNTTABOP_cache_flush, gnttab_cache_flush, ((void)op, -XEN_EOPNOTSUPP));
    default:
        return -XEN_ENOSYS;
    }
}

long hc_grant_table_op(struct vcpu *v, uint64_t *arg)
{
    struct batch b = {.va = arg[1], .left = arg[2]};

    if (arg[2] > INT32_MAX)
        return -XEN_EINVAL;
    switch (arg[0]) {
        ROW(GNTTABOP_map_grant_ref, map(v, arg, &b));
        ROW(GNTTABOP_unmap_grant_ref, unmap(v, arg, &b));
        ROW(GNTTABOP_copy, EACH(gnttab_copy, copy));
        ROW(GNTTABOP_unmap_and_replace, EACH(gnttab_unmap_and_replace, unmap_and_replace));
        ROW(GNTTABOP_transfer, EACH(gnttab_transfer, transfer));
        ROW(GNTTABOP_swap_grant_ref, EACH(gnttab_swap_grant_ref, swap));
        ROW(GNTTABOP_cache_flush, table_op(v, arg[0], arg[1]));
    case GNTTABOP_setup_table:
    case GNTTABOP_query_size:
    case GNTTABOP_set_version:
    case GNTTABOP_get_version:
    case GNTTABOP_get_status_frames:
        return b.left == 1 ? table_op(v, arg[0], arg[1]) : -XEN_EINVAL;
    default: /* GNTTABOP_dump_table too: as on Xen, that is a debug key */
        return -XEN_ENOSYS;
    }
}
