/* Hypercalls about page tables and descriptors: mmu_update, update_va_mapping, mmuext_op, set_gdt,
 * update_descriptor. Each argument is read once; what to do with it is core/pgtype's affair. */
#include "base/string.h"
#include "core/pgtype/entry.h"
#include "core/pgtype/pgtype.h"
#include "hc/hc.h"
#include "port/kick.h"
#include "port/tlb.h"

#define LOOK_EVERY 32u /* requests between two looks at what else is to do */

/* Set in the count of a call that goes on after a pause, as Xen does: *pdone counts on from
 * there. */
#define MMU_GOING_ON 0x80000000u

/* ---- whose frames, whose tables ------------------------------------------------------------- */

/* DOMID_XEN: what the hypervisor lets dom0 read of itself. */
static struct domain *frames_of(struct vcpu *v, uint32_t id, long *error)
{
    struct domain *d = v->dom;

    if (id == DOMID_SELF) {
        __atomic_add_fetch(&d->refs, 1, __ATOMIC_RELAXED);
        return d;
    }
    *error = -XEN_ESRCH;
    if (id == d->id)
        return NULL; /* itself, by another name: what Xen refuses */
    if (!d->is_dom0)
        goto refused;
    if (id == DOMID_XEN || id == DOMID_IO)
        return id == DOMID_XEN ? &dom_xen : &dom_io;
    return dom_get((domid_t)id);
refused:
    *error = -XEN_EPERM;
    return NULL;
}

static void frames_done(struct domain *d)
{
    if (d != &dom_xen && d != &dom_io)
        dom_put(d);
}

/* ---- mmu_update ----------------------------------------------------------------------------- */

/* The table (or ordinary frame) that the last request wrote to; most batches stay in one. */
struct target {
    mfn_t frame;        /* a use is held; MFN_NONE: nothing */
    unsigned int level; /* 0: ordinary memory */
};

static void target_drop(struct vcpu *v, struct target *t)
{
    if (mfn_eq(t->frame, MFN_NONE))
        return;
    if (t->level)
        table_unhold(v, t->frame);
    else
        page_put_use(t->frame);
    t->frame = MFN_NONE;
}

/* Holds frame m of domain d as what it is now. */
static int target_take(struct domain *d, mfn_t m, struct target *t)
{
    uint64_t *word = frame_word(m);

    if (unlikely(m.n >= frame_max))
        return -XEN_EINVAL;
    uint64_t w = *(volatile uint64_t *)word;
    while (likely((w & TABLE_MASK) == (d->mem.owner | FRAME_LIVE | FRAME_VALID)) && is_table(w)) {
        if (likely(word_cas(word, w, w + FRAME_USE1))) {
            t->frame = m;
            t->level = table_level(w);
            return 0;
        }
        w = word_load(word);
    }
    /* Tables that are not in use yet are filled this way, too. */
    if (page_get_use(m, d, PGT_WRITABLE))
        return -XEN_EINVAL;
    t->frame = m;
    t->level = 0;
    return 0;
}

static int machphys_update(struct domain *d, uint64_t ptr, uint64_t pfn)
{
    mfn_t m = maddr_mfn(ptr);

    if (!page_get(m, d))
        return -XEN_EINVAL;
    *m2p_slot(m) = pfn;
    page_put(m);
    return 0;
}

static long update_one(struct vcpu *v, const struct l1_ctx *c, struct domain *tables,
                       struct target *t, uint64_t ptr, uint64_t val)
{
    unsigned int cmd = ptr & 7;
    mfn_t m = maddr_mfn(ptr);

    if (unlikely(cmd == MMU_MACHPHYS_UPDATE))
        return machphys_update(c->from, ptr, val);
    if (unlikely(cmd > MMU_PT_UPDATE_NO_TRANSLATE))
        return -XEN_ENOSYS;
    if (unlikely(!mfn_eq(m, t->frame))) {
        target_drop(v, t);
        if (unlikely(target_take(tables, m, t)))
            return -XEN_EINVAL;
    }
    uint64_t *slot = (uint64_t *)mfn_ptr(m) + (ptr >> 3 & (ENTRIES - 1));
    if (likely(t->level == 1))
        return l1_update(c, slot, val, cmd == MMU_PT_UPDATE_PRESERVE_AD);
    if (t->level)
        return upper_update(v, tables, t->level, slot, val, cmd == MMU_PT_UPDATE_PRESERVE_AD);
    __atomic_store_n(slot, val, __ATOMIC_RELAXED);
    return 0;
}

