/* A guest's configuration from xl.cfg(5) text: one row of a table per key (see gconf.h). Pure. */
#include "lib/gconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cfg.h"

struct reading {
    struct gconf *g;
    const struct cfg_value *v;
    char *root, *extra;
    struct why *w;
};

/* A handler fills the configuration from r->v; its sentence gets file, line and key in front. */
struct key {
    const char *name;
    int (*read)(struct reading *r);
};

static int text_of(struct reading *r, char **out)
{
    if (!r->v->text)
        return why(r->w, -EINVAL, "must be a text, not a list");
    free(*out);
    *out = strdup(r->v->text);
    return *out ? 0 : why(r->w, -ENOMEM, "out of memory");
}

static int number_of(struct reading *r, int64_t lo, int64_t hi, int64_t *out)
{
    char *end;
    if (!r->v->text || !r->v->text[0])
        return why(r->w, -EINVAL, "must be a number");
    errno = 0;
    long long n = strtoll(r->v->text, &end, 0);
    if (*end || errno)
        return why(r->w, -EINVAL, "'%.100s' is no number", r->v->text);
    if (n < lo || n > hi)
        return why(r->w, -EINVAL, "%lld is outside %lld to %lld", n, (long long)lo, (long long)hi);
    *out = n;
    return 0;
}

#define TEXT_KEY(name)                                                                             \
    static int read_##name(struct reading *r)                                                      \
    {                                                                                              \
        return text_of(r, &r->g->name);                                                            \
    }
TEXT_KEY(name)
TEXT_KEY(kernel)
TEXT_KEY(ramdisk)
TEXT_KEY(cmdline)
TEXT_KEY(pool)

static int read_root(struct reading *r)
{
    return text_of(r, &r->root);
}

static int read_extra(struct reading *r)
{
    return text_of(r, &r->extra);
}

static int read_uuid(struct reading *r)
{
    r->g->uuid_set = r->v->text && gconf_uuid_parse(r->v->text, r->g->uuid);
    return r->g->uuid_set ? 0 : why(r->w, -EINVAL, "must be 32 hexadecimal digits, with dashes");
}

static int read_memory(struct reading *r)
{
    int64_t mib;
    int rc = number_of(r, 1, 1 << 24, &mib);
    if (!rc)
        r->g->target_kib = (uint64_t)mib << 10;
    return rc;
}

static int read_maxmem(struct reading *r)
{
    int64_t mib;
    int rc = number_of(r, 1, 1 << 24, &mib);
    if (!rc)
        r->g->max_kib = (uint64_t)mib << 10;
    return rc;
}

static int read_vcpus(struct reading *r)
{
    int64_t n;
    int rc = number_of(r, 1, GCONF_VCPUS, &n);
    if (!rc)
        r->g->vcpus = (uint32_t)n;
    return rc;
}

static int read_maxvcpus(struct reading *r)
{
    int64_t n;
    int rc = number_of(r, 1, GCONF_VCPUS, &n);
    if (!rc)
        r->g->max_vcpus = (uint32_t)n;
    return rc;
}

/* A text is for every vcpu, a list has one text per vcpu. */
static int affinity(struct reading *r, struct cpus **out, uint32_t *nr)
{
    uint32_t n = r->v->text ? GCONF_VCPUS : r->v->nr;
    if (n > GCONF_VCPUS)
        return why(r->w, -EINVAL, "at most %d vcpus", GCONF_VCPUS);
    struct cpus *c = calloc(n + 1, sizeof *c), all;
    if (!c)
        return why(r->w, -ENOMEM, "out of memory");
    free(*out);
    *out = c;
    *nr = n;
    if (r->v->text && !cpus_parse(&all, r->v->text))
        return why(r->w, -EINVAL, "'%.100s' is no set of cpus (0-3,^1 or all)", r->v->text);
    for (uint32_t i = 0; i < n; i++) {
        if (r->v->text)
            c[i] = all;
        else if (!r->v->items[i].text || !cpus_parse(&c[i], r->v->items[i].text))
            return why(r->w, -EINVAL, "item %u is no set of cpus (0-3,^1 or all)", i + 1);
    }
    return 0;
}

static int read_cpus(struct reading *r)
{
    return affinity(r, &r->g->hard, &r->g->nr_hard);
}

