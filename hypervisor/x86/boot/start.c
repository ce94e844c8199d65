/* Start-up: from the first C line to dom0's first instruction, as a list of steps.
 *
 * Every step may stop() with a sentence for the operator. Memory passes through three states: the
 * boot tables (one to one), the early allocator (below 4 GiB, until frames_start()), the frame
 * allocator. */
#include "base/string.h"
#include "core/dom/create.h"
#include "core/dom/life.h"
#include "core/frame/frame.h"
#include "core/load/bzimage.h"
#include "core/opt/opt.h"
#include "dbg/dbg.h"
#include "dbg/watchdog.h"
#include "port/clock.h"
#include "port/frame.h"
#include "port/kick.h"
#include "port/log.h"
#include "port/stop.h"
#include "x86/asm.h"
#include "x86/boot/dom0.h"
#include "x86/boot/info.h"
#include "x86/console.h"
#include "x86/cpu.h"
#include "x86/desc.h"
#include "x86/entry/entry.h"
#include "x86/guard.h"
#include "x86/machine.h"
#include "x86/paging.h"
#include "x86/pv/policy.h"
#include "x86/time.h"

#define LOW_MEMORY 0x100000ul /* the BIOS's and DMA's first MiB is never handed out */
#define FOUR_GIB   0x100000000ul
#define RAM_MAX    64

_Noreturn void x86_start(uint32_t magic, uint32_t info);

static struct ram_range ram[RAM_MAX];
static unsigned int ram_ranges;
static struct ram_range unpack_area; /* where dom0's kernel was unpacked; empty: it is an ELF */
static const uint8_t *kernel;
static size_t kernel_len;

/* ---- memory --------------------------------------------------------------------------------- */

/* The map's RAM above the first MiB, sorted, cut to whole frames. */
static void collect_ram(void)
{
    for (unsigned int i = 0; i < boot_info.ranges; i++) {
        const struct boot_range *r = &boot_info.map[i];
        uint64_t start = r->start < LOW_MEMORY ? LOW_MEMORY : r->start;
        uint64_t end = (r->start + r->size) & ~FRAME_MASK;
        unsigned int at = ram_ranges;

        start = (start + FRAME_MASK) & ~FRAME_MASK;
        if (r->type != 1 || start >= end)
            continue;
        if (ram_ranges == RAM_MAX)
            stop("the memory map has too many pieces of RAM");
        while (at && ram[at - 1].start > start) {
            ram[at] = ram[at - 1];
            at--;
        }
        ram[at] = (struct ram_range){start, end};
        ram_ranges++;
    }
    if (!ram_ranges)
        stop("the boot loader's memory map shows no RAM above 1 MiB");
}

/* Takes what the image and the modules occupy out of [*start, *end), keeping the larger side. */
static void avoid(uint64_t *start, uint64_t *end, uint64_t from, uint64_t to)
{
    if (to <= *start || from >= *end)
        return;
    if (from > *start && from - *start > *end - to)
        *end = from;
    else
        *start = to > *end ? *end : to;
}

/* The largest free run of RAM below `limit`, not touching image, modules, or `taken`. */
static struct ram_range largest_free(uint64_t limit, struct ram_range taken)
{
    struct ram_range best = {0, 0};

    for (unsigned int i = 0; i < ram_ranges; i++) {
        uint64_t start = ram[i].start, end = ram[i].end < limit ? ram[i].end : limit;

        if (start >= end)
            continue;
        avoid(&start, &end, IMAGE_PHYS, image_maddr(image_end));
        for (unsigned int m = 0; m < boot_info.modules; m++)
            avoid(&start, &end, boot_info.module[m].start & ~FRAME_MASK,
                  (boot_info.module[m].end + FRAME_MASK) & ~FRAME_MASK);
        if (taken.end > taken.start)
            avoid(&start, &end, taken.start, taken.end);
        if (end > start && end - start > best.end - best.start)
            best = (struct ram_range){start, end};
    }
    return best;
}

/* Memory for our own tables: M2P and frame words, 4 MiB for their rounding, and page tables, of
 * which the worst machine (4 KiB pages at every border) needs far less than 4 MiB. Its end is
 * aligned for the M2P's large pages. */