/* The whole batch; arg[0] and arg[1] move on. */
static long update_all(struct vcpu *v, const struct l1_ctx *c, struct domain *tables, uint64_t *arg)
{
    struct target t = {.frame = MFN_NONE};
    uint32_t count = (uint32_t)arg[1];
    long error = 0;

    for (uint32_t n = 1; count; n++) {
        uint64_t ptr, val;

        if (unlikely(guest_read64(&ptr, arg[0])) || unlikely(guest_read64(&val, arg[0] + 8))) {
            error = -XEN_EFAULT;
            break;
        }
        error = update_one(v, c, tables, &t, ptr, val);
        if (unlikely(error))
            break;
        arg[0] += sizeof(struct mmu_update);
        count--;
        if (unlikely(v->pgt_old.n) || (unlikely(!(n % LOOK_EVERY)) && count)) {
            /* No use is held across the pause. */
            target_drop(v, &t);
            if (v->pgt_old.n || preempt_wanted()) {
                error = HC_AGAIN;
                break;
            }
        }
    }
    target_drop(v, &t);
    arg[1] = count;
    return error;
}

static __attribute__((noinline)) long update_foreign(struct vcpu *v, uint64_t *arg)
{
    uint32_t tables_id = (uint32_t)arg[3] >> 16;
    struct domain *tables = v->dom, *from;
    struct l1_ctx c;
    long error;

    if (tables_id) {
        tables = dom_get_for(v->dom, (domid_t)(tables_id - 1));
        if (!tables)
            return -XEN_ESRCH;
    }
    from = frames_of(v, arg[3] & 0xffff, &error);
    if (from) {
        c = l1_ctx(v->dom, from);
        error = update_all(v, &c, tables, arg);
        frames_done(from);
    }
    if (tables_id)
        dom_put(tables);
    return error;
}

long hc_mmu_update(struct vcpu *v, uint64_t *arg)
{
    uint32_t count = (uint32_t)arg[1], done = 0;
    long error;

    if (unlikely(pgt_finish(v)))
        return HC_AGAIN;
    if (unlikely(count & MMU_GOING_ON)) {
        count &= ~MMU_GOING_ON;
        if (arg[2] && guest_read(&done, arg[2], sizeof(done)))
            return -XEN_EFAULT;
    }
    arg[1] = count;
    if (likely((uint32_t)arg[3] == DOMID_SELF)) {
        const struct l1_ctx c = l1_ctx(v->dom, v->dom);

        error = update_all(v, &c, v->dom, arg);
    } else {
        error = update_foreign(v, arg);
    }
    if (arg[2]) {
        done += count - (uint32_t)arg[1];
        (void)!guest_write(arg[2], &done, sizeof(done)); /* a bad place is the caller's loss */
    }
    if (error == HC_AGAIN)
        arg[1] |= MMU_GOING_ON;
    return error;
}

/* ---- flushes -------------------------------------------------------------------------------- */

/* CPUs that may hold translations of v: none when it does not run, since switching flushes. */
static cpumask_t vcpu_cpu(const struct vcpu *v)
{
    return __atomic_load_n(&v->sched.running, __ATOMIC_SEQ_CST) ? bit64(v->sched.cpu) : 0;
}

static cpumask_t domain_cpus(struct domain *d)
{
    cpumask_t mask = 0;

    for_each_vcpu (v, d)
        mask |= vcpu_cpu(v);
    return mask;
}

/* The CPUs of a bitmap of vcpus in guest memory. */
static int bitmap_cpus(struct domain *d, uint64_t at, cpumask_t *mask)
{
    *mask = 0;
    for (uint32_t base = 0; base < d->max_vcpus; base += 64) {
        uint64_t bits;

        if (guest_read64(&bits, at + base / 8))
            return -XEN_EFAULT;
        for (; bits; bits &= bits - 1) {
            const struct vcpu *v = dom_vcpu(d, base + lowest_bit(bits));

            if (v)
                *mask |= vcpu_cpu(v);
        }
    }
    return 0;
}

