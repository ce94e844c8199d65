/* CPUID as PV guests see it: of each feature word, the bits that the host has and the table below
 * offers. A bit is offered when a PV guest can use the feature without the hypervisor's help, or
 * with help that is given. Not offered is what needs ring 0 or real paging (PSE, PGE, PCID, SMEP,
 * SMAP, UMIP, MTRR, x2APIC, MONITOR, VMX, SVM, 1 GiB pages) and state that XCR0 is not set up for
 * (AVX-512, PKU, MPX, CET). */
#include "x86/pv/policy.h"

#include "base/string.h"
#include "core/frame/frame.h"
#include "port/frame.h"
#include "port/guestmem.h"
#include "x86/cpu.h"
#include "x86/time.h"

/* Bits offered, word by word in the order of cpufeatureset.h. */
enum { W_1D, W_1C, W_E1D, W_E1C, W_DA1, W_7B0, W_7C0, W_E7D, W_E8B, W_7D0, W_7A1, W_E21A, WORDS };

static const uint32_t offered[WORDS] = {
    [W_1D] = 0x1fc9cbf5,   /* FPU DE TSC MSR PAE MCE CX8 APIC SEP MCA CMOV PAT CLFLUSH ACPI MMX
                              FXSR SSE SSE2 SS HTT */
    [W_1C] = 0xf6d83203,   /* SSE3 PCLMUL SSSE3 FMA CX16 SSE4 MOVBE POPCNT AES XSAVE AVX F16C
                              RDRAND HYPERVISOR */
    [W_E1D] = 0xea500800,  /* SYSCALL NX MMXEXT FFXSR RDTSCP LM 3DNOW */
    [W_E1C] = 0x042109e3,  /* LAHF CMP_LEGACY ABM SSE4A MISALIGNSSE PREFETCH XOP FMA4 TBM DBEXT */
    [W_DA1] = 0x00000007,  /* XSAVEOPT XSAVEC XGETBV1 */
    [W_7B0] = 0x218c0b29,  /* FSGSBASE BMI1 AVX2 BMI2 ERMS RTM(no) RDSEED ADX CLFLUSHOPT CLWB SHA */
    [W_7C0] = 0x18400700,  /* GFNI VAES VPCLMUL RDPID MOVDIRI MOVDIR64B */
    [W_E8B] = 0x44001005,  /* CLZERO RSTR_FP_ERR IBPB SSB_NO IBPB_RET */
    [W_7D0] = 0x00004010,  /* FSRM SERIALIZE */
    [W_7A1] = 0x00001c10,  /* AVX_VNNI FZRM FSRS FSRCS */
    [W_E21A] = 0x00000044, /* LFENCE_DISPATCH NSCB */
};

/* Bits of 0x80000001.edx that AMD repeats from 1.edx. */
#define COMMON_1D      0x0183f3ffu
#define SEP            (1u << 11)
#define XSAVE          (1u << 26)
#define OSXSAVE        (1u << 27)
#define HYPERVISOR_BIT (1u << 31)
#define HTT            (1u << 28)

static struct cpuid_policy standard;

static void init_features(void)
{
    struct cpuid_regs *one = &standard.basic[1];
    struct cpuid_regs *ext = &standard.extended[1];

    one->d &= offered[W_1D] & (cpu_is_amd ? ~SEP : ~0u);
    one->c = (one->c & offered[W_1C]) | HYPERVISOR_BIT;
    ext->d &= offered[W_E1D] | (cpu_is_amd ? offered[W_1D] & COMMON_1D & ~SEP : 0);
    ext->c &= offered[W_E1C];
    standard.feat[0].b &= offered[W_7B0] & ~(1u << 11);
    standard.feat[0].c &= offered[W_7C0];
    standard.feat[0].d &= offered[W_7D0];
    standard.feat[1] = (struct cpuid_regs){.a = standard.feat[1].a & offered[W_7A1]};
    standard.feat[2] = (struct cpuid_regs){0};
}

static void init_xstate(void)
{
    standard.xstate[0] = (struct cpuid_regs){(uint32_t)cpu_xcr0, cpu_xsave_size, cpu_xsave_size, 0};
    standard.xstate[1] = (struct cpuid_regs){standard.xstate[1].a & offered[W_DA1], 0, 0, 0};
    if (!(cpu_xcr0 & 4))
        standard.xstate[2] = (struct cpuid_regs){0};
}