static int read_cpus_soft(struct reading *r)
{
    return affinity(r, &r->g->soft, &r->g->nr_soft);
}

static int read_weight(struct reading *r)
{
    int64_t n;
    int rc = number_of(r, 1, 65535, &n);
    if (!rc)
        r->g->weight = (int32_t)n;
    return rc;
}

static int read_cap(struct reading *r)
{
    int64_t n;
    int rc = number_of(r, 0, 65535, &n);
    if (!rc)
        r->g->cap = (int32_t)n;
    return rc;
}

static int read_tsc_mode(struct reading *r)
{
    int64_t n;
    for (int i = 0; r->v->text && i < TSC_NR; i++)
        if (strcmp(r->v->text, gconf_tsc_names[i]) == 0 ||
            (i == TSC_ALWAYS && strcmp(r->v->text, "always") == 0)) {
            r->g->tsc = (enum gconf_tsc)i;
            return 0;
        }
    if (number_of(r, 0, TSC_NR - 1, &n))
        return why(r->w, -EINVAL, "must be default, always_emulate, native or native_paravirt");
    r->g->tsc = (enum gconf_tsc)n;
    return 0;
}

static int read_nomigrate(struct reading *r)
{
    int64_t n = 0;
    int rc = number_of(r, 0, 1, &n);
    r->g->nomigrate = n != 0;
    return rc;
}

static int read_localtime(struct reading *r)
{
    int64_t n = 0;
    int rc = number_of(r, 0, 1, &n);
    r->g->localtime = n != 0;
    return rc;
}

static int read_rtc_offset(struct reading *r)
{
    int64_t n = 0;
    int rc = number_of(r, INT32_MIN, INT32_MAX, &n);
    r->g->rtc_offset = (int32_t)n;
    return rc;
}

static int action(struct reading *r, enum gconf_action *out)
{
    for (int i = 0; r->v->text && i < ACTION_NR; i++)
        if (strcmp(r->v->text, gconf_action_names[i]) == 0) {
            *out = (enum gconf_action)i;
            return 0;
        }
    return why(r->w, -EINVAL,
               "must be destroy, restart, rename-restart, preserve, "
               "coredump-destroy, coredump-restart or soft-reset");
}

#define ACTION_KEY(name)                                                                           \
    static int read_##name(struct reading *r)                                                      \
    {                                                                                              \
        return action(r, &r->g->name);                                                             \
    }
ACTION_KEY(on_poweroff)
ACTION_KEY(on_reboot)
ACTION_KEY(on_watchdog)
ACTION_KEY(on_crash)
ACTION_KEY(on_soft_reset)

static int read_event_channels(struct reading *r)
{
    return number_of(r, 1, 131071, &r->g->event_channels);
}

static int read_grant_frames(struct reading *r)
{
    return number_of(r, 1, 1 << 20, &r->g->max_grant_frames);
}

static int read_maptrack_frames(struct reading *r)
{
    return number_of(r, 0, 1 << 20, &r->g->max_maptrack_frames);
}

static int read_grant_version(struct reading *r)
{
    int64_t n;
    int rc = number_of(r, 1, 2, &n);
    if (!rc)
        r->g->max_grant_version = (int32_t)n;
    return rc;
}

/* A text is libxl's spelling, a list xend's. */
static int read_cpuid(struct reading *r)
{
    r->g->cpuid.nr = 0;
    if (r->v->text)
        return cpuid_parse_libxl(&r->g->cpuid, r->v->text, r->w);
    for (unsigned i = 0; i < r->v->nr; i++) {
        if (!r->v->items[i].text)
            return why(r->w, -EINVAL, "item %u must be a text", i + 1);
        int rc = cpuid_parse_xend(&r->g->cpuid, r->v->items[i].text, r->w);
        if (rc)
            return why_in(r->w, rc, "item %u", i + 1);
    }
    return 0;
}

static int read_disks(struct reading *r)
{
    if (r->v->text)
        return why(r->w, -EINVAL, "must be a list: [ 'disk', ... ]");
    if (r->v->nr > GCONF_DISKS)
        return why(r->w, -EINVAL, "%u disks; %d are possible", r->v->nr, GCONF_DISKS);
    for (unsigned i = 0; i < r->v->nr; i++) {
        if (!r->v->items[i].text)
            return why(r->w, -EINVAL, "item %u must be a text", i + 1);
        int rc = gconf_disk_parse(&r->g->disk[r->g->nr_disks], r->v->items[i].text, r->w);
        if (rc)
            return rc;
        r->g->nr_disks++;
    }
    return 0;
}