static void early_memory(void)
{
    struct ram_range none = {0, 0};
    struct ram_range area = largest_free(FOUR_GIB, none);
    uint64_t frames = ram[ram_ranges - 1].end >> FRAME_SHIFT;
    uint64_t need = (frames * (8 + FRAME_WORDS_BYTES) + (8 << 20)) & ~FRAME_MASK;

    area.end &= ~0x1ffffful;
    if (area.end < area.start + need)
        stop("too little memory below 4 GiB for the hypervisor's own tables");
    early_init(area.end - need, area.end);
}

/* ---- dom0's kernel image -------------------------------------------------------------------- */

static void unpack_kernel(const struct image *image)
{
    struct ram_range area = largest_free(~0ul, early_taken_so_far());
    uint64_t size = image->unpacked_len ? image->unpacked_len : image->len * 12;
    const char *why = "too little memory";
    int rc = -XEN_ENOMEM;

    size = (size + FRAME_MASK) & ~FRAME_MASK;
    kernel = (uint8_t *)DIRECT_VIRT + area.start;
    if (area.end - area.start >= size) {
        struct unpack u = {
            .out = (uint8_t *)kernel,
            .out_cap = size,
            .work = (uint8_t *)kernel + size,
            .work_len = area.end - area.start - size,
        };
        rc = image_unpack(image, &u, &kernel_len, &why);
    }
    if (rc) {
        log_err("dom0: kernel: %s\n", why);
        stop(rc == -XEN_ENOMEM ? "too little memory to unpack dom0's kernel"
                               : "dom0's kernel cannot be unpacked: the boot module is damaged");
    }
    unpack_area = (struct ram_range){area.start, area.start + size};
}

/* Finds the kernel in module 0. If it is packed, it is unpacked to memory that is kept from the
 * allocator; the rest of memory serves the unpacker, whence the early hour. */
static void find_kernel(void)
{
    const struct boot_module *m = &boot_info.module[0];
    struct image image;
    const char *why;

    if (!boot_info.modules)
        stop("no boot module: add dom0's kernel (GRUB: module2 /boot/vmlinuz ..., "
             "QEMU: -initrd \"vmlinuz args,initrd\")");
    if (image_find((void *)(DIRECT_VIRT + m->start), m->end - m->start, &image, &why)) {
        log_err("dom0: first boot module: %s\n", why);
        stop("the first boot module is no kernel image; it must be a bzImage or an ELF file");
    }
    kernel = image.data;
    kernel_len = image.len;
    if (image.form != IMAGE_ELF)
        unpack_kernel(&image);
}

/* Modules and the unpacked kernel become free memory. */
static void release_boot_memory(void)
{
    for (unsigned int i = 0; i < boot_info.modules; i++)
        frame_release(maddr_mfn(boot_info.module[i].start),
                      maddr_mfn(boot_info.module[i].end + FRAME_MASK));
    if (unpack_area.end > unpack_area.start)
        frame_release(maddr_mfn(unpack_area.start), maddr_mfn(unpack_area.end));
}

static void frames_start(void)
{
    struct ram_range reserved[BOOT_MODULES_MAX + 3];
    unsigned int n = 0;

    reserved[n++] = (struct ram_range){IMAGE_PHYS, image_maddr(image_end)};
    reserved[n++] = early_taken();
    if (unpack_area.end > unpack_area.start)
        reserved[n++] = unpack_area;
    for (unsigned int i = 0; i < boot_info.modules; i++)
        reserved[n++] = (struct ram_range){
            boot_info.module[i].start & ~FRAME_MASK,
            (boot_info.module[i].end + FRAME_MASK) & ~FRAME_MASK,
        };
    frame_init(ram, ram_ranges, reserved, n);
}

/* ---- dom0 ----------------------------------------------------------------------------------- */

/* How much dom0 gets: as the option says, else all but a sixteenth (at most 128 MiB), as Xen
 * does. */
static uint64_t dom0_pages(void)
{
    /* What the modules occupy comes free during the build. */
    uint64_t free = frame_free_count();
    uint64_t keep = free / 16 < (128ul << 8) ? free / 16 : 128ul << 8;
    uint64_t want = options.dom0_mem ? options.dom0_mem >> FRAME_SHIFT : free - keep;
    uint64_t min = options.dom0_mem_min >> FRAME_SHIFT;

    if (want < min)
        want = min;
    if (options.dom0_mem_max && want > options.dom0_mem_max >> FRAME_SHIFT)
        want = options.dom0_mem_max >> FRAME_SHIFT;
    if (want > free) {
        log_err("dom0_mem asks for %lu MiB, but only %lu MiB are free\n", want >> 8, free >> 8);
        stop("too little memory for dom0_mem: lower it, or give the machine more memory");
    }
    return want;
}

