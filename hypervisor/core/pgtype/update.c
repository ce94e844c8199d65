/*
 * Changes of single entries that are not on the shortest path: of upper tables, by a faulting
 * write, and the walks to them.
 *
 * No lock: the new entry's count is taken first, then one exchange puts it in, then the count of
 * what was there before is dropped. The table itself cannot go or change its type meanwhile,
 * because the caller holds a use of it.
 */
#include "abi/abi.h"
#include "core/insn/insn.h"
#include "core/pgtype/entry.h"
#include "core/pgtype/pgtype.h"
#include "port/guestmem.h"

int l1_replace(const struct l1_ctx *c, uint64_t *slot, uint64_t old, uint64_t e)
{
    bool counted = false;

    if (e & PTE_P) {
        e = l1_adjust(e);
        if (!(old & PTE_P) || ((old ^ e) & ~FREE_BITS)) {
            int error = l1_hold(c, &e);

            if (error)
                return error;
            counted = true;
        }
    } else if (l1tf_bad(c->mapper, e)) {
        return -XEN_EINVAL;
    }
    if (!word_cas(slot, old, e)) {
        if (counted)
            l1_drop(e);
        return -XEN_EAGAIN;
    }
    if ((old & PTE_P) && (counted || !(e & PTE_P)))
        l1_drop(old);
    return 0;
}

void table_unhold_slow(struct vcpu *v, mfn_t m)
{
    struct table_walk t = {0};

    while (table_put(m, &t) == HC_AGAIN)
        if (!v->pgt_old.n) {
            v->pgt_old = m;
            return;
        }
}

long pgt_finish(struct vcpu *v)
{
    struct table_walk t = {0};

    if (likely(!v->pgt_old.n))
        return 0;
    if (table_put(v->pgt_old, &t) == HC_AGAIN)
        return HC_AGAIN;
    v->pgt_old = mfn(0);
    return 0;
}

static void upper_written(struct domain *d, unsigned int level, uint64_t *slot, uint64_t e)
{
    __atomic_fetch_add(&d->mem.upper_changes, 1, __ATOMIC_RELEASE);
    if (unlikely(pgt_l4_copied) && level == 4)
        pgt_l4_written(ptr_mfn(slot), (unsigned int)((uintptr_t)slot & FRAME_MASK) / 8, e);
}