static void init_extended(void)
{
    struct cpuid_regs *e = standard.extended;

    for (unsigned int i = 0x9; i < POLICY_EXTENDED; i++)
        if (i != 0x19 && i != 0x1a && i != 0x1d && i != 0x1e && i != 0x21)
            e[i] = (struct cpuid_regs){0};
    e[0].a = 0x80000000 + POLICY_EXTENDED - 1;
    e[7] = (struct cpuid_regs){0};
    e[8] = (struct cpuid_regs){e[8].a, e[8].b & offered[W_E8B], e[8].c & 0xf0ff, 0};
    e[0x21] = (struct cpuid_regs){.a = (e[0x21].a | 1u << 2) & offered[W_E21A]};
}

void policy_init(void)
{
    uint32_t max = cpuid(0, 0).a;
    uint32_t max_ext = cpuid(0x80000000, 0).a;

    if (max > POLICY_BASIC - 1)
        max = POLICY_BASIC - 1;
    for (uint32_t i = 0; i <= max; i++)
        if (i != 5 && i != 6 && i != 9 && i != 0xa && i != 0xb && i != 3)
            standard.basic[i] = cpuid(i, 0);
    standard.basic[0].a = max;
    for (uint32_t i = 0; i < ARRAY_SIZE(standard.cache) && max >= 4; i++)
        standard.cache[i] = cpuid(4, i);
    for (uint32_t i = 0; i < ARRAY_SIZE(standard.feat) && max >= 7; i++)
        if (i == 0 || i <= cpuid(7, 0).a)
            standard.feat[i] = cpuid(7, i);
    standard.feat[0].a = standard.feat[0].a < 2 ? standard.feat[0].a : 2;
    for (uint32_t i = 0; i < ARRAY_SIZE(standard.xstate) && cpu_has_xsave; i++)
        standard.xstate[i] = cpuid(0xd, i);
    for (uint32_t i = 0; i < POLICY_EXTENDED && 0x80000000 + i <= max_ext; i++)
        standard.extended[i] = cpuid(0x80000000 + i, 0);
    init_features();
    init_xstate();
    init_extended();
}

/* ---- look-up -------------------------------------------------------------------------------- */

static struct cpuid_policy *policy_of(const struct domain *d)
{
    return d->arch.cpuid_policy ? d->arch.cpuid_policy : &standard;
}

static struct cpuid_regs xen_leaf(const struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    switch (leaf) {
    case 0:
        return (struct cpuid_regs){0x40000005, XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                                   XEN_CPUID_SIGNATURE_EDX};
        ROW(1, ((struct cpuid_regs){4 << 16 | 17, 0, 0, 0}));
        ROW(2, ((struct cpuid_regs){1, 0x40000000, XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0}));
    case 3:
        if (subleaf == 0)
            return (struct cpuid_regs){cpu_has_rdtscp ? 4 : 0, v->dom->tsc_mode,
                                       (uint32_t)(tsc_hz / 1000), v->dom->tsc_incarnation};
        if (subleaf == 2)
            return (struct cpuid_regs){(uint32_t)(tsc_hz / 1000), 0, 0, 0};
        return (struct cpuid_regs){0};
    case 5:
        return (struct cpuid_regs){
            0, 64u - (uint32_t)__builtin_clzl((frame_max << FRAME_SHIFT) - 1), 0, 0};
    default:
        return (struct cpuid_regs){0};
    }
}

/* Leaf 1's dynamic part: APIC id by vcpu. OSXSAVE is shown before the guest sets CR4, since the
 * stock kernel decides by it whether XSAVE may be used at all. */
static struct cpuid_regs leaf_one(const struct vcpu *v, struct cpuid_regs r)
{
    r.b = (r.b & 0x0000ffff) | (r.d & HTT ? r.b & 0x00ff0000 : 0) | (v->id * 2) << 24;
    if (r.c & XSAVE)
        r.c |= OSXSAVE;
    return r;
}

/* The entries of a leaf in a policy, *n of them by subleaf; NULL: none that a guest may have. */
static struct cpuid_regs *leaf_of(struct cpuid_policy *p, uint32_t leaf, uint32_t *n)
{
    switch (leaf) {
    case 4:
        *n = ARRAY_SIZE(p->cache);
        return p->cache;
    case 7:
        *n = ARRAY_SIZE(p->feat);
        return p->feat;
    case 0xd:
        *n = ARRAY_SIZE(p->xstate);
        return p->xstate;
    default:
        *n = 0; /* the same for all subleaves */
        return leaf < POLICY_BASIC                   ? &p->basic[leaf]
               : leaf - 0x80000000 < POLICY_EXTENDED ? &p->extended[leaf - 0x80000000]
                                                     : NULL;
    }
}

