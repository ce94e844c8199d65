/* The table of options, and the machine's own set of them. */
#include "base/bits.h"
#include "core/opt/opt_private.h"
#include "port/log.h"

struct options options;

enum { ITEM_MAX = 32 };

/* dom0_mem=[min:SIZE,][max:SIZE,][SIZE], in any order. */
static bool parse_dom0_mem(struct options *o, const char *value, bool on)
{
    uint64_t mem = o->dom0_mem, min = o->dom0_mem_min, max = o->dom0_mem_max;

    if (!on || !*value)
        return false;
    while (*value) {
        char item[ITEM_MAX];
        size_t n = 0;
        uint64_t *to = &mem;

        while (value[n] && value[n] != ',')
            n++;
        if (n >= sizeof(item))
            return false;
        __builtin_memcpy(item, value, n);
        item[n] = '\0';
        bool bound = n > 4 && item[3] == ':';
        if (bound && __builtin_memcmp(item, "min", 3) == 0)
            to = &min;
        else if (bound && __builtin_memcmp(item, "max", 3) == 0)
            to = &max;
        else if (bound)
            return false;
        if (!opt_size(item + (bound ? 4 : 0), to))
            return false;
        value += n + (value[n] == ',');
    }
    if (max && min > max)
        return false;
    o->dom0_mem = mem;
    o->dom0_mem_min = min;
    o->dom0_mem_max = max;
    return true;
}

/* dom0_max_vcpus=N, or MIN-MAX, of which we take the greater. */
static bool parse_dom0_max_vcpus(struct options *o, const char *value, bool on)
{
    uint64_t low = 1, n;
    char item[ITEM_MAX];
    size_t dash = 0;

    while (value[dash] && value[dash] != '-')
        dash++;
    if (!on || dash >= sizeof(item))
        return false;
    if (value[dash] == '-') {
        __builtin_memcpy(item, value, dash);
        item[dash] = '\0';
        if (dash && !opt_number(item, &low))
            return false;
        value += dash + 1;
    }
    if (!opt_number(value, &n) || n == 0 || n > 8192 || low > n)
        return false;
    o->dom0_max_vcpus = (uint32_t)n;
    return true;
}

static bool parse_nosmp(struct options *o, const char *value, bool on)
{
    bool flag = true;

    if (*value && !opt_bool(value, &flag))
        return false;
    o->maxcpus = flag == on ? 1 : 0;
    return true;
}

/* watchdog, watchdog=force (the same here), no-watchdog. */
static bool parse_watchdog(struct options *o, const char *value, bool on)
{
    bool flag = true;

    if (*value && !opt_same_text(value, "force") && !opt_bool(value, &flag))
        return false;
    o->watchdog = flag == on;
    return true;
}

static bool parse_dom0(struct options *o, const char *value, bool on)
{
    (void)o;
    return on && opt_same_text(value, "pv");
}

static bool parse_spec_ctrl(struct options *o, const char *value, bool on)
{
    return guard_say_spec(&o->guard, value, on);
}

static bool parse_xpti(struct options *o, const char *value, bool on)
{
    return guard_say_xpti(&o->guard, value, on);
}

static bool parse_l1tf(struct options *o, const char *value, bool on)
{
    return guard_say_l1tf(&o->guard, value, on);
}

/* clang-format off */
#define AT(field)                offsetof(struct options, field)
#define FLAG(name, field)        {name, OPT_FLAG, AT(field), 0, 0, NULL, "yes or no"}
#define NOT_FLAG(name, field)    {name, OPT_NOT_FLAG, AT(field), 0, 0, NULL, "yes or no"}
#define STRING(name, field)      {name, OPT_STRING, AT(field), 0, 0, NULL, "something shorter"}
#define CUSTOM(name, fn, right)  {name, OPT_CUSTOM, 0, 0, 0, fn, right}
#define IGNORED(name, why)       {name, OPT_IGNORED, 0, 0, 0, NULL, why}
#define INT(name, field, lo, hi) {name, OPT_INT, AT(field), lo, hi, NULL, "a number " #lo "-" #hi}
/* clang-format on */

