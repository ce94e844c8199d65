/* From what a processor is to what it needs. A processor that says itself that it has no flaw (bits
 * ..._NO of MSR 10a and of AMD's leaves) is believed; else its family and model decide, and a model
 * that is not known counts as affected. */
#include "core/guard/guard.h"

#include "base/bits.h"

#define VENDOR_INTEL 0x756e6547u /* "Genu" */
#define VENDOR_AMD   0x68747541u /* "Auth" */
#define VENDOR_HYGON 0x6f677948u /* "Hygo" */

/* MSR 10a (IA32_ARCH_CAPABILITIES). */
#define CAP_RDCL_NO    bit64(0)
#define CAP_IBRS_ALL   bit64(1)
#define CAP_RSBA       bit64(2)
#define CAP_SSB_NO     bit64(4)
#define CAP_MDS_NO     bit64(5)
#define CAP_TAA_NO     bit64(8)
#define CAP_MMIO_NO    (bit64(13) | bit64(14) | bit64(15)) /* SBDR_SSDP, FBSDP, PSDP */
#define CAP_FB_CLEAR   bit64(17)
#define CAP_RRSBA      bit64(19)
#define CAP_RFDS_NO    bit64(27)
#define CAP_RFDS_CLEAR bit64(28)

#define B7_RTM        (1u << 11)
#define D7_MD_CLEAR   (1u << 10)
#define D7_IBRSB      (1u << 26) /* IBRS and IBPB */
#define D7_STIBP      (1u << 27)
#define D7_SSBD       (1u << 31)
#define BE8_IBPB      (1u << 12)
#define BE8_IBRS      (1u << 14)
#define BE8_STIBP     (1u << 15)
#define BE8_SSBD      (1u << 24)
#define BE8_SSB_NO    (1u << 26)
#define BE8_BTC_NO    (1u << 29)
#define A21_AUTO_IBRS (1u << 8)
#define A21_SRSO_NO   (1u << 29)

/* Intel's models of family 6 that differ from the main line. */
enum {
    IN_ORDER = 1,   /* Atom before Silvermont: no speculation */
    SMALL = 2,      /* Silvermont, Airmont, Xeon Phi: Meltdown and store buffers, no L1TF */
    SMALL_NEW = 4,  /* Goldmont and after: Meltdown (unless RDCL_NO), no L1TF, no MDS */
    NEHALEM = 8,    /* up to Westmere: the L1 cache has 44 address bits */
    RETPOLINE = 16, /* up to Broadwell: RET never asks the branch predictor */
};

static unsigned int intel_kind(uint32_t model)
{
    static const struct {
        uint8_t model, kind;
    } kinds[] = {
        {0x1c, IN_ORDER},  {0x26, IN_ORDER},  {0x27, IN_ORDER},  {0x35, IN_ORDER},
        {0x36, IN_ORDER},  {0x37, SMALL},     {0x4a, SMALL},     {0x4c, SMALL},
        {0x4d, SMALL},     {0x5a, SMALL},     {0x5d, SMALL},     {0x65, SMALL},
        {0x6e, SMALL},     {0x75, SMALL},     {0x57, SMALL},     {0x85, SMALL},
        {0x5c, SMALL_NEW}, {0x5f, SMALL_NEW}, {0x7a, SMALL_NEW}, {0x86, SMALL_NEW},
        {0x96, SMALL_NEW}, {0x9c, SMALL_NEW}, {0x1a, NEHALEM},   {0x1e, NEHALEM},
        {0x1f, NEHALEM},   {0x2e, NEHALEM},   {0x25, NEHALEM},   {0x2c, NEHALEM},
        {0x2f, NEHALEM},   {0x2a, RETPOLINE}, {0x2d, RETPOLINE}, {0x3a, RETPOLINE},
        {0x3e, RETPOLINE}, {0x3c, RETPOLINE}, {0x3f, RETPOLINE}, {0x45, RETPOLINE},
        {0x46, RETPOLINE}, {0x3d, RETPOLINE}, {0x47, RETPOLINE}, {0x4f, RETPOLINE},
        {0x56, RETPOLINE},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i].model == model)
            return kinds[i].kind;
    /* Core and Core 2; the rest is Skylake or later. */
    return model < 0x1a ? RETPOLINE : 0;
}

static bool buffers_leak(const struct guard_cpu *c, unsigned int kind)
{
    if (c->arch_caps & CAP_MDS_NO) {
        if ((c->b7 & B7_RTM) && !(c->arch_caps & CAP_TAA_NO))
            return true;
    } else if (!(kind & (SMALL_NEW | IN_ORDER))) {
        return true;
    }
    /* The later two are told by the microcode that cures them; the models are many. */
    return ((c->arch_caps & CAP_FB_CLEAR) && (c->arch_caps & CAP_MMIO_NO) != CAP_MMIO_NO) ||
           ((c->arch_caps & CAP_RFDS_CLEAR) && !(c->arch_caps & CAP_RFDS_NO));
}