struct cpuid_regs policy_cpuid(const struct vcpu *v, uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_policy *p = policy_of(v->dom);
    uint32_t n;

    if (leaf >> 8 == 0x400000)
        return xen_leaf(v, leaf & 0xff, subleaf);
    const struct cpuid_regs *r = leaf_of(p, leaf, &n);
    if (!r || (leaf < POLICY_BASIC && leaf > p->basic[0].a) || (n && subleaf >= n))
        return (struct cpuid_regs){0};
    return leaf == 1 ? leaf_one(v, *r) : r[n ? subleaf : 0];
}

/* ---- what the tools read and write ---------------------------------------------------------- */

/* The words of features, in place; NULL: none of it is offered. */
static void feature_words(struct cpuid_policy *p, uint32_t *word[WORDS])
{
    uint32_t *const words[WORDS] = {
        [W_1D] = &p->basic[1].d,     [W_1C] = &p->basic[1].c,     [W_E1D] = &p->extended[1].d,
        [W_E1C] = &p->extended[1].c, [W_DA1] = &p->xstate[1].a,   [W_7B0] = &p->feat[0].b,
        [W_7C0] = &p->feat[0].c,     [W_E7D] = &p->extended[7].d, [W_E8B] = &p->extended[8].b,
        [W_7D0] = &p->feat[0].d,     [W_7A1] = &p->feat[1].a,     [W_E21A] = &p->extended[0x21].a,
    };

    memcpy(word, words, sizeof(words));
}

void policy_hw_caps(uint32_t cap[8])
{
    cap[0] = cpuid(1, 0).d;
    cap[1] = cpuid(1, 0).c;
    cap[2] = cpuid(0x80000001, 0).d;
    cap[3] = cpuid(0x80000001, 0).c;
    cap[4] = cpu_has_xsave ? cpuid(0xd, 1).a : 0;
    cap[5] = cpuid(0, 0).a >= 7 ? cpuid(7, 0).b : 0;
    cap[6] = cpuid(0, 0).a >= 7 ? cpuid(7, 0).c : 0;
    cap[7] = 0;
}

#define FEATURESET_WORDS 19 /* as Xen 4.17.7 counts them: words we do not offer are 0 */

long policy_featureset(struct xen_sysctl_cpu_featureset *op)
{
    uint32_t word[FEATURESET_WORDS] = {0};
    uint32_t n = FEATURESET_WORDS;

    if (op->index > XEN_SYSCTL_cpu_featureset_hvm_max)
        return -XEN_EINVAL;
    if (!HANDLE(op->features)) {
        op->nr_features = n;
        return 0;
    }
    if (op->index != XEN_SYSCTL_cpu_featureset_hvm &&
        op->index != XEN_SYSCTL_cpu_featureset_hvm_max) {
        uint32_t *words[WORDS];

        feature_words(&standard, words);
        for (unsigned int i = 0; i < WORDS; i++)
            word[i] = *words[i] & (i == W_E1D ? ~COMMON_1D : ~0u);
    }
    if (op->nr_features < n)
        n = op->nr_features;
    if (guest_write(HANDLE(op->features), word, n * sizeof(word[0])))
        return -XEN_EFAULT;
    op->nr_features = n;
    return 0;
}

struct leaf_list {
    uint64_t at;
    uint32_t n, room;
};

static long put_leaf(struct leaf_list *list, uint32_t leaf, uint32_t subleaf,
                     const struct cpuid_regs *r)
{
    xen_cpuid_leaf_t out = {leaf, subleaf, r->a, r->b, r->c, r->d};

    if (list->n == list->room)
        return -XEN_ENOBUFS;
    if (guest_write(list->at + list->n * sizeof(out), &out, sizeof(out)))
        return -XEN_EFAULT;
    list->n++;
    return 0;
}

#define LEAVES (POLICY_BASIC - 4 + 6 + 3 + 3 + POLICY_EXTENDED)