static const char no_bios[] = "the machine is taken as the loader leaves it";
static const char no_hvm[] = "there are only PV guests";
static const char no_iommu[] = "there is no IOMMU support";

const struct option opt_table[] = {
    CUSTOM("dom0_mem", parse_dom0_mem, "[min:SIZE,][max:SIZE,][SIZE], such as 2G,max:4G"),
    CUSTOM("dom0_max_vcpus", parse_dom0_max_vcpus, "a number 1-8192, or two as in 2-8"),
    FLAG("dom0_vcpus_pin", dom0_vcpus_pin),
    CUSTOM("dom0", parse_dom0, "pv"),

    STRING("console", console),
    STRING("com1", com1),
    STRING("com2", com2),
    STRING("loglvl", loglvl),
    STRING("guest_loglvl", guest_loglvl),

    INT("maxcpus", maxcpus, 1, 4096),
    CUSTOM("nosmp", parse_nosmp, "yes or no"),
    STRING("clocksource", clocksource),
    NOT_FLAG("smep", no_smep),
    NOT_FLAG("smap", no_smap),
    NOT_FLAG("x2apic", no_x2apic),
    CUSTOM("spec-ctrl", parse_spec_ctrl, "no, or items as in ibrs=no,md-clear"),
    CUSTOM("xpti", parse_xpti, "yes, no, dom0=BOOL,domu=BOOL"),
    CUSTOM("pv-l1tf", parse_l1tf, "yes, no, dom0=BOOL,domu=BOOL"),

    INT("gnttab_max_frames", gnttab_max_frames, 1, 64),
    INT("gnttab_max_maptrack_frames", gnttab_max_maptrack_frames, 1, 384),

    FLAG("noreboot", noreboot),
    CUSTOM("watchdog", parse_watchdog, "yes, no or force"),
    INT("watchdog_timeout", watchdog_timeout, 1, 3600),

    /* What Debian's GRUB and common set-ups put there. */
    IGNORED("vga", "the screen stays in the mode that the loader set"),
    IGNORED("console_timestamps", "lines have no time stamps"),
    IGNORED("conring_size", "the ring has a fixed size"),
    IGNORED("sync_console", "the console never runs behind"),
    IGNORED("sched", "there is one scheduler"),
    IGNORED("sched_ratelimit_us", "there is one scheduler"),
    IGNORED("cpuid", "what guests see is fixed"),
    IGNORED("reboot", "ways to reboot are tried in turn"),
    IGNORED("placeholder", "GRUB needs a first word"),
    IGNORED("real-mode", no_bios),
    IGNORED("edd", no_bios),
    IGNORED("edid", no_bios),
    IGNORED("bootscrub", "memory is scrubbed when it is given out"),
    IGNORED("ucode", "processors keep the microcode that the firmware loaded"),
    IGNORED("crashkernel", "there is no kexec"),
    IGNORED("iommu", no_iommu),
    IGNORED("dom0-iommu", no_iommu),
    IGNORED("hap", no_hvm),
    IGNORED("ept", no_hvm),
    IGNORED("altp2m", no_hvm),
    IGNORED("vpmu", "guests have no performance counters"),
    IGNORED("flask", "there is no security module"),
    IGNORED("cpufreq", "processors run as fast as the firmware left them"),
    IGNORED("pv-linear-pt", "tables that map themselves are refused"),
    IGNORED("gnttab", "grant tables are of version 1, without transitive grants"),
};
const unsigned opt_table_size = ARRAY_SIZE(opt_table);

static void report_to_log(void *arg, enum opt_report what, const char *word, const char *text)
{
    (void)arg;
    switch (what) {
    case OPT_UNKNOWN:
        log_warn("option '%s' is unknown\n", word);
        break;
    case OPT_BAD_VALUE:
        log_warn("option '%s' has a bad value: expected %s\n", word, text);
        break;
    case OPT_UNUSED:
        log_info("option '%s' does nothing here: %s\n", word, text);
        break;
    }
}

void opt_parse(const char *line)
{
    opt_parse_into(&options, line, report_to_log, NULL);
}
