/* Guest descriptor tables: what the hypercalls and vcpu contexts do with windows. */
#ifndef X86_PV_DESC_H
#define X86_PV_DESC_H

#include "core/dom/domain.h"

/*
 * Installs frames as v's GDT of `entries` descriptors, taking a descriptor-type reference to each.
 * v runs here, or nowhere. -XEN_EINVAL: too many, or a frame is not v's or not fit; unchanged then.
 */
int desc_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries);
void desc_drop_gdt(struct vcpu *v);

/* LDT of `entries` descriptors at a page-aligned guest address; 0: none. Pages are taken on use. */
int desc_set_ldt(struct vcpu *v, uint64_t va, unsigned int entries);
void desc_drop_ldt(struct vcpu *v);
void desc_load_ldt(struct vcpu *v);

#endif
