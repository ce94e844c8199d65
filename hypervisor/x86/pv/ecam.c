/* Dom0's writes to PCI configuration space through ECAM. Its mappings of the window are read-only
 * (x86/machine.c), so that each write faults and is judged as one through ports is: the messages
 * that Argon has set stay. A MOV of 1, 2 or 4 aligned bytes, which is all that config space takes;
 * anything else stays the guest's page fault. */
#include "core/insn/insn.h"
#include "core/pgtype/pgtype.h"
#include "port/guestmem.h"
#include "x86/pci.h"
#include "x86/pv/regs.h"

bool pv_ecam_write(struct vcpu *v, struct insn_regs *regs, uint64_t va)
{
    uint8_t code[GUEST_CODE_MAX];
    struct pci_register where;
    struct insn insn;
    uint64_t value;
    mfn_t frame;

    if (!v->dom->is_dom0 || pgt_walk_frame(v, va, &frame) ||
        !pci_ecam_register(mfn_maddr(frame) | (va & FRAME_MASK), &where))
        return false;
    if (insn_decode(code, guest_fetch(code, regs->rip), regs, &insn) || insn.op != INSN_MOV ||
        insn.addr != va || insn.width > 4 || (va & (insn.width - 1u)))
        return false;
    if (insn_apply(&insn, 0, regs, &value))
        pci_dom0_write(&where, insn.width, (uint32_t)value);
    return true;
}