/* UVMF_*: a flush that update_va_mapping brings along. */
static long flush_after(struct vcpu *v, uint64_t va, uint64_t flags)
{
    uint64_t which = flags & ~UVMF_FLUSHTYPE_MASK;
    uint64_t what = TLB_ALL_VA;
    cpumask_t mask;

    switch (flags & UVMF_FLUSHTYPE_MASK) {
    case UVMF_NONE:
        return 0;
    case UVMF_TLB_FLUSH:
        break;
    case UVMF_INVLPG:
        if (unlikely(!canonical(va)))
            return 0;
        what = va & ~FRAME_MASK; /* tlb.c has other meanings for what lies within the last page */
        break;
    default: /* no such flush: none */
        return 0;
    }
    if (which == UVMF_LOCAL) {
        if (what == TLB_ALL_VA)
            tlb_flush_local();
        else
            tlb_flush_va_local(va);
        return 0;
    }
    if (which == UVMF_ALL)
        mask = domain_cpus(v->dom);
    else if (bitmap_cpus(v->dom, which, &mask))
        return -XEN_EFAULT;
    tlb_flush_mask(mask, what);
    return 0;
}

/* ---- update_va_mapping ---------------------------------------------------------------------- */

static inline long va_mapping(struct vcpu *v, const struct l1_ctx *c, const uint64_t *arg)
{
    uint64_t va = arg[0];
    mfn_t l1;

    uint64_t *slot = walk_hold(v, va, &l1);
    if (unlikely(!slot))
        return -XEN_EINVAL;
    long error = l1_update(c, slot, arg[1], false);
    table_unhold(v, l1);
    if (unlikely(error))
        return error;
    return flush_after(v, va, arg[2]);
}

long hc_update_va_mapping(struct vcpu *v, uint64_t *arg)
{
    const struct l1_ctx c = l1_ctx(v->dom, v->dom);

    if (unlikely(pgt_finish(v)))
        return HC_AGAIN;
    return va_mapping(v, &c, arg);
}

long hc_update_va_mapping_otherdomain(struct vcpu *v, uint64_t *arg)
{
    long error;

    if (pgt_finish(v))
        return HC_AGAIN;
    struct domain *from = frames_of(v, (uint32_t)arg[3], &error);
    if (!from)
        return error;
    struct l1_ctx c = l1_ctx(v->dom, from);
    error = va_mapping(v, &c, arg);
    frames_done(from);
    return error;
}

/* ---- mmuext_op ------------------------------------------------------------------------------ */

static int page_contents(struct domain *d, mfn_t to, const mfn_t *from)
{
    int error = -XEN_EINVAL;

    if (from && !page_get(*from, d))
        return -XEN_EINVAL;
    if (!page_get_use(to, d, PGT_WRITABLE)) {
        if (from)
            memcpy(mfn_ptr(to), mfn_ptr(*from), FRAME_SIZE);
        else
            memset(mfn_ptr(to), 0, FRAME_SIZE);
        page_put_use(to);
        error = 0;
    }
    if (from)
        page_put(*from);
    return error;
}

static long flush_op(struct vcpu *v, const struct mmuext_op *op)
{
    uint64_t va = op->arg1.linear_addr;
    cpumask_t mask;

    switch (op->cmd) {
    case MMUEXT_TLB_FLUSH_LOCAL:
        tlb_flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        if (canonical(va))
            tlb_flush_va_local(va);
        return 0;
    case MMUEXT_TLB_FLUSH_ALL:
        tlb_flush_mask(domain_cpus(v->dom), TLB_ALL_VA);
        return 0;
    case MMUEXT_INVLPG_ALL:
        if (canonical(va))
            tlb_flush_mask(domain_cpus(v->dom), va & ~FRAME_MASK);
        return 0;
    default: /* of the vcpus in a bitmap */
        if (bitmap_cpus(v->dom, HANDLE(op->arg2.vcpumask), &mask))
            return -XEN_EINVAL;
        if (op->cmd == MMUEXT_TLB_FLUSH_MULTI)
            tlb_flush_mask(mask, TLB_ALL_VA);
        else if (canonical(va))
            tlb_flush_mask(mask, va & ~FRAME_MASK);
        return 0;
    }
}

