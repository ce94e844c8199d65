/*
 * ELF, notes and layout plan, on small ELF files made here: the layouts that stock Xen gives a
 * Debian kernel (xen-abi-trace.md 4.2), other forms of kernels, and damage of every kind.
 */
#include <stdlib.h>

#include "core/load/plan.h"
#include "tests/port/elf_place.h"
#include "tests/unit/check.h"

static uint8_t file[64 << 10];
static size_t file_len;

static void put16(size_t at, unsigned v)
{
    memcpy(file + at, &(uint16_t){(uint16_t)v}, 2);
}
static void put32(size_t at, uint32_t v)
{
    memcpy(file + at, &v, 4);
}
static void put64(size_t at, uint64_t v)
{
    memcpy(file + at, &v, 8);
}

static void start_elf(unsigned phnum, uint64_t entry)
{
    memset(file, 0, sizeof(file));
    memcpy(file, "\177ELF\2\1\1", 7);
    put16(16, 2);
    put16(18, 62);
    put32(20, 1);
    put64(24, entry);
    put64(32, 64);
    put16(54, 56);
    put16(56, phnum);
    put16(58, 64);
    file_len = 64 + phnum * 56;
}

static void phdr(unsigned i, uint32_t type, uint64_t offset, uint64_t vaddr, uint64_t paddr,
                 uint64_t filesz, uint64_t memsz)
{
    size_t at = 64 + i * 56;
    put32(at, type);
    put64(at + 8, offset);
    put64(at + 16, vaddr);
    put64(at + 24, paddr);
    put64(at + 32, filesz);
    put64(at + 40, memsz);
}

static void add_note(uint32_t type, const void *desc, uint32_t size)
{
    put32(file_len, 4);
    put32(file_len + 4, size);
    put32(file_len + 8, type);
    memcpy(file + file_len + 12, "Xen", 4);
    memcpy(file + file_len + 16, desc, size);
    file_len += 16 + ((size + 3) & ~3u);
}

static void note64(uint32_t type, uint64_t v)
{
    add_note(type, &v, 8);
}

