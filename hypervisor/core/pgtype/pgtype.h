/* Page tables of PV guests: which frame may be what, and every change of an entry.
 *
 * A guest's tables are the machine's. So each entry is checked before the processor can see it: a
 * frame that is in use as a page table (or holds descriptors) is never mapped writable, and tables
 * hold only frames that their owner may map. core/frame/frame.h has the counts this rests on;
 * check.c says which bits an entry may have; docs/contributor/pgtype.md explains.
 *
 * Long work is cut: functions that say so return HC_AGAIN (as a long), with everything in a state
 * from which the same call goes on. What a vcpu has begun to drop but not finished waits in
 * vcpu.pgt_old; pgt_finish() goes on with it and every hypercall here calls it first. */
#ifndef CORE_PGTYPE_PGTYPE_H
#define CORE_PGTYPE_PGTYPE_H

#include "abi/abi.h"
#include "core/dom/domain.h"
#include "core/frame/frame.h"

/* Entries for L4 slots 256-271: every validated L4 gets them. Filled by the machine before dom0. */
extern uint64_t hv_l4_slots[16];

/* The processor leaks cached memory through not-present entries with an address (L1TF, XSA-273):
 * such entries are refused then, unless the address lies above all RAM (as fixed kernels write
 * them). Set by the machine before dom0: bit GUARD_DOMU, GUARD_DOM0 by whose tables are checked,
 * and the address bits that the cache looks at. */
extern uint8_t pgt_l1tf;
extern uint64_t pgt_l1tf_mask;

/* ---- base pointers -------------------------------------------------------------------------- */

/* v's tables: kernel L4 and user L4 (MFN_NONE: none), each validated as an L4 of v's domain; the
 * old ones are dropped. For a vcpu that does not run, or the current one (which then must load
 * CR3). 0, -XEN_EINVAL (nothing changed), HC_AGAIN (call again with the same). */
long pgt_set_base(struct vcpu *v, mfn_t kernel, mfn_t user);
/* Drops both and what v has pending. v never runs again. 0 or HC_AGAIN. */
long pgt_drop_base(struct vcpu *v);
/* Goes on with what the running vcpu v has left half-dropped. 0 or HC_AGAIN. */
long pgt_finish(struct vcpu *v);

/* For the tools and for guests: pins m of d as a table of that level, or unpins it. */
long pgt_pin(struct vcpu *v, struct domain *d, mfn_t m, unsigned int level);
long pgt_unpin(struct vcpu *v, struct domain *d, mfn_t m);

/* MMUEXT_NEW_BASEPTR and NEW_USER_BASEPTR of the current vcpu; the machine is told by
 * pgt_base_changed() below. Fast when the L4 is validated already. */
long pgt_new_base(struct vcpu *v, mfn_t kernel);
long pgt_new_user_base(struct vcpu *v, mfn_t user); /* mfn 0: none */

/* ---- page faults ---------------------------------------------------------------------------- */

struct insn_regs;

/* A write of v's kernel faulted on a present, read-only entry at va. When va maps an L1 table of
 * its own, the instruction at regs->rip is carried out as an update of that entry, registers, flags
 * and rip move on, and true is returned. False: not such a write, or one that is refused: the guest
 * gets its fault, and regs are as before. */
bool pgt_write_fault(struct vcpu *v, struct insn_regs *regs, uint64_t va);

/* The same where the instruction is known: the entry at va becomes (entry & keep) | bits in one
 * step; *old is what it was. False: as above. */
bool pgt_write_masked(struct vcpu *v, uint64_t va, uint64_t keep, uint64_t bits, uint64_t *old);

/* The machine's glue around it (x86/pv/ptwr.c). */
struct guest_regs;
bool ptwr_fault(struct vcpu *v, struct guest_regs *r, uint64_t va);

/* The frame that va maps in v's kernel tables (present, user-accessible as guest entries are). */
NODISCARD int pgt_walk_frame(struct vcpu *v, uint64_t va, mfn_t *frame);
/* The L1 entry for va, its value now: 0 or -XEN_EFAULT. */
NODISCARD int pgt_walk_entry(struct vcpu *v, uint64_t va, uint64_t *pte);

/* ---- grant mappings ------------------------------------------------------------------------- */

enum {
    PGT_GRANT_PTE = 1, /* `at` is the machine address of an L1 entry, else an address */
    PGT_GRANT_READONLY = 2,
    PGT_GRANT_USER = 4, /* also for the guest's user mode (GNTMAP_application_map) */
};

/* Enters frame m of domain `owner` at `at` in page tables of v's domain (of v's kernel tables when
 * `at` is an address). The entry holds a reference of its own, as every entry does: the grant's
 * references are the caller's own affair. avail: bits for PTE bits 9-11 (low three), as
 * GNTMAP_guest_avail carries them. What the entry held before is dropped. The caller flushes
 * nothing: a new mapping needs none, an old one replaced is the guest's affair. 0; -XEN_EINVAL: no
 * such entry, misaligned, not a valid L1 of v's domain, m not mappable so. */
NODISCARD int pgt_grant_map(struct vcpu *v, struct domain *owner, mfn_t m, uint64_t at,
                            unsigned int avail, unsigned int flags);
/* Clears the entry at `at` if it is present, maps exactly m and is writable exactly when READONLY
 * is not given; drops its reference. -XEN_EINVAL otherwise, nothing changed. The caller must flush
 * the TLBs (once per batch) before it reports the grant unmapped. */
NODISCARD int pgt_grant_unmap(struct vcpu *v, mfn_t m, uint64_t at, unsigned int flags);

/* ---- descriptors ---------------------------------------------------------------------------- */

/* May a guest have this 8-byte descriptor? Adjusted in place (DPL 3 for RPL 0 kernel segments). */
bool desc_allowed(uint64_t *desc);
/* HYPERVISOR_update_descriptor: 0 or -XEN_EINVAL. */
NODISCARD int desc_update(struct domain *d, uint64_t maddr, uint64_t desc);

/* ---- asked of the machine (x86) ------------------------------------------------------------- */

/* v's base pointers have changed (arch.kernel_l4, arch.user_l4): load CR3 if v is current. */
void pgt_base_changed(struct vcpu *v);
/* Where processors run guests on copies of their L4 (XPTI): an entry of a valid L4 is now `entry`,
 * and what it was is about to be dropped; an L4 is none any more. Called if pgt_l4_copied. */
extern bool pgt_l4_copied;
void pgt_l4_written(mfn_t l4, unsigned int index, uint64_t entry);
void pgt_l4_gone(mfn_t l4);
/* May domain d map this frame that is no RAM? PGT_IO_* */
enum { PGT_IO_DENIED, PGT_IO_READ_ONLY, PGT_IO_FULL };
unsigned int pgt_io_access(const struct domain *d, mfn_t m);
/* SET_LDT of the current vcpu. */
int pgt_set_ldt(struct vcpu *v, uint64_t va, uint64_t entries);
/* set_gdt of the current vcpu. */
int pgt_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries);

/* ---- for tests and the debug key ------------------------------------------------------------ */

/* Checks every entry of every table against the frame it names; number of violations, each logged.
 * Nothing may run. */
unsigned int pgt_audit(void);
/* The same, and recounts: no frame has fewer counts than entries. room: zeroed, one per frame. */
struct pgt_tally {
    uint32_t uses, refs;
};
unsigned int pgt_audit_with(struct pgt_tally *room);

#endif
