/*
 * Which defences are chosen: a table of processors as they report themselves, each with the line
 * that the console shows; then the options, good and bad.
 */
#include "core/guard/guard.h"
#include "core/opt/opt.h"
#include "port/log.h"
#include "tests/unit/check.h"

#define INTEL 0x756e6547u
#define AMD   0x68747541u
#define D7    (1u << 26 | 1u << 27 | 1u << 31 | 1u << 29) /* IBRSB STIBP SSBD ARCH_CAPS */
#define CLEAR (1u << 10)
#define RTM   (1u << 11)
#define BE8   (1u << 12 | 1u << 14 | 1u << 15 | 1u << 24) /* IBPB IBRS STIBP SSBD */

static const struct row {
    const char *name;
    struct guard_cpu cpu;
    const char *flaws, *defences;
} rows[] = {
    {"Atom N270", {.vendor = INTEL, .family = 6, .model = 0x1c}, "none", "none"},
    {"Core 2",
     {.vendor = INTEL, .family = 6, .model = 0x17},
     "Meltdown, L1TF, MDS, Spectre v2, SSB",
     "XPTI, PV-L1TF (domU), no VERW (lacks microcode), RSB"},
    {"QEMU's Nehalem",
     {.vendor = INTEL, .family = 6, .model = 0x1a},
     "Meltdown, L1TF, MDS, Spectre v2, SSB",
     "XPTI, PV-L1TF (domU), no VERW (lacks microcode), RSB"},
    {"Haswell",
     {.vendor = INTEL, .family = 6, .model = 0x3c, .d7 = (D7 & ~(1u << 29)) | CLEAR, .smep = true},
     "Meltdown, L1TF, MDS, Spectre v2, SSB",
     "XPTI, PV-L1TF (domU), VERW, IBPB, STIBP"},
    {"Skylake-SP",
     {.vendor = INTEL,
      .family = 6,
      .model = 0x55,
      .b7 = RTM,
      .d7 = D7 | CLEAR,
      .arch_caps = 0x4,
      .smep = true},
     "Meltdown, L1TF, MDS, Spectre v2, Retbleed, SSB",
     "XPTI, PV-L1TF (domU), VERW, IBRS, IBPB, STIBP"},
    {"Skylake-SP without microcode",
     {.vendor = INTEL, .family = 6, .model = 0x55, .b7 = RTM, .smep = true},
     "Meltdown, L1TF, MDS, Spectre v2, Retbleed, SSB",
     "XPTI, PV-L1TF (domU), no VERW (lacks microcode)"},
    {"Cascade Lake, TSX on",
     {.vendor = INTEL,
      .family = 6,
      .model = 0x55,
      .b7 = RTM,
      .d7 = D7 | CLEAR,
      .arch_caps = 0x2b,
      .smep = true},
     "MDS, Spectre v2, SSB",
     "VERW, enhanced IBRS, IBPB, STIBP"},
    {"Cascade Lake, no TSX",
     {.vendor = INTEL,
      .family = 6,
      .model = 0x55,
      .d7 = D7 | CLEAR,
      .arch_caps = 0x2b,
      .smep = true},
     "Spectre v2, SSB",
     "enhanced IBRS, IBPB, STIBP"},
    {"Ice Lake-SP",
     {.vendor = INTEL,
      .family = 6,
      .model = 0x6a,
      .d7 = D7 | CLEAR,
      .arch_caps = 0x2016b,
      .smep = true},
     "MDS, Spectre v2, SSB",
     "VERW, enhanced IBRS, IBPB, STIBP"},
    {"Sapphire Rapids",
     {.vendor = INTEL,
      .family = 6,
      .model = 0x8f,
      .b7 = RTM,
      .d7 = D7 | CLEAR,
      .arch_caps = 0xe16b,
      .smep = true},
     "Spectre v2, SSB",
     "enhanced IBRS, IBPB, STIBP"},
    {"Silvermont",
     {.vendor = INTEL, .family = 6, .model = 0x37, .d7 = D7 | CLEAR, .smep = true},
     "Meltdown, MDS, Spectre v2, SSB",
     "XPTI, VERW, IBPB, STIBP"},
    {"Goldmont",
     {.vendor = INTEL, .family = 6, .model = 0x5c, .d7 = D7, .smep = true},
     "Meltdown, Spectre v2, SSB",
     "XPTI, IBPB, STIBP"},
    {"Gracemont with RFDS",
     {.vendor = INTEL, .family = 6, .model = 0xbe, .d7 = D7, .arch_caps = 0x1000e16b, .smep = true},
     "MDS, Spectre v2, SSB",
     "VERW, enhanced IBRS, IBPB, STIBP"},
    {"Pentium 4", {.vendor = INTEL, .family = 15, .model = 4}, "Meltdown, Spectre v2", "XPTI, RSB"},
    {"K10", {.vendor = AMD, .family = 0x10, .model = 4}, "Spectre v2, SSB", "RSB"},
    {"QEMU's max",
     {.vendor = AMD, .family = 0xf, .model = 0x6b, .smep = true},
     "Spectre v2, SSB",
     "none"},
    {"Zen 2",
     {.vendor = AMD, .family = 0x17, .model = 0x31, .be8 = BE8, .smep = true},
     "Spectre v2, Retbleed, SSB",
     "IBPB, IBPB on entry, STIBP"},
    {"Zen 4",
     {.vendor = AMD,
      .family = 0x19,
      .model = 0x61,
      .be8 = BE8 | 1u << 29,
      .a21 = 1u << 8,
      .smep = true},
     "Spectre v2, Retbleed, SSB",
     "automatic IBRS, IBPB, IBPB on entry, STIBP"},
    {"Zen 5",
     {.vendor = AMD,
      .family = 0x1a,
      .model = 0x44,
      .be8 = BE8 | 1u << 26 | 1u << 29,
      .a21 = 1u << 8 | 1u << 29,
      .smep = true},
     "Spectre v2",
     "automatic IBRS, IBPB, STIBP"},
    {"a maker unknown",
     {.vendor = 0x746e6543, .family = 6, .model = 15},
     "Meltdown, Spectre v2",
     "XPTI, RSB"},
};