static int read_vifs(struct reading *r)
{
    if (r->v->text)
        return why(r->w, -EINVAL, "must be a list: [ 'bridge=xenbr0', ... ]");
    if (r->v->nr > GCONF_NICS)
        return why(r->w, -EINVAL, "%u vifs; %d are possible", r->v->nr, GCONF_NICS);
    for (unsigned i = 0; i < r->v->nr; i++) {
        if (!r->v->items[i].text)
            return why(r->w, -EINVAL, "item %u must be a text", i + 1);
        int rc = gconf_nic_parse(&r->g->nic[r->g->nr_nics], r->v->items[i].text, r->w);
        if (rc)
            return rc;
        r->g->nr_nics++;
    }
    return 0;
}

static int read_type(struct reading *r)
{
    static const char *const pv[] = {"pv", "generic", "linux"};
    for (size_t i = 0; r->v->text && i < 3; i++)
        if (strcmp(r->v->text, pv[i]) == 0)
            return 0;
    return why(r->w, -EOPNOTSUPP, "only PV guests (\"pv\") are supported");
}

/* Xl's own, without effect on how a PV guest is made or runs here. */
static int read_nothing(struct reading *r)
{
    (void)r;
    return 0;
}

static int read_bootloader(struct reading *r)
{
    return why(r->w, -EOPNOTSUPP,
               "dom0 does not read a guest's disk (a hostile one would attack "
               "it); boot from the disk inside the guest: kernel= a pvgrub");
}

static const struct key keys[] = {
    {"bootloader", read_bootloader},
    {"bootloader_args", read_bootloader},
    {"builder", read_type},
    {"cap", read_cap},
    {"claim_mode", read_nothing},
    {"cmdline", read_cmdline},
    {"cpu_weight", read_weight},
    {"cpuid", read_cpuid},
    {"cpus", read_cpus},
    {"cpus_soft", read_cpus_soft},
    {"disk", read_disks},
    {"extra", read_extra},
    {"kernel", read_kernel},
    {"localtime", read_localtime},
    {"max_event_channels", read_event_channels},
    {"event_channels", read_event_channels},
    {"max_grant_frames", read_grant_frames},
    {"max_grant_version", read_grant_version},
    {"max_maptrack_frames", read_maptrack_frames},
    {"maxmem", read_maxmem},
    {"maxvcpus", read_maxvcpus},
    {"memory", read_memory},
    {"name", read_name},
    {"nomigrate", read_nomigrate},
    {"on_crash", read_on_crash},
    {"on_poweroff", read_on_poweroff},
    {"on_reboot", read_on_reboot},
    {"on_soft_reset", read_on_soft_reset},
    {"on_watchdog", read_on_watchdog},
    {"pool", read_pool},
    {"ramdisk", read_ramdisk},
    {"root", read_root},
    {"rtc_timeoffset", read_rtc_offset},
    {"tsc_mode", read_tsc_mode},
    {"type", read_type},
    {"uuid", read_uuid},
    {"vcpus", read_vcpus},
    {"vif", read_vifs},
};

#define NO_PASSING "hardware cannot be given to guests: this hypervisor passes none on"
#define NO_SERVER  "nothing in dom0 serves such devices"
#define NO_XSM     "hypervisors are built without XSM here, so there are no labels"
#define NO_DISPLAY "a display needs qemu in dom0; use the console"
#define NO_CHANNEL "argon-consoled serves each guest's first console only"

/* What other PV guests have and these cannot, and why. */
static const struct {
    const char *name, *reason;
} refused[] = {
    {"channel", NO_CHANNEL},
    {"device_tree", NO_PASSING},
    {"dtdev", NO_PASSING},
    {"e820_host", "it is for guests with devices passed through; " NO_PASSING},
    {"init_seclabel", NO_XSM},
    {"iomem", NO_PASSING},
    {"ioports", NO_PASSING},
    {"irqs", NO_PASSING},
    {"keymap", NO_DISPLAY},
    {"p9", NO_SERVER},
    {"passthrough", NO_PASSING},
    {"pci", NO_PASSING},
    {"pvcalls", NO_SERVER},
    {"seclabel", NO_XSM},
    {"usbctrl", NO_SERVER},
    {"usbdev", NO_SERVER},
    {"vdispl", NO_SERVER},
    {"vfb", NO_DISPLAY},
    {"vkb", NO_DISPLAY},
    {"vsnd", NO_SERVER},
    {"vtpm", NO_SERVER},
    {"vuart", "it is for guests on Arm"},
};

