/* Which defences against speculation a processor needs: what it is and says of itself, and what the
 * options say, go in; a choice and its description come out. Pure; x86/guard.c reads the processor
 * and does what was chosen. docs/contributor/security.md explains each and what it costs. */
#ifndef CORE_GUARD_GUARD_H
#define CORE_GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* What the choice rests on. Words that the processor does not have are 0. */
struct guard_cpu {
    uint32_t vendor;           /* EBX of CPUID leaf 0 */
    uint32_t family, model;    /* with their extensions */
    uint32_t b7, d7, be8, a21; /* CPUID 7.EBX, 7.EDX, 80000008.EBX, 80000021.EAX */
    uint64_t arch_caps;        /* MSR 10a; 0 without CPUID 7.EDX bit 29 */
    uint8_t phys_bits;
    bool smep; /* there, and not switched off */
};

/* What an option said; all zeroes: nothing. */
enum { SAY_YES = 1, SAY_NO = -1 };
enum { GUARD_DOMU, GUARD_DOM0, GUARD_DOMS };
struct guard_say {
    int8_t all; /* spec-ctrl=no: none of them unless it is named */
    int8_t own; /* spec-ctrl=xen: those between guest and hypervisor, and between guests */
    int8_t ibrs, ibpb, ibpb_entry, rsb, verw, ssbd, stibp;
    int8_t xpti[GUARD_DOMS], l1tf[GUARD_DOMS];
    uint16_t unused; /* bits of items of spec-ctrl that have no meaning here */
};

/* Flaws, as bits; guard_names() puts them into words. */
enum {
    FLAW_MELTDOWN = 1,
    FLAW_L1TF = 2,
    FLAW_BUFFERS = 4, /* MDS, TAA, stale data of MMIO, register files: cleared by VERW */
    FLAW_SPECTRE_V2 = 8,
    FLAW_RETBLEED = 16, /* RET is predicted like a jump */
    FLAW_SSB = 32,
};

/* Bits of MSR 48 and 49. */
#define SPEC_CTRL_IBRS  1u
#define SPEC_CTRL_STIBP 2u
#define SPEC_CTRL_SSBD  4u

struct guard {
    uint32_t flaws;
    bool xpti[GUARD_DOMS]; /* no hypervisor secrets in the page tables that such a domain runs on */
    bool l1tf[GUARD_DOMS]; /* refuse entries that are not present and name memory */
    uint64_t l1tf_mask;    /* address bits that the L1 cache looks at */
    bool verw;             /* on each way to a guest */
    bool verw_helps;       /* the microcode clears buffers by it */
    bool ibrs_entry;       /* IBRS on from each entry to the way out */
    bool auto_ibrs;        /* AMD: EFER bit 21 does it all */
    bool rsb_entry;        /* fill the return predictor on each entry */
    bool ibpb_entry;       /* forget branches on each entry from a guest but dom0 */
    bool ibpb_switch;      /* forget branches when another vcpu comes to the processor */
    uint32_t spec_ctrl;    /* MSR 48 while a guest runs; in the hypervisor too, but for IBRS */
};

void guard_choose(struct guard *g, const struct guard_cpu *cpu, const struct guard_say *say);

/* Anything that entry or exit must do: the guarded paths are to be used. */
static inline bool guard_at_door(const struct guard *g)
{
    return g->xpti[0] || g->xpti[1] || g->verw || g->ibrs_entry || g->rsb_entry || g->ibpb_entry;
}

/* Flaws, or defences, as one line of text; returns its length. */
unsigned int guard_flaw_names(const struct guard *g, char *text, unsigned int size);
unsigned int guard_names(const struct guard *g, char *text, unsigned int size);

/* The options spec-ctrl=, xpti=, pv-l1tf=. False: a bad value, *say is as it was. */
bool guard_say_spec(struct guard_say *say, const char *value, bool on);
bool guard_say_xpti(struct guard_say *say, const char *value, bool on);
bool guard_say_l1tf(struct guard_say *say, const char *value, bool on);
/* The n-th item of spec-ctrl that was given and means nothing here; NULL: no more. */
const char *guard_unused(const struct guard_say *say, unsigned int n);

#endif