static long ext_op(struct vcpu *v, struct domain *d, const struct mmuext_op *op)
{
    mfn_t m = mfn(op->arg1.mfn);
    mfn_t src = mfn(op->arg2.src_mfn);

    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE:
    case MMUEXT_PIN_L2_TABLE:
    case MMUEXT_PIN_L3_TABLE:
    case MMUEXT_PIN_L4_TABLE:
        return pgt_pin(v, d, m, op->cmd - MMUEXT_PIN_L1_TABLE + 1);
        ROW(MMUEXT_UNPIN_TABLE, pgt_unpin(v, d, m));
        ROW(MMUEXT_CLEAR_PAGE, page_contents(d, m, NULL));
        ROW(MMUEXT_COPY_PAGE, page_contents(d, m, &src));
    default:
        break;
    }
    if (d != v->dom)
        return -XEN_EPERM;
    switch (op->cmd) {
        ROW(MMUEXT_NEW_BASEPTR, pgt_new_base(v, m));
        ROW(MMUEXT_NEW_USER_BASEPTR, pgt_new_user_base(v, m));
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
    case MMUEXT_TLB_FLUSH_ALL:
    case MMUEXT_INVLPG_ALL:
        return flush_op(v, op);
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        if (!v->dom->mem.io_caches)
            return -XEN_EACCES;
        cache_flush_all();
        return 0;
        ROW(MMUEXT_SET_LDT, pgt_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents));
        ROW(MMUEXT_MARK_SUPER, -XEN_EOPNOTSUPP);
        ROW(MMUEXT_UNMARK_SUPER, -XEN_EOPNOTSUPP);
    default:
        return -XEN_ENOSYS;
    }
}

long hc_mmuext_op(struct vcpu *v, uint64_t *arg)
{
    uint32_t count = (uint32_t)arg[1], done = 0, n = 0;
    struct domain *d = v->dom;
    long error = 0;

    if (unlikely(pgt_finish(v)))
        return HC_AGAIN;
    if (unlikely(count & MMU_GOING_ON)) {
        count &= ~MMU_GOING_ON;
        if (arg[2] && guest_read(&done, arg[2], sizeof(done)))
            return -XEN_EFAULT;
    }
    if (unlikely((uint32_t)arg[3] != DOMID_SELF)) {
        d = frames_of(v, (uint32_t)arg[3], &error);
        if (!d)
            return error;
    }
    while (n < count) {
        struct mmuext_op op;

        if (unlikely(guest_get(&op, arg[0]))) {
            error = -XEN_EFAULT;
            break;
        }
        error = ext_op(v, d, &op);
        if (unlikely(error))
            break;
        arg[0] += sizeof(op);
        n++;
        /* Every pin is long work. */
        if (unlikely(v->pgt_old.n) ||
            (n < count && op.cmd <= MMUEXT_UNPIN_TABLE && preempt_wanted())) {
            error = HC_AGAIN;
            break;
        }
    }
    if (unlikely(d != v->dom) || unlikely((uint32_t)arg[3] != DOMID_SELF))
        frames_done(d);
    arg[1] = count - n;
    if (arg[2]) {
        done += n;
        (void)!guest_write(arg[2], &done, sizeof(done));
    }
    if (error == HC_AGAIN)
        arg[1] |= MMU_GOING_ON;
    return error;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

long hc_set_gdt(struct vcpu *v, uint64_t *arg)
{
    unsigned int entries = (unsigned int)arg[1];
    mfn_t frames[FIRST_RESERVED_GDT_PAGE];
    unsigned int n = (entries + 511) / 512;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -XEN_EINVAL;
    for (unsigned int i = 0; i < n; i++)
        if (guest_read64(&frames[i].n, arg[0] + i * 8))
            return -XEN_EFAULT;
    return pgt_set_gdt(v, frames, entries);
}

long hc_update_descriptor(struct vcpu *v, uint64_t *arg)
{
    return desc_update(v->dom, arg[0], arg[1]);
}