static uint32_t intel_flaws(const struct guard_cpu *c, unsigned int kind)
{
    uint32_t flaws = FLAW_SPECTRE_V2;

    if (c->family != 6)
        return flaws | (c->arch_caps & CAP_RDCL_NO ? 0 : FLAW_MELTDOWN);
    if (kind & IN_ORDER)
        return 0;
    if (!(c->arch_caps & CAP_RDCL_NO)) {
        flaws |= FLAW_MELTDOWN;
        if (!(kind & (SMALL | SMALL_NEW)))
            flaws |= FLAW_L1TF;
    }
    if (buffers_leak(c, kind))
        flaws |= FLAW_BUFFERS;
    if (!(c->arch_caps & CAP_SSB_NO))
        flaws |= FLAW_SSB;
    if (!(c->arch_caps & CAP_IBRS_ALL) &&
        (!(kind & ~(unsigned int)IN_ORDER) || (c->arch_caps & (CAP_RSBA | CAP_RRSBA))))
        flaws |= FLAW_RETBLEED;
    return flaws;
}

static uint32_t amd_flaws(const struct guard_cpu *c)
{
    uint32_t flaws = FLAW_SPECTRE_V2;

    if (!(c->be8 & BE8_SSB_NO))
        flaws |= FLAW_SSB;
    /* Branch type confusion in Zen 1 and 2, SRSO up to Zen 4: IBPB is the cure for both. */
    if ((c->family == 0x17 || c->family == 0x18) && !(c->be8 & BE8_BTC_NO))
        flaws |= FLAW_RETBLEED;
    if (c->family == 0x19 && !(c->a21 & A21_SRSO_NO))
        flaws |= FLAW_RETBLEED;
    return flaws;
}

static bool said(int8_t say, bool by_itself)
{
    return say ? say == SAY_YES : by_itself;
}

static void choose_spectre(struct guard *g, const struct guard_cpu *c, const struct guard_say *s,
                           bool amd, bool wanted)
{
    bool has_ibrs = amd ? c->be8 & BE8_IBRS : c->d7 & D7_IBRSB;
    bool has_ibpb = amd ? c->be8 & BE8_IBPB : c->d7 & D7_IBRSB;
    bool has_stibp = amd ? c->be8 & BE8_STIBP : c->d7 & D7_STIBP;
    bool has_ssbd = amd ? c->be8 & BE8_SSBD : c->d7 & D7_SSBD;
    bool v2 = wanted && (g->flaws & FLAW_SPECTRE_V2);

    /* The hypervisor has no indirect jumps, and the three indirect calls that guests can cause are
     * retpolines. So what remains to be led astray is RET: by the return predictor, which SMEP
     * makes harmless as guests run in user mode, or where RET is predicted like a jump. */
    g->auto_ibrs = amd && (c->a21 & A21_AUTO_IBRS) && said(s->ibrs, v2);
    if (c->arch_caps & CAP_IBRS_ALL)
        g->spec_ctrl |= said(s->ibrs, v2) ? SPEC_CTRL_IBRS : 0;
    else if (!g->auto_ibrs && has_ibrs)
        g->ibrs_entry = said(s->ibrs, !amd && v2 && (g->flaws & FLAW_RETBLEED));
    g->rsb_entry = said(s->rsb, v2 && !c->smep);
    if (has_ibpb) {
        g->ibpb_switch = said(s->ibpb, v2);
        g->ibpb_entry = said(s->ibpb_entry, amd && v2 && (g->flaws & FLAW_RETBLEED));
    }
    /* Guests cannot reach MSR 48, so what would be theirs to choose is set for all of them. */
    if (has_stibp && said(s->stibp, v2))
        g->spec_ctrl |= SPEC_CTRL_STIBP;
    if (has_ssbd && said(s->ssbd, false))
        g->spec_ctrl |= SPEC_CTRL_SSBD;
}

/* Bits that the L1 cache compares: from Nehalem on as many as here, whatever CPUID admits. */
static unsigned int l1_address_bits(const struct guard_cpu *c, unsigned int kind)
{
    unsigned int bits = kind & NEHALEM ? 44 : c->model < 0x1a ? 0 : 46;

    return c->phys_bits > bits ? c->phys_bits : bits;
}

void guard_choose(struct guard *g, const struct guard_cpu *c, const struct guard_say *s)
{
    bool amd = c->vendor == VENDOR_AMD || c->vendor == VENDOR_HYGON;
    unsigned int kind = c->vendor == VENDOR_INTEL && c->family == 6 ? intel_kind(c->model) : 0;
    bool wanted = s->all != SAY_NO, own = said(s->own, wanted);

    *g = (struct guard){0};
    if (amd)
        g->flaws = amd_flaws(c);
    else if (c->vendor == VENDOR_INTEL)
        g->flaws = intel_flaws(c, kind);
    else /* not known: the worst that does not need models to tell */
        g->flaws = FLAW_SPECTRE_V2 | (c->arch_caps & CAP_RDCL_NO ? 0 : FLAW_MELTDOWN);
    for (unsigned int d = 0; d < GUARD_DOMS; d++) {
        g->xpti[d] = said(s->xpti[d], wanted && (g->flaws & FLAW_MELTDOWN));
        /* As Xen: dom0 can read all memory anyway, and may be an old kernel. */
        g->l1tf[d] = said(s->l1tf[d], d == GUARD_DOMU && wanted && (g->flaws & FLAW_L1TF));
    }
    g->l1tf_mask = bit64(l1_address_bits(c, kind)) - 1;
    g->verw_helps = (c->d7 & D7_MD_CLEAR) || (c->arch_caps & (CAP_FB_CLEAR | CAP_RFDS_CLEAR));
    g->verw = said(s->verw, own && (g->flaws & FLAW_BUFFERS) && g->verw_helps);
    choose_spectre(g, c, s, amd, own);
}
