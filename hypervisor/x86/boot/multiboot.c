/* Reads multiboot 1 and 2 information (Multiboot Specification 0.6.96 and 2.0, section 3).
 *
 * Runs on the boot tables, where the low 4 GiB are mapped one to one. Lengths are checked against
 * each other, since a loader may be wrong, though not against an attacker: what loads us owns
 * us. UEFI's system table: UEFI Specification 2.10, section 4.3. */
#include "x86/boot/info.h"

#include "base/bits.h"
#include "base/string.h"

struct boot_info boot_info;

#define MB1_MAGIC 0x2BADB002u
#define MB2_MAGIC 0x36D76289u

struct mb1_info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4],
        mmap_length, mmap_addr, drives_length, drives_addr, config_table, loader_name;
};

#define MB1_CMDLINE 0x004u
#define MB1_MODULES 0x008u
#define MB1_MMAP    0x040u
#define MB1_LOADER  0x200u

struct mb1_module {
    uint32_t start, end, string, pad;
};

struct mb1_mmap {
    uint32_t size; /* of what follows */
    uint64_t start, length;
    uint32_t type;
} __attribute__((packed));

struct mb2_tag {
    uint32_t type, size;
};

enum {
    MB2_END = 0,
    MB2_CMDLINE = 1,
    MB2_LOADER = 2,
    MB2_MODULE = 3,
    MB2_MMAP = 6,
    MB2_EFI64 = 12,
    MB2_RSDP_OLD = 14,
    MB2_RSDP_NEW = 15,
};

struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, version;
};

struct mb2_mmap_entry {
    uint64_t start, length;
    uint32_t type, zero;
};

static const void *at(uint32_t maddr)
{
    return (const void *)(uintptr_t)maddr;
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);

    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

/* A kernel's or module's text starts with its own file name: QEMU and GRUB 1 pass it along. */
static const char *skip_name(const char *text)
{
    while (*text && *text != ' ')
        text++;
    while (*text == ' ')
        text++;
    return text;
}

static bool add_range(uint64_t start, uint64_t size, uint32_t type)
{
    if (boot_info.ranges == BOOT_MAP_MAX)
        return false;
    boot_info.map[boot_info.ranges++] = (struct boot_range){start, size, type};
    return true;
}

static bool add_module(uint64_t start, uint64_t end, const char *text, bool named)
{
    struct boot_module *m = &boot_info.module[boot_info.modules];

    if (boot_info.modules == BOOT_MODULES_MAX)
        return false;
    m->start = start;
    m->end = end;
    copy_text(m->args, sizeof(m->args), named ? skip_name(text) : text);
    boot_info.modules++;
    return true;
}

static const char *read_mb1(const struct mb1_info *info)
{
    if (info->flags & MB1_LOADER)
        copy_text(boot_info.loader, sizeof(boot_info.loader), at(info->loader_name));
    if (info->flags & MB1_CMDLINE)
        copy_text(boot_info.args, sizeof(boot_info.args), skip_name(at(info->cmdline)));
    if (!(info->flags & MB1_MMAP))
        return "the boot loader gave no memory map; use one that does (GRUB 2, QEMU)";
    for (uint32_t off = 0; off + sizeof(struct mb1_mmap) <= info->mmap_length;) {
        const struct mb1_mmap *e = at(info->mmap_addr + off);

        if (!add_range(e->start, e->length, e->type))
            return "the memory map has too many entries";
        off += e->size + 4;
    }
    if (info->flags & MB1_MODULES) {
        const struct mb1_module *m = at(info->mods_addr);

        for (uint32_t i = 0; i < info->mods_count; i++)
            if (!add_module(m[i].start, m[i].end, m[i].string ? at(m[i].string) : "", true))
                return "too many boot modules; dom0 takes its kernel and one initramfs";
    }
    return NULL;
}

static const char *read_mb2_mmap(const struct mb2_mmap *map)
{
    const char *e = (const char *)(map + 1);
    const char *end = (const char *)map + map->tag.size;

    for (; e + sizeof(struct mb2_mmap_entry) <= end; e += map->entry_size) {
        const struct mb2_mmap_entry *entry = (const void *)e;

        if (!add_range(entry->start, entry->length, entry->type))
            return "the memory map has too many entries";
    }
    return NULL;
}

/* Dom0's kernel finds ACPI by these tables: where there is UEFI, no root pointer lies in the BIOS's
 * area. */
static void read_efi(uint64_t table)
{
    const uint8_t *t = (const uint8_t *)table;

    if (table >> 32 || memcmp(t, "IBI SYST", 8))
        return;
    boot_info.efi_version = load_le32(t + 8);
    boot_info.efi_nr = load_le32(t + 104);
    boot_info.efi_tables = load_le64(t + 112);
}

static const char *read_mb2_tag(const struct mb2_tag *tag)
{
    const char *text = (const char *)(tag + 1);
    const uint32_t *word = (const uint32_t *)(tag + 1);

    switch (tag->type) {
    case MB2_CMDLINE:
        copy_text(boot_info.args, sizeof(boot_info.args), text);
        return NULL;
    case MB2_LOADER:
        copy_text(boot_info.loader, sizeof(boot_info.loader), text);
        return NULL;
    case MB2_MODULE:
        if (!add_module(word[0], word[1], (const char *)(word + 2), false))
            return "too many boot modules; dom0 takes its kernel and one initramfs";
        return NULL;
        ROW(MB2_MMAP, read_mb2_mmap((const void *)tag));
    case MB2_EFI64:
        read_efi(load_le64(tag + 1));
        return NULL;
    case MB2_RSDP_OLD:
    case MB2_RSDP_NEW:
        boot_info.rsdp_len = tag->size - (uint32_t)sizeof(*tag);
        if (boot_info.rsdp_len > sizeof(boot_info.rsdp))
            boot_info.rsdp_len = sizeof(boot_info.rsdp);
        memcpy(boot_info.rsdp, tag + 1, boot_info.rsdp_len);
        return NULL;
    default:
        return NULL;
    }
}

static const char *read_mb2(uint32_t info)
{
    uint32_t total = *(const uint32_t *)at(info);

    for (uint32_t off = 8; off + sizeof(struct mb2_tag) <= total;) {
        const struct mb2_tag *tag = at(info + off);

        if (tag->type == MB2_END || tag->size < sizeof(*tag))
            break;
        const char *why = read_mb2_tag(tag);
        if (why)
            return why;
        off += (tag->size + 7) & ~7u;
    }
    return boot_info.ranges ? NULL : "the boot loader gave no memory map";
}

const char *boot_read(uint32_t magic, uint32_t info)
{
    switch (magic) {
        ROW(MB1_MAGIC, read_mb1(at(info)));
        ROW(MB2_MAGIC, read_mb2(info));
    default:
        return "not started by a multiboot 1 or 2 boot loader";
    }
}