long upper_update(struct vcpu *v, struct domain *d, unsigned int level, uint64_t *slot, uint64_t e,
                  bool keep_ad)
{
    uint64_t old = pte_read(slot);
    struct table_walk t = {0};
    uint64_t put;
    bool held;
    long error;

    if (level == 4 && ((uintptr_t)slot & FRAME_MASK) / 8 - HV_SLOT < ARRAY_SIZE(hv_l4_slots))
        return -XEN_EINVAL;
    if (e & PTE_P) {
        if (e & LN_BAD)
            return -XEN_EINVAL;
        e |= PTE_US;
        while ((old & PTE_P) && !((old ^ e) & ~FREE_BITS)) {
            put = keep_ad ? e | (old & (PTE_A | PTE_D)) : e;
            if (__atomic_compare_exchange_n(slot, &old, put, 0, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                upper_written(d, level, slot, put);
                return 0;
            }
        }
        error = table_get(mfn(pte_frame(e)), d, level - 1, &t, &held);
        if (error) {
            if (held)
                table_unhold_slow(v, mfn(pte_frame(e)));
            return error;
        }
    } else if (l1tf_bad(d, e)) {
        return -XEN_EINVAL;
    }
    do {
        put = keep_ad && (old & e & PTE_P) ? e | (old & (PTE_A | PTE_D)) : e;
    } while (!__atomic_compare_exchange_n(slot, &old, put, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    upper_written(d, level, slot, put);
    if (old & PTE_P)
        table_unhold_slow(v, mfn(pte_frame(old)));
    return 0;
}

/* ---- walks ---------------------------------------------------------------------------------- */

int pgt_walk_entry(struct vcpu *v, uint64_t va, uint64_t *pte)
{
    mfn_t l1;
    uint64_t *slot = walk_hold(v, va, &l1);

    if (!slot)
        return -XEN_EFAULT;
    *pte = pte_read(slot);
    table_unhold(v, l1);
    return 0;
}

int pgt_walk_frame(struct vcpu *v, uint64_t va, mfn_t *frame)
{
    uint64_t e;

    if (pgt_walk_entry(v, va, &e) || !(e & PTE_P))
        return -XEN_EFAULT;
    *frame = mfn(pte_frame(e));
    return 0;
}

/* ---- writes that fault ---------------------------------------------------------------------- */

/* The instruction done on the entry, as often as others get in between. */
static bool carry_out(const struct l1_ctx *c, const struct insn *insn, struct insn_regs *regs,
                      uint64_t *slot)
{
    unsigned int shift = 8 * (insn->addr & 7);
    uint64_t mask = insn->width == 8 ? ~0UL : bit64(8u * insn->width) - 1;

    for (;;) {
        struct insn_regs next = *regs;
        uint64_t old = pte_read(slot), value;
        int error = 0;

        if (insn_apply(insn, old >> shift, &next, &value))
            error = l1_replace(c, slot, old, (old & ~(mask << shift)) | (value & mask) << shift);
        if (error == -XEN_EAGAIN)
            continue;
        if (error)
            return false;
        *regs = next;
        return true;
    }
}

/*
 * The L1 entry that lies at va, which v's tables map read-only, and a use of its table; NULL: va is
 * no such place. The walk holds nothing: should tables change under it, what it finds is judged by
 * its own word, and may then be any L1 of the domain, which the guest could have named as well.
 */
static uint64_t *fault_slot(struct vcpu *v, uint64_t va, mfn_t *l1)
{
    const uint64_t *entry = walk_find(v, va);
    uint64_t e, n;

    if (unlikely(!entry))
        return NULL;
    e = pte_read(entry);
    n = pte_frame(e);
    if ((e & (PTE_P | PTE_RW)) != PTE_P || n >= frame_max)
        return NULL;
    *l1 = mfn(n);
    if (!l1_use(v->dom, *l1))
        return NULL;
    return (uint64_t *)mfn_ptr(*l1) + (va >> 3 & (ENTRIES - 1));
}

bool pgt_write_masked(struct vcpu *v, uint64_t va, uint64_t keep, uint64_t bits, uint64_t *old)
{
    const struct l1_ctx c = l1_ctx(v->dom, v->dom);
    uint64_t *slot;
    int error;
    mfn_t l1;

    slot = fault_slot(v, va, &l1);
    if (!slot)
        return false;
    do {
        *old = pte_read(slot);
        error = l1_replace(&c, slot, *old, (*old & keep) | bits);
    } while (unlikely(error == -XEN_EAGAIN));
    table_unhold(v, l1);
    return !error;
}

bool pgt_write_fault(struct vcpu *v, struct insn_regs *regs, uint64_t va)
{
    const struct l1_ctx c = l1_ctx(v->dom, v->dom);
    uint8_t code[GUEST_CODE_MAX];
    struct insn insn;
    bool done = false;
    uint64_t *slot;
    size_t length;
    mfn_t l1;

    if (!gaddr_ok(va, 8))
        return false;
    slot = fault_slot(v, va, &l1);
    if (!slot)
        return false;
    length = guest_fetch(code, regs->rip);
    if (length && !insn_decode(code, length, regs, &insn) && insn.addr == va &&
        (va & 7) + insn.width <= 8 && insn.op != INSN_MOVS && insn.op != INSN_CMPXCHG8B)
        done = carry_out(&c, &insn, regs, slot);
    table_unhold(v, l1);
    return done;
}

/* ---- grants --------------------------------------------------------------------------------- */

/* The L1 table of the address `at`, found by a walk; v's hint then says so. */
static __attribute__((noinline)) bool far_table(struct vcpu *v, uint64_t at)
{
    uint64_t changes = __atomic_load_n(&v->dom->mem.upper_changes, __ATOMIC_ACQUIRE);
    uint64_t *slot = gaddr_ok(at, FRAME_SIZE) ? walk_find(v, at) : NULL;

    if (slot)
        v->hint = (struct pgt_hint){at >> 21, changes, v->arch.kernel_l4, ptr_mfn(slot)};
    return slot;
}

/* The L1 entry that `at` names, with a use of its table. */
static inline uint64_t *grant_slot(struct vcpu *v, uint64_t at, unsigned int flags, mfn_t *l1)
{
    const struct pgt_hint *h = &v->hint;

    if (unlikely(flags & PGT_GRANT_PTE)) {
        *l1 = maddr_mfn(at);
        if ((at & 7) || l1->n >= frame_max || !l1_use(v->dom, *l1))
            return NULL;
        return (uint64_t *)mfn_ptr(*l1) + (at & FRAME_MASK) / 8;
    }
    if (unlikely(at & FRAME_MASK))
        return NULL;
    if (unlikely(at >> 21 != h->region) || unlikely(!mfn_eq(h->root, v->arch.kernel_l4)) ||
        unlikely(h->changes != __atomic_load_n(&v->dom->mem.upper_changes, __ATOMIC_ACQUIRE)))
        if (!far_table(v, at))
            return NULL;
    *l1 = h->l1;
    if (unlikely(!l1_use(v->dom, *l1)))
        return NULL;
    return (uint64_t *)mfn_ptr(*l1) + (at >> FRAME_SHIFT & (ENTRIES - 1));
}

int pgt_grant_map(struct vcpu *v, struct domain *owner, mfn_t m, uint64_t at, unsigned int avail,
                  unsigned int flags)
{
    const struct l1_ctx c = l1_ctx(v->dom, owner);
    uint64_t e = mfn_maddr(m) | PTE_P | PTE_A | PTE_D | PTE_NX | ((uint64_t)(avail & 7) << 9);
    mfn_t l1;
    uint64_t *slot = grant_slot(v, at, flags, &l1);

    if (!slot)
        return -XEN_EINVAL;
    if (!(flags & PGT_GRANT_READONLY))
        e |= PTE_RW;
    if (flags & PGT_GRANT_USER)
        e |= PTE_US;
    int error = l1_update(&c, slot, e, false);
    table_unhold(v, l1);
    return error;
}

int pgt_grant_unmap(struct vcpu *v, mfn_t m, uint64_t at, unsigned int flags)
{
    uint64_t rights = flags & PGT_GRANT_READONLY ? 0 : PTE_RW, old;
    int error = -XEN_EINVAL;
    mfn_t l1;
    uint64_t *slot = grant_slot(v, at, flags, &l1);

    if (!slot)
        return -XEN_EINVAL;
    old = pte_read(slot);
    /* The whole entry must be the one that was made: frame, present, rights (XSA-234). */
    while (pte_frame(old) == m.n && (old & (PTE_P | PTE_RW)) == (PTE_P | rights))
        if (__atomic_compare_exchange_n(slot, &old, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            l1_drop(old);
            error = 0;
            break;
        }
    table_unhold(v, l1);
    return error;
}