/* Every leaf with something in it, in ascending order. */
static long put_leaves(struct cpuid_policy *p, struct leaf_list *list)
{
    long error = 0;

    for (uint32_t i = 0; i < POLICY_BASIC + POLICY_EXTENDED && !error; i++) {
        uint32_t leaf = i < POLICY_BASIC ? i : 0x80000000 + i - POLICY_BASIC, n;
        const struct cpuid_regs *r = leaf_of(p, leaf, &n);

        if (leaf == 0xb)
            continue; /* topology: has subleaves, none are offered */
        if (!n)
            error = put_leaf(list, leaf, XEN_CPUID_NO_SUBLEAF, r);
        for (uint32_t s = 0; s < n && !error; s++)
            error = put_leaf(list, leaf, s, &r[s]);
    }
    return error;
}

static long put_policy(struct cpuid_policy *p, uint64_t leaves, uint32_t *nr_leaves, uint64_t msrs,
                       uint32_t *nr_msrs)
{
    struct leaf_list list = {.at = leaves, .room = *nr_leaves};
    long error = 0;

    if (leaves)
        error = put_leaves(p, &list);
    *nr_leaves = leaves ? list.n : LEAVES;
    /* No MSR is part of the policy: MSR_INTEL_PLATFORM_INFO and ARCH_CAPS are not offered. */
    *nr_msrs = msrs ? 0 : 2;
    return error;
}

long policy_host(struct xen_sysctl_cpu_policy *op)
{
    if (op->index > XEN_SYSCTL_cpu_policy_hvm_default || op->_rsvd)
        return -XEN_EINVAL;
    if (op->index == XEN_SYSCTL_cpu_policy_hvm_max ||
        op->index == XEN_SYSCTL_cpu_policy_hvm_default)
        return -XEN_EOPNOTSUPP;
    return put_policy(&standard, HANDLE(op->leaves), &op->nr_leaves, HANDLE(op->msrs),
                      &op->nr_msrs);
}

/* Features only ever go away: bits that are not offered, or not there, are dropped. */
static void limit_features(struct cpuid_policy *p)
{
    uint32_t *word[WORDS], *have[WORDS];

    feature_words(p, word);
    feature_words(&standard, have);
    for (unsigned int i = 0; i < WORDS; i++)
        if (i != W_E7D)
            *word[i] &= *have[i];
    p->basic[1].c |= HYPERVISOR_BIT;
    p->xstate[0].a &= standard.xstate[0].a;
    if (p->basic[0].a > POLICY_BASIC - 1)
        p->basic[0].a = POLICY_BASIC - 1;
}

static long set_policy(struct domain *d, struct xen_domctl_cpu_policy *op)
{
    struct cpuid_policy *p = d->arch.cpuid_policy;
    bool fresh = !p;
    long error = 0;

    if (d->vcpu[0] && d->vcpu[0]->initialised)
        return -XEN_EEXIST;
    if (op->nr_leaves > 512)
        return -XEN_E2BIG;
    if (fresh) {
        p = hv_page_alloc();
        if (!p)
            return -XEN_ENOMEM;
        memcpy(p, &standard, sizeof(*p));
    }
    for (uint32_t i = 0; i < op->nr_leaves && !error; i++) {
        xen_cpuid_leaf_t in;
        uint32_t n;

        error = guest_read(&in, HANDLE(op->leaves) + i * sizeof(in), sizeof(in));
        struct cpuid_regs *r = error ? NULL : leaf_of(p, in.leaf, &n);
        if (r && (!n || in.subleaf < n))
            r[n ? in.subleaf : 0] = (struct cpuid_regs){in.a, in.b, in.c, in.d};
    }
    limit_features(p);
    if (fresh) {
        /* Most guests get just the standard: no frame for that. */
        if (error || !memcmp(p, &standard, sizeof(*p)))
            hv_page_free(p);
        else
            d->arch.cpuid_policy = p;
    }
    return error;
}

long policy_domctl(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *c = &op->u.cpu_policy;

    if (op->cmd == XEN_DOMCTL_set_cpu_policy)
        return set_policy(d, c);
    return put_policy(policy_of(d), HANDLE(c->leaves), &c->nr_leaves, HANDLE(c->msrs), &c->nr_msrs);
}

void policy_free(struct domain *d)
{
    if (d->arch.cpuid_policy)
        hv_page_free(d->arch.cpuid_policy);
    d->arch.cpuid_policy = NULL;
}