void log_at(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

static void report(void *arg, enum opt_report what, const char *word, const char *text)
{
    (void)text;
    (void)what;
    *(const char **)arg = word;
}

/* Parses; returns whether every word was taken. */
static bool parse(struct options *o, const char *line)
{
    const char *bad = NULL;

    opt_parse_into(o, line, report, &bad);
    return !bad;
}

static const char *chosen(const struct guard_cpu *cpu, const char *line)
{
    static char text[200];
    struct options o;
    struct guard g;

    CHECK(parse(&o, line));
    guard_choose(&g, cpu, &o.guard);
    guard_names(&g, text, sizeof(text));
    return text;
}

static void test_processors(void)
{
    for (unsigned int i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[200];
        struct guard g;

        guard_choose(&g, &rows[i].cpu, &(struct guard_say){0});
        guard_flaw_names(&g, text, sizeof(text));
        if (!CHECK_STR(text, rows[i].flaws))
            printf("  %s: %s\n", rows[i].name, text);
        CHECK_EQ(guard_at_door(&g),
                 g.xpti[0] || g.verw || g.ibrs_entry || g.rsb_entry || g.ibpb_entry);
        if (!CHECK_STR(chosen(&rows[i].cpu, ""), rows[i].defences))
            printf("  %s: %s\n", rows[i].name, chosen(&rows[i].cpu, ""));
        /* Whatever it is: all can be switched off. */
        CHECK_STR(chosen(&rows[i].cpu, "spec-ctrl=no"),
                  g.flaws & FLAW_BUFFERS && !g.verw_helps ? "no VERW (lacks microcode)" : "none");
    }
}

static void test_l1tf_mask(void)
{
    struct guard_cpu nehalem = {.vendor = INTEL, .family = 6, .model = 0x1a, .phys_bits = 40};
    struct guard_cpu skylake = {.vendor = INTEL, .family = 6, .model = 0x5e, .phys_bits = 39};
    struct guard g;

    guard_choose(&g, &nehalem, &(struct guard_say){0});
    CHECK_EQ(g.l1tf_mask, (1ul << 44) - 1);
    guard_choose(&g, &skylake, &(struct guard_say){0});
    CHECK_EQ(g.l1tf_mask, (1ul << 46) - 1);
    skylake.phys_bits = 52;
    guard_choose(&g, &skylake, &(struct guard_say){0});
    CHECK_EQ(g.l1tf_mask, (1ul << 52) - 1);
}

static void test_options(void)
{
    static const char *const bad[] = {
        "spec-ctrl=perhaps",
        "spec-ctrl=ibrs=x",
        "spec-ctrl=,",
        "xpti=dom1=yes",
        "xpti=x",
        "pv-l1tf=dom0=3",
        "spec-ctrl=ibrs,foo",
        "no-xpti=dom0",
        "spec-ctrl=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    const struct guard_cpu *skl = &rows[4].cpu, *max = &rows[15].cpu;
    struct options o;

    CHECK_STR(chosen(skl, "xpti=no"), "PV-L1TF (domU), VERW, IBRS, IBPB, STIBP");
    CHECK_STR(chosen(skl, "no-xpti pv-l1tf=no"), "VERW, IBRS, IBPB, STIBP");
    CHECK_STR(chosen(skl, "xpti=dom0=no pv_l1tf=dom0"),
              "XPTI (domU), PV-L1TF, VERW, IBRS, IBPB, STIBP");
    CHECK_STR(chosen(skl, "xpti=no,domu=yes pv-l1tf=dom0,domu=no"),
              "XPTI (domU), PV-L1TF (dom0), VERW, IBRS, IBPB, STIBP");
    CHECK_STR(chosen(skl, "xpti=no,default"), "XPTI, PV-L1TF (domU), VERW, IBRS, IBPB, STIBP");
    CHECK_STR(chosen(skl, "spec-ctrl=no-xen"), "XPTI, PV-L1TF (domU)");
    CHECK_STR(chosen(skl, "spec-ctrl=no xpti=yes"), "XPTI");
    CHECK_STR(chosen(skl, "spec-ctrl=ibrs=no,no-ibpb,md-clear=no-pv,ssbd"),
              "XPTI, PV-L1TF (domU), STIBP, SSBD");
    CHECK_STR(chosen(skl, "spec-ctrl=md-clear=hvm,rsb,no-stibp"),
              "XPTI, PV-L1TF (domU), VERW, IBRS, RSB, IBPB");
    CHECK_STR(chosen(max, "xpti=dom0 spec-ctrl=md-clear,rsb=pv"),
              "XPTI (dom0), VERW (without microcode), RSB");
    CHECK_STR(chosen(max, "spec-ctrl=ibrs,ibpb,ssbd,stibp,ibpb-entry"), "none");
    CHECK(parse(&o, "spec-ctrl=eager-fpu,bti-thunk=retpoline,no-branch-harden"));
    CHECK_STR(guard_unused(&o.guard, 0), "bti-thunk");
    CHECK_STR(guard_unused(&o.guard, 2), "branch-harden");
    CHECK(!guard_unused(&o.guard, 3));
    for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct guard_say none = {0};

        if (!CHECK(!parse(&o, bad[i])) || !CHECK(!memcmp(&o.guard, &none, sizeof(none))))
            printf("  %s\n", bad[i]);
    }
}

int main(void)
{
    char small[12];
    struct guard g;

    test_processors();
    test_l1tf_mask();
    test_options();
    guard_choose(&g, &rows[1].cpu, &(struct guard_say){0});
    CHECK_EQ(guard_flaw_names(&g, small, sizeof(small)), 8); /* cut, not overrun */
    return check_result();
}