/* Known to xl.cfg(5) too; they ask for what PV guests have not. */
static const char *const unsupported[] = {
    "acpi",
    "acpi_firmware",
    "acpi_laptop_slate",
    "acpi_s3",
    "acpi_s4",
    "altp2m",
    "altp2mhvm",
    "apic",
    "bios",
    "bios_path_override",
    "boot",
    "console",
    "cpuid_policy",
    "device_model_args",
    "device_model_override",
    "device_model_version",
    "driver_domain",
    "firmware",
    "gfx_passthru",
    "gpu",
    "guest_os",
    "hap",
    "hdtype",
    "hpet",
    "lbr",
    "mca_caps",
    "monitor",
    "ms_vm_genid",
    "msr_relaxed",
    "nestedhvm",
    "nographic",
    "numa_placement",
    "nx",
    "opengl",
    "pae",
    "pci_msitranslate",
    "pci_permissive",
    "pci_power_mgmt",
    "pci_seize",
    "pvh",
    "pvshim",
    "rdm",
    "sdl",
    "serial",
    "shadow_memory",
    "smbios_firmware",
    "soundhw",
    "spice",
    "stdvga",
    "suppress_spurious_page_faults",
    "timer_mode",
    "tpm",
    "usb",
    "usbversion",
    "vendor_device",
    "vga",
    "vhpt",
    "videoram",
    "viommu",
    "virtio",
    "viridian",
    "vmtrace_buf_kb",
    "vnc",
    "vncconsole",
    "vncdisplay",
    "vnclisten",
    "vncpasswd",
    "vncunused",
    "vncviewer",
    "vnuma",
    "vpmu",
    "vpt_align",
    "xauthority",
    "xen_platform_pci",
    "display",
};

static int one_setting(struct reading *r, const struct cfg_setting *s)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i].name, s->key) == 0) {
            r->v = &s->value;
            return keys[i].read(r);
        }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strcmp(refused[i].name, s->key) == 0)
            return why(r->w, -EOPNOTSUPP, "not supported: %s; take the line out",
                       refused[i].reason);
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (strcmp(unsupported[i], s->key) == 0)
            return why(r->w, -EOPNOTSUPP, "not supported for PV guests here; take the line out");
    return why(r->w, -EINVAL, "no such key");
}

/* root= and extra= make up the command line unless cmdline= is given. */
static int join_cmdline(struct reading *r, void (*warn)(const char *))
{
    if (r->g->cmdline) {
        if ((r->root || r->extra) && warn)
            warn("ignoring root= and extra=, as cmdline= is given");
        return 0;
    }
    if (!r->root && !r->extra)
        return 0;
    int n = r->root && r->extra ? asprintf(&r->g->cmdline, "root=%s %s", r->root, r->extra)
            : r->root           ? asprintf(&r->g->cmdline, "root=%s", r->root)
                                : asprintf(&r->g->cmdline, "%s", r->extra);
    if (n >= 0)
        return 0;
    r->g->cmdline = NULL;
    return why(r->w, -ENOMEM, "out of memory");
}

int gconf_from_cfg(struct gconf *g, const char *file, const char *text, size_t len,
                   void (*warn)(const char *text), struct why *w)
{
    struct cfg c;
    struct reading r = {.g = g, .w = w};
    int rc = cfg_parse(&c, file, text, len, w);
    if (rc)
        return rc;
    for (unsigned i = 0; !rc && i < c.nr; i++) {
        rc = one_setting(&r, &c.settings[i]);
        if (rc)
            why_in(w, rc, "%s:%d: %s", file, c.settings[i].line, c.settings[i].key);
    }
    if (!rc)
        rc = join_cmdline(&r, warn);
    free(r.root);
    free(r.extra);
    cfg_free(&c);
    return rc;
}