static struct domain *make_dom0(void)
{
    unsigned int cpus = cpu_count();
    struct dom_config config = {
        .is_dom0 = true,
        .max_vcpus = options.dom0_max_vcpus ? options.dom0_max_vcpus : cpus,
        .max_evtchn_port = ~0u,
        .max_grant_frames = options.gnttab_max_frames ? (int32_t)options.gnttab_max_frames : -1,
        .max_maptrack_frames =
            options.gnttab_max_maptrack_frames ? (int32_t)options.gnttab_max_maptrack_frames : -1,
    };
    struct domain *d;

    if (config.max_vcpus > DOM_MAX_VCPUS)
        config.max_vcpus = DOM_MAX_VCPUS;
    if (dom_create(0, &config, &d))
        stop("no memory for dom0's own structures");
    dom0 = d;
    for (unsigned int i = 0; i < config.max_vcpus; i++) {
        if (dom_add_vcpu(d, i))
            stop("no memory for dom0's vcpus");
        if (options.dom0_vcpus_pin && sched_set_affinity(d->vcpu[i], 1ul << i % cpus, ~0ul))
            log_warn("dom0_vcpus_pin: vcpu %u has no processor\n", i);
    }
    return d;
}

/* Its module's command line, then what our own has for it behind `--`. */
static const char *dom0_args(void)
{
    static char both[BOOT_TEXT_MAX + OPT_TEXT_MAX];

    if (!options.dom0_extra)
        return boot_info.module[0].args;
    log_format(both, sizeof(both), "%s %s", boot_info.module[0].args, options.dom0_extra);
    return both;
}

static void start_dom0(void)
{
    const struct boot_module *initrd = boot_info.modules > 1 ? &boot_info.module[1] : NULL;
    struct dom0_request request = {
        .kernel = kernel,
        .kernel_len = kernel_len,
        .args = dom0_args(),
        .release = release_boot_memory,
    };
    struct domain *d = make_dom0();

    if (initrd) {
        request.initrd = (void *)(DIRECT_VIRT + initrd->start);
        request.initrd_len = initrd->end - initrd->start;
    }
    request.pages = dom0_pages();
    d->mem.max_pages = options.dom0_mem_max ? options.dom0_mem_max >> FRAME_SHIFT : request.pages;
    dom0_build(d, &request);
    console_leave_vga();
    sched_up(d->vcpu[0]);
}

/* ---- the list ------------------------------------------------------------------------------- */

static void apply_options(const char *problem)
{
    log_info("%s\n", build_name);
    log_info("loader: %s\n", boot_info.loader);
    log_info("command line: %s\n", boot_info.args);
    opt_parse(boot_info.args); /* what it reports waits in the ring */
    console_setup(options.console, options.com1, options.com2);
    if (problem)
        stop(problem);
    if (options.loglvl)
        (void)log_level_option(options.loglvl);
    if (options.guest_loglvl)
        (void)log_guest_level_option(options.guest_loglvl);
    if (options.clocksource && time_option(options.clocksource))
        log_warn("clocksource=%s is none of hpet, acpi, pit, tsc\n", options.clocksource);
}

static void late_start(void)
{
    if (timer_cpu_init(0))
        stop("no memory for timers");
    machine_init(boot_info.rsdp_len ? boot_info.rsdp : NULL);
    sched_cpu_init(0);
    time_keep_true();
    policy_init();
    smp_start(options.maxcpus ? options.maxcpus : MAX_CPUS);
    log_info("%u processor%s\n", cpu_count(), cpu_count() == 1 ? "" : "s");
    start_dom0();
    /* Not earlier: building dom0 keeps this CPU busy for long, and that is no fault. */
    watchdog_start(options.watchdog, options.watchdog_timeout);
}

void x86_start(uint32_t magic, uint32_t info)
{
    console_init();
    const char *problem = boot_read(magic, info);
    apply_options(problem);
    idt_init();
    cpu_detect();
    guard_detect();
    collect_ram();
    early_memory();
    paging_init(ram, ram_ranges);
    percpu_load(0);
    cpu_setup();
    console_map();
    find_kernel();
    frames_start();
    guard_arm();
    late_start();
    cpu_idle_loop();
}
