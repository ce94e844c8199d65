/* What keeps whole trees valid: pins and the base pointers of vcpus. Each holds one use of a
 * table. */
#include "abi/abi.h"
#include "core/pgtype/entry.h"
#include "core/pgtype/pgtype.h"
#include "port/stop.h"

/* table_get(), with what a failure leaves behind given to v to drop. */
static long get_for(struct vcpu *v, struct domain *d, mfn_t m, unsigned int level)
{
    struct table_walk t = {0};
    bool held;
    long error = table_get(m, d, level, &t, &held);

    if (unlikely(error) && held)
        table_unhold_slow(v, m);
    return error;
}

long pgt_pin(struct vcpu *v, struct domain *d, mfn_t m, unsigned int level)
{
    long error = get_for(v, d, m, level);

    if (error)
        return error;
    uint64_t was = __atomic_fetch_or(frame_word(m), FRAME_PINNED, __ATOMIC_SEQ_CST);
    if (was & FRAME_PINNED) {
        table_unhold(v, m);
        return -XEN_EINVAL;
    }
    /* Partner: mem_relinquish(), which begins after `dying` is set and looks at PINNED. */
    if (unlikely(__atomic_load_n(&d->dying, __ATOMIC_SEQ_CST)))
        return pgt_unpin(v, d, m);
    return 0;
}

long pgt_unpin(struct vcpu *v, struct domain *d, mfn_t m)
{
    uint64_t *word = frame_word(m);
    uint64_t w;

    if (m.n >= frame_max)
        return -XEN_EINVAL;
    do {
        w = word_load(word);
        if ((w & (FRAME_OWNER | FRAME_PINNED)) != (d->mem.owner | FRAME_PINNED) || w == NOT_RAM)
            return -XEN_EINVAL;
    } while (!word_cas(word, w, w & ~FRAME_PINNED));
    table_unhold(v, m);
    return 0;
}

/* ---- base pointers -------------------------------------------------------------------------- */

/* A use of a VALID L4, which is what it mostly is. */
static inline long base_get(struct vcpu *v, mfn_t m)
{
    const uint64_t mask = TABLE_MASK | FRAME_TYPE;
    const uint64_t expect =
        v->dom->mem.owner | FRAME_LIVE | FRAME_VALID | (uint64_t)PGT_L4 << FRAME_TYPE_SHIFT;

    if (likely(m.n < frame_max)) {
        uint64_t *word = frame_word(m);
        uint64_t w = word_load(word);

        if (likely((w & mask) == expect) && likely(word_cas(word, w, w + FRAME_USE1)))
            return 0;
    }
    return get_for(v, v->dom, m, 4);
}

long pgt_new_base(struct vcpu *v, mfn_t kernel)
{
    mfn_t old = v->arch.kernel_l4;

    if (!mfn_eq(old, kernel)) {
        long error = base_get(v, kernel);

        if (unlikely(error))
            return error;
        v->arch.kernel_l4 = kernel;
        pgt_base_changed(v);
        if (likely(!mfn_eq(old, MFN_NONE)))
            table_unhold(v, old);
        return 0;
    }
    pgt_base_changed(v);
    return 0;
}

long pgt_new_user_base(struct vcpu *v, mfn_t user)
{
    mfn_t old = v->arch.user_l4;

    if (!user.n)
        user = MFN_NONE;
    if (mfn_eq(old, user))
        return 0;
    if (!mfn_eq(user, MFN_NONE)) {
        long error = base_get(v, user);

        if (unlikely(error))
            return error;
    }
    v->arch.user_l4 = user;
    if (!mfn_eq(old, MFN_NONE))
        table_unhold(v, old);
    return 0;
}

long pgt_set_base(struct vcpu *v, mfn_t kernel, mfn_t user)
{
    mfn_t old_kernel = v->arch.kernel_l4, old_user = v->arch.user_l4;
    long error = pgt_finish(v);

    if (!error)
        error = get_for(v, v->dom, kernel, 4);
    if (error)
        return error;
    if (!mfn_eq(user, MFN_NONE)) {
        error = get_for(v, v->dom, user, 4);
        if (error) {
            table_unhold(v, kernel);
            return error;
        }
    }
    v->arch.kernel_l4 = kernel;
    v->arch.user_l4 = user;
    pgt_base_changed(v);
    if (!mfn_eq(old_kernel, MFN_NONE))
        table_unhold(v, old_kernel);
    if (!mfn_eq(old_user, MFN_NONE))
        table_unhold(v, old_user);
    return 0;
}

static long drop(mfn_t *m)
{
    struct table_walk t = {0};

    if (!m->n || mfn_eq(*m, MFN_NONE))
        return 0;
    if (table_put(*m, &t) == HC_AGAIN)
        return HC_AGAIN;
    *m = MFN_NONE;
    return 0;
}

long pgt_drop_base(struct vcpu *v)
{
    long again = drop(&v->arch.user_l4);

    if (!again)
        again = drop(&v->arch.kernel_l4);
    if (!again)
        again = pgt_finish(v);
    return again;
}
