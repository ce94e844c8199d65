/* Segment selectors and descriptor windows.
 *
 * The ABI reserves GDT entries from 14 * 512 on for the hypervisor (xen.h,
 * FIRST_RESERVED_GDT_ENTRY) and fixes the flat guest selectors among them (arch-x86/xen-x86_64.h).
 * The rest of that page is ours. */
#ifndef X86_DESC_H
#define X86_DESC_H

#include "base/num.h"

#define HV_CS           0xe008
#define HV_DS           0xe010
#define FLAT_CS         0xe033
#define FLAT_SS         0xe02b
#define HV_TSS          0xe040
#define HV_LDT          0xe050
#define GDT_LIMIT       (15 * 4096 - 1)
#define GDT_GUEST_PAGES 14

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

/* Bytes from one window to the next: WINDOW_STRIDE, or 2 MiB, set before the first is made. */
extern uint64_t window_stride;

void idt_init(void);
/* From now on gates lead to table[vector * 16], and their old targets stand in targets[vector]. */
void idt_redirect(const char *table, uint64_t *targets);

/* The frame with CPU's own GDT page. */
mfn_t percpu_gdt_frame(unsigned int cpu);

struct vcpu;

/* LDT pages and frames of a GDT hold a use as SEGDESC each. For pgt_set_gdt() and pgt_set_ldt(), v
 * runs here, or nowhere; what they refuse changes nothing. */
void desc_drop_gdt(struct vcpu *v);
void desc_drop_ldt(struct vcpu *v);

/* Window of a vcpu: 32 pages of hypervisor addresses where its GDT and LDT frames are mapped. */
int window_alloc(struct vcpu *v);
void window_free(struct vcpu *v);

/* Makes v's tables the CPU's. */
void desc_load(struct vcpu *v);

/* A page fault at va inside the windows: maps an LDT page on demand. 1: done, retry; 0: not
 * ours. */
int desc_fault(struct vcpu *v, uint64_t va);

#endif
