/* The flush clock: see tlb.c. */
#ifndef X86_TLB_H
#define X86_TLB_H

#include "x86/percpu.h"

extern uint32_t tlb_clock;

/* This CPU has just dropped all guest entries of its TLB. */
static inline void tlb_note_flush(struct percpu *pc)
{
    __atomic_store_n(&pc->flushed, __atomic_load_n(&tlb_clock, __ATOMIC_SEQ_CST), __ATOMIC_RELEASE);
}

#endif
