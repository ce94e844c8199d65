/* What one entry may hold: L1 entries off the short path, descriptors, entries that are not
 * present.
 *
 * The rules of an L1 entry, in order: no bit that is not known; a frame that is RAM must belong to
 * the domain that the caller may map frames of, and be neither table nor descriptors if the entry
 * is writable; a frame that is no RAM must be allowed by the machine; other cache attributes than
 * write-back are for domains with devices. */
#include "abi/abi.h"
#include "core/pgtype/pgtype.h"
#include "core/pgtype/entry.h"
#include "port/tlb.h"

bool pgt_l4_copied;
uint8_t pgt_l1tf;
uint64_t pgt_l1tf_mask = PTE_ADDR;

/* A device's frame. Needs no count: it is never freed and never of a type. */
static int hold_device(const struct l1_ctx *c, uint64_t *e, uint64_t n)
{
    switch (pgt_io_access(c->mapper, mfn(n))) {
    case PGT_IO_FULL:
        return 0;
    case PGT_IO_READ_ONLY:
        *e &= ~PTE_RW;
        return 0;
    default:
        /* Xen tells apart who asks for no frame at all. */
        return n == PTE_ADDR >> FRAME_SHIFT ? -XEN_EINVAL : -XEN_EPERM;
    }
}

int l1_hold_slow(const struct l1_ctx *c, uint64_t *e)
{
    uint64_t n = pte_frame(*e);

    if ((*e & PTE_CACHE) && !c->mapper->mem.io_caches)
        return -XEN_EINVAL;
    if (n >= frame_max || frame_words[n] == NOT_RAM)
        return hold_device(c, e, n);
    if (*e & PTE_RW) {
        if (page_get_use(mfn(n), c->from, PGT_WRITABLE))
            return -XEN_EBUSY;
    } else if (!page_get(mfn(n), c->from)) {
        return -XEN_EBUSY;
    }
    /* Caches are flushed when it is freed: the next owner's view is write-back (XSA-402). */
    if ((*e & PTE_CACHE) && !(frame_words[n] & FRAME_UNCACHED))
        __atomic_fetch_or(&frame_words[n], FRAME_UNCACHED, __ATOMIC_ACQ_REL);
    return 0;
}

void l1_drop_slow(uint64_t e)
{
    uint64_t n = pte_frame(e);

    if (n >= frame_max || frame_words[n] == NOT_RAM)
        return;
    if (e & PTE_RW)
        page_put_use(mfn(n));
    else
        page_put(mfn(n));
}

/* Speculation past a not-present entry reads the cache line its address names. All-zero is safe
 * (frame 0 is never in use), and so is an address above all RAM, as kernels that know the flaw
 * write. */
bool l1tf_names_memory(const struct domain *d, uint64_t e)
{
    uint64_t address = e & PTE_ADDR & pgt_l1tf_mask;

    return (pgt_l1tf & 1u << d->is_dom0) && address && address >> FRAME_SHIFT < frame_max;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

#define DESC_P         ((uint64_t)1 << 47)
#define DESC_S         ((uint64_t)1 << 44)
#define DESC_DPL       ((uint64_t)3 << 45)
#define DESC_TYPE      ((uint64_t)0xf << 40)
#define DESC_CALL_GATE ((uint64_t)0xc << 40)

/* Code and data segments, all in ring 3. LDT, TSS and gates are the hypervisor's; a call gate is
 * stored as Xen stores it, for ring 0 only, so that ring 3 gets #GP from using it. Type 0 (the
 * second half of something) and what is not present the processor refuses to load. */
bool desc_allowed(uint64_t *desc)
{
    if (!(*desc & DESC_P))
        return true;
    if (!(*desc & DESC_S)) {
        if ((*desc & DESC_TYPE) == DESC_CALL_GATE)
            *desc &= ~DESC_DPL;
        return !(*desc & DESC_TYPE) || (*desc & DESC_TYPE) == DESC_CALL_GATE;
    }
    *desc |= DESC_DPL;
    return true;
}

bool segdesc_check(void *frame)
{
    uint64_t *desc = frame;

    for (unsigned int i = 0; i < FRAME_SIZE / 8; i++) {
        uint64_t d = desc[i];

        if (!desc_allowed(&d))
            return false;
        if (d != desc[i])
            desc[i] = d;
    }
    return true;
}

int desc_update(struct domain *d, uint64_t maddr, uint64_t desc)
{
    mfn_t m = maddr_mfn(maddr);
    enum page_type type = PGT_SEGDESC;

    if ((maddr & 7) || !desc_allowed(&desc))
        return -XEN_EINVAL;
    if (m.n >= frame_max)
        return -XEN_EINVAL;
    /* A table that is not (or no longer) loaded is ordinary memory. */
    if (!(*frame_word(m) & FRAME_USES) ||
        (*frame_word(m) & FRAME_TYPE) >> FRAME_TYPE_SHIFT != PGT_SEGDESC)
        type = PGT_WRITABLE;
    if (page_get_use(m, d, type))
        return -XEN_EINVAL;
    __atomic_store_n((uint64_t *)mfn_ptr(m) + (maddr & FRAME_MASK) / 8, desc, __ATOMIC_RELAXED);
    page_put_use(m);
    return 0;
}
