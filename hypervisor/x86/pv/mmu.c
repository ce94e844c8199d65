/* What core/pgtype asks of the machine: load CR3, and which device frames a domain may map. */
#include "core/pgtype/pgtype.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/machine.h"
#include "x86/tlb.h"

void pgt_base_changed(struct vcpu *v)
{
    struct percpu *pc = this_percpu();

    if (v != pc->current)
        return;
    pc->cr3 = v->arch.in_kernel ? v->arch.kernel_l4 : v->arch.user_l4;
    write_cr3(mfn_maddr(pc->cr3));
    tlb_note_flush(pc);
}

unsigned int pgt_io_access(const struct domain *d, mfn_t m)
{
    if (!d->is_dom0 || m.n >> (cpu_phys_bits - FRAME_SHIFT))
        return PGT_IO_DENIED;
    switch (iomem_access(m)) {
    case IOMEM_FULL:
        return PGT_IO_FULL;
    case IOMEM_READ_ONLY:
        return PGT_IO_READ_ONLY;
    default:
        return PGT_IO_DENIED;
    }
}