/* The shape of Debian's 6.1 vmlinux, without its bytes. */
static void debian_like(bool p2m, bool mod_pfn)
{
    start_elf(5, 0x1000000);
    size_t notes = file_len;
    add_note(XEN_ELFNOTE_GUEST_OS, "linux", 6);
    add_note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
    note64(XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    note64(XEN_ELFNOTE_ENTRY, 0xffffffff830791c0);
    if (p2m)
        note64(XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    add_note(XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb", 42);
    add_note(XEN_ELFNOTE_SUPPORTED_FEATURES, &(uint32_t){0x8801}, 4);
    add_note(XEN_ELFNOTE_PAE_MODE, "yes", 4);
    add_note(XEN_ELFNOTE_LOADER, "generic", 8);
    add_note(XEN_ELFNOTE_L1_MFN_VALID, (uint64_t[2]){1, 1}, 16);
    add_note(XEN_ELFNOTE_SUSPEND_CANCEL, &(uint32_t){1}, 4);
    if (mod_pfn)
        add_note(XEN_ELFNOTE_MOD_START_PFN, &(uint32_t){1}, 4);
    note64(XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
    note64(XEN_ELFNOTE_PADDR_OFFSET, 0);
    phdr(4, 4, notes, 0, 0, file_len - notes, file_len - notes);
    phdr(0, 1, 0, 0xffffffff81000000, 0x1000000, 16, 0x18ea9f0);
    phdr(1, 1, 0, 0xffffffff82a00000, 0x2a00000, 16, 0x644000);
    phdr(2, 1, 0, 0, 0x3044000, 16, 0x35000);
    phdr(3, 1, 0, 0xffffffff83079000, 0x3079000, 16, 0x1987000);
}

static struct elf_image elf;
static struct xen_notes notes;
static struct plan plan;
static const char *why = "";

static void parse(void)
{
    CHECK_EQ(elf_parse(file, file_len, &elf, &why), 0);
    CHECK_EQ(notes_parse(&elf, &notes, &why), 0);
}

/* Every pfn below used_pages belongs to exactly one thing, and tables are where they must be. */
static void audit(const struct plan_request *r)
{
    uint64_t n = plan.used_pages;
    uint8_t *use = calloc(n, 1);
    struct range in_block[] = {plan.kernel,   plan.initrd,  plan.p2m,         plan.start_info,
                               plan.xenstore, plan.console, plan.page_tables, plan.stack};
    uint64_t end = plan.kernel.start;

    for (unsigned i = 0; i < ARRAY_SIZE(in_block); i++) {
        if ((i == 2 && plan.p2m_outside) || range_empty(in_block[i]))
            continue;
        CHECK(in_block[i].start >= end && in_block[i].end <= plan.block.end);
        end = in_block[i].end;
    }
    CHECK(plan.block.end - plan.stack.end >= 512 << 10);
    CHECK(plan.block.end - plan.stack.end < (4 << 20) + (512 << 10));
    CHECK_EQ(plan.block.end % (4 << 20), 0);
    CHECK(n <= r->nr_pages);

    uint64_t block_pages = range_length(plan.block) >> 12;
    memset(use, 1, block_pages);
    if (plan.initrd_pages && range_empty(plan.initrd))
        for (uint64_t i = 0; i < plan.initrd_pages; i++)
            CHECK_EQ(use[plan.initrd_pfn + i]++, 0);
    if (plan.p2m_outside)
        for (uint64_t i = 0; i < plan.p2m_pages + plan.p2m_tables.total; i++)
            CHECK_EQ(use[plan.p2m_pfn + i]++, 0);

    /* Walking every page reaches each table, in order, and only marked tables. */
    uint8_t *seen = calloc(n, 1);
    for (uint64_t va = plan.block.start; va < plan.block.end; va += 4096)
        for (unsigned level = 1; level <= 4; level++)
            seen[plan_table(&plan, level, va)] = (uint8_t)level;
    if (plan.p2m_outside)
        for (uint64_t va = plan.p2m.start; va < plan.p2m.end; va += 4096)
            for (unsigned level = r->p2m_superpages ? 2 : 1; level <= 4; level++)
                seen[plan_table(&plan, level, va)] = (uint8_t)level;
    uint64_t tables = 0;
    for (uint64_t i = 0; i < n; i++) {
        CHECK_EQ(seen[i] != 0, plan_is_table(&plan, i));
        tables += seen[i] != 0;
    }
    CHECK_EQ(tables, plan.tables.total + plan.p2m_tables.total);
    CHECK_EQ(seen[plan_pfn(&plan, plan.page_tables.start)], 4);
    free(use);
    free(seen);
}

static void test_debian(void)
{
    debian_like(true, true);
    parse();
    CHECK_STR(notes.guest_os, "linux");
    CHECK_EQ(notes.supported[0], 0x8801 | 1 << 4);
    CHECK_EQ(notes.required[0], 1);
    CHECK_EQ(notes.kernel.start, 0xffffffff81000000);
    CHECK_EQ(notes.kernel.end, 0xffffffff84a00000);
    CHECK_EQ(notes.entry, 0xffffffff830791c0);
    CHECK(notes_supports(&notes, XENFEAT_dom0));

    struct plan_request dom0 = {&notes, 0x80000, 20 << 20, 0x4b8, false, true};
    CHECK_EQ(plan_make(&dom0, &plan, &why), 0);
    CHECK_EQ(plan.start_info.start, 0xffffffff84a00000);
    CHECK_EQ(plan.page_tables.start, 0xffffffff84a01000);
    CHECK_EQ(plan.tables.total, 41);
    CHECK_EQ(plan.stack.start, 0xffffffff84a2a000);
    CHECK_EQ(plan.block.end, 0xffffffff84c00000);
    CHECK(range_empty(plan.initrd) && range_empty(plan.console));
    CHECK_EQ(plan.p2m.start, 0x8000000000);
    CHECK_EQ(plan.p2m_pages + plan.p2m_tables.total, 0x402);
    audit(&dom0);

    uint64_t initrd = (0x5129 - 0x4c00) << 12;
    struct plan_request domu = {&notes, 0x10000, initrd - 5, 1168, true, false};
    CHECK_EQ(plan_make(&domu, &plan, &why), 0);
    CHECK_EQ(plan.xenstore_pfn, 0x4a01);
    CHECK_EQ(plan.console_pfn, 0x4a02);
    CHECK_EQ(plan.page_tables.start, 0xffffffff84a03000);
    CHECK_EQ(plan.stack.end, 0xffffffff84a2d000);
    CHECK_EQ(plan.initrd_pfn, 0x4c00);
    CHECK_EQ(plan.p2m_pfn, 0x5129);
    CHECK_EQ(plan.p2m_pages + plan.p2m_tables.total, 0x83);
    audit(&domu);

    /* Exactly enough memory, and one page less. */
    domu.nr_pages = 0x5200;
    CHECK_EQ(plan_make(&domu, &plan, &why), 0);
    domu.nr_pages = plan.used_pages;
    CHECK_EQ(plan_make(&domu, &plan, &why), 0);
    audit(&domu);
    domu.nr_pages = plan.used_pages - 1;
    CHECK_EQ(plan_make(&domu, &plan, &why), -XEN_ENOMEM);
    domu.nr_pages = 0x1000;
    CHECK_EQ(plan_make(&domu, &plan, &why), -XEN_ENOMEM);
}

static void test_forms(void)
{
    debian_like(false, false); /* p2m and initrd within the block */
    parse();
    struct plan_request r = {&notes, 0x10000, 12345678, 1168, true, false};
    CHECK_EQ(plan_make(&r, &plan, &why), 0);
    CHECK_EQ(plan.initrd.start, 0xffffffff84a00000);
    CHECK_EQ(range_length(plan.initrd), 12345678);
    CHECK_EQ(plan.p2m.start, 0xffffffff84a00000 + 12345678 / 4096 * 4096 + 4096);
    CHECK_EQ(plan.p2m_tables.total, 0);
    audit(&r);

    /* A p2m next to the block: shares its L3 or L4 entries, before and behind it. */
    static const uint64_t places[] = {0xffffffff40000000, 0xffffffffa0000000, 0xffffff8000000000,
                                      0xffffffff7ff00000};
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        for (unsigned super = 0; super < 2; super++) {
            debian_like(true, true);
            parse();
            notes.init_p2m = places[i];
            r.nr_pages = 0x18000;
            r.p2m_superpages = super;
            int rc = plan_make(&r, &plan, &why);
            if (i == 3 && super) {
                CHECK_EQ(rc, -XEN_EINVAL); /* not aligned to a superpage */
                continue;
            }
            CHECK_EQ(rc, 0);
            audit(&r);
        }
    }
    r.p2m_superpages = false;
    static const uint64_t impossible[] = {0xffffffff84000000, 0xffff800000000000, 0x7ffffffff000,
                                          0xffffffffffff0000, 0x1000000000000};
    for (unsigned i = 0; i < ARRAY_SIZE(impossible); i++) {
        notes.init_p2m = impossible[i];
        CHECK_EQ(plan_make(&r, &plan, &why), -XEN_EINVAL);
    }

    /* A unikernel at virtual 0 without any number but its entry. */
    start_elf(2, 0x1000);
    size_t at = file_len;
    add_note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
    phdr(0, 1, 0, 0x1000, 0x1000, 64, 0x9000);
    phdr(1, 4, at, 0, 0, file_len - at, 0);
    parse();
    CHECK_EQ(notes.entry, 0x1000);
    r = (struct plan_request){&notes, 1024, 0, 1168, true, false};
    CHECK_EQ(plan_make(&r, &plan, &why), 0);
    CHECK_EQ(plan.block.start, 0);
    CHECK_EQ(plan.block.end, 4 << 20);
    CHECK_EQ(plan.kernel_pfn, 1);
    audit(&r);
}

static void test_legacy(void)
{
    static const char text[] = "GUEST_OS=old,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,"
                               "HYPERCALL_PAGE=0x101,LOADER=generic,PAE=yes,FEATURES=!dom0|odd";
    start_elf(1, 0xffffffff80100000);
    phdr(0, 1, 0, 0xffffffff80100000, 0xffffffff80100000, 16, 0x5000);
    size_t names = file_len, at = names + 32, sh = at + sizeof(text);
    memcpy(file + names, "\0.shstrtab\0__xen_guest", 23);
    memcpy(file + at, text, sizeof(text));
    put64(40, sh);
    put16(60, 3);
    put16(62, 1);
    put32(sh + 64, 1);
    put32(sh + 64 + 4, 3);
    put64(sh + 64 + 24, names);
    put64(sh + 64 + 32, 23);
    put32(sh + 128, 11);
    put32(sh + 128 + 4, 1);
    put64(sh + 128 + 24, at);
    put64(sh + 128 + 32, sizeof(text));
    file_len = sh + 192;
    parse();
    CHECK(notes.legacy);
    CHECK_EQ(notes.kernel.start, 0xffffffff80100000);
    CHECK_EQ(notes.hypercall_page, 0xffffffff80101000);
    CHECK_EQ(notes.required[0], 1u << XENFEAT_dom0);
}

static void test_copy(void)
{
    static uint8_t to[0x3000];
    debian_like(true, true);
    phdr(0, 1, 0, 0, 0x2000, 16, 0x1000);
    phdr(1, 1, 16, 0, 0x1000, 8, 16);
    phdr(2, 0, 0, 0, 0, 0, 0);
    phdr(3, 0, 0, 0, 0, 0, 0);
    CHECK_EQ(elf_parse(file, file_len, &elf, &why), 0);
    CHECK_EQ(elf.paddrs.start, 0x1000);
    CHECK_EQ(elf.paddrs.end, 0x3000);
    memset(to, 0xee, sizeof(to));
    elf_place(&elf, to);
    CHECK(memcmp(to, file + 16, 8) == 0 && to[8] == 0 && to[0xfff] == 0);
    CHECK(memcmp(to + 0x1000, file, 16) == 0 && to[0x1010] == 0 && to[0x1fff] == 0);
    CHECK_EQ(to[0x2000], 0xee);
}

static void test_damage(void)
{
    static const struct {
        size_t at, size;
        uint64_t v;
        int want;
    } cases[] = {
        {0, 1, 0x7e, -XEN_ENOEXEC},
        {4, 1, 1, -XEN_ENOEXEC},
        {16, 2, 1, -XEN_ENOEXEC},
        {18, 2, 3, -XEN_ENOEXEC},
        {32, 8, 1 << 20, -XEN_EINVAL},
        {32, 8, ~0ull, -XEN_EINVAL},
        {54, 2, 55, -XEN_EINVAL},
        {56, 2, 0, -XEN_EINVAL},
        {56, 2, 0xffff, -XEN_EINVAL},
        {64 + 8, 8, ~0ull, -XEN_EINVAL},
        {64 + 32, 8, ~0ull, -XEN_EINVAL},
        {64 + 40, 8, 1, -XEN_EINVAL},
        {64 + 40, 8, -0x1000000ull, -XEN_EINVAL},
        {64 + 24, 8, 0x2a00000, -XEN_EINVAL},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        debian_like(true, true);
        memcpy(file + cases[i].at, &cases[i].v, cases[i].size);
        if (!CHECK_EQ(elf_parse(file, file_len, &elf, &why), cases[i].want))
            printf("  case %u\n", i);
    }
    debian_like(true, true);
    for (size_t cut = 0; cut < file_len; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* so that ASan sees a read beyond */
        memcpy(exact, file, cut);
        if (elf_parse(exact, cut, &elf, &why) == 0)
            CHECK(notes_parse(&elf, &notes, &why) != 0);
        free(exact);
    }
}

static void test_real(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    static uint8_t image[80 << 20];
    size_t len = fread(image, 1, sizeof(image), f);
    fclose(f);
    CHECK_EQ(elf_parse(image, len, &elf, &why), 0);
    CHECK_EQ(notes_parse(&elf, &notes, &why), 0);
    CHECK_EQ(notes.virt_base, 0xffffffff80000000);
    CHECK(notes.mod_start_pfn && notes_has(&notes, XEN_ELFNOTE_INIT_P2M));
    struct plan_request r = {&notes, 0x20000, 0, 0x4b8, false, false};
    CHECK_EQ(plan_make(&r, &plan, &why), 0);
    audit(&r);
    printf("%s: kernel %#lx-%#lx entry %#lx\n", path, (long)notes.kernel.start,
           (long)notes.kernel.end, (long)notes.entry);
}

int main(int argc, char **argv)
{
    /* For the fuzzer: the kernel that test_debian() makes, behind 16 bytes of choices. */
    if (argc > 1 && strcmp(argv[1], "--seed") == 0) {
        static const uint8_t choices[16] = {0, 0, 8, 0, 0, 0, 0, 0, 0, 20};
        debian_like(true, true);
        fwrite(choices, 1, sizeof(choices), stdout);
        fwrite(file, 1, file_len, stdout);
        return 0;
    }
    test_debian();
    test_forms();
    test_legacy();
    test_copy();
    test_damage();
    test_real("build/deb/vmlinux");
    return check_result();
}
