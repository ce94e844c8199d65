/* ELF64 parsing. Fields are read by offset with unaligned loads: the image's own alignment is
 * unknown, and no ELF header of the host may be included here. */
#include "core/load/elf.h"

#include "base/checked.h"
#include "core/load/why.h"

enum {
    EHDR_SIZE = 64,
    E_TYPE = 16,
    E_MACHINE = 18,
    E_VERSION = 20,
    E_ENTRY = 24,
    E_PHOFF = 32,
    E_SHOFF = 40,
    E_PHENTSIZE = 54,
    E_PHNUM = 56,
    E_SHENTSIZE = 58,
    E_SHNUM = 60,
    E_SHSTRNDX = 62,
    PHDR_SIZE = 56,
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_PADDR = 24,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    SHDR_SIZE = 64,
    SH_NAME = 0,
    SH_TYPE = 4,
    SH_OFFSET = 24,
    SH_SIZE = 32,
    ET_EXEC = 2,
    ET_DYN = 3,
    EM_X86_64 = 62,
    PT_LOAD = 1,
    PT_NOTE = 4,
    SHT_NOTE = 7,
    SHT_NOBITS = 8,
};

static bool within(const struct elf_image *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->len && size <= elf->len - offset;
}

static int check_header(const struct elf_image *elf, const char **why)
{
    static const uint8_t ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1}; /* 64-bit, LE, version 1 */
    const uint8_t *h = elf->data;

    if (elf->len < EHDR_SIZE || __builtin_memcmp(h, ident, 4) != 0)
        return bad(-XEN_ENOEXEC, "not an ELF file", why);
    if (__builtin_memcmp(h, ident, sizeof(ident)) != 0 || load_le16(h + E_MACHINE) != EM_X86_64 ||
        load_le32(h + E_VERSION) != 1)
        return bad(-XEN_ENOEXEC, "not a 64-bit x86 ELF file", why);
    if (load_le16(h + E_TYPE) != ET_EXEC && load_le16(h + E_TYPE) != ET_DYN)
        return bad(-XEN_ENOEXEC, "not an executable ELF file", why);
    return 0;
}

static int add_load(struct elf_image *elf, const uint8_t *ph, const char **why)
{
    uint64_t offset = load_le64(ph + P_OFFSET);
    struct elf_load l = {
        .paddr = load_le64(ph + P_PADDR),
        .filesz = load_le64(ph + P_FILESZ),
        .memsz = load_le64(ph + P_MEMSZ),
        .flags = load_le32(ph + P_FLAGS),
    };
    struct range r;

    if (l.memsz == 0)
        return 0;
    if (elf->nr_loads == ELF_LOADS_MAX)
        return bad(-XEN_E2BIG, "too many segments", why);
    if (l.filesz > l.memsz || !within(elf, offset, l.filesz))
        return bad(-XEN_EINVAL, "a segment lies outside the file", why);
    if (!range_make(l.paddr, l.memsz, &r))
        return bad(-XEN_EINVAL, "a segment wraps around", why);
    for (unsigned i = 0; i < elf->nr_loads; i++) {
        const struct elf_load *o = &elf->loads[i];
        if (range_overlaps(r, (struct range){o->paddr, o->paddr + o->memsz}))
            return bad(-XEN_EINVAL, "segments overlap", why);
    }
    l.data = elf->data + offset;
    if (elf->nr_loads == 0)
        elf->paddrs = r;
    elf->paddrs.start = min_u64(elf->paddrs.start, r.start);
    elf->paddrs.end = max_u64(elf->paddrs.end, r.end);
    elf->loads[elf->nr_loads++] = l;
    return 0;
}

/* Section headers only help to find notes; damaged ones are ignored rather than refused. */
static void find_sections(struct elf_image *elf)
{
    const uint8_t *h = elf->data;
    uint64_t shoff = load_le64(h + E_SHOFF);
    unsigned shnum = load_le16(h + E_SHNUM);

    elf->shoff = 0;
    elf->shnum = 0;
    elf->shstrndx = load_le16(h + E_SHSTRNDX);
    if (shoff == 0 || shnum == 0 || shnum > ELF_SECTIONS_MAX ||
        load_le16(h + E_SHENTSIZE) != SHDR_SIZE || !within(elf, shoff, (uint64_t)shnum * SHDR_SIZE))
        return;
    elf->shoff = shoff;
    elf->shnum = shnum;
}

int elf_parse(const void *image, size_t len, struct elf_image *elf, const char **why)
{
    *elf = (struct elf_image){.data = image, .len = len};
    int rc = check_header(elf, why);
    if (rc)
        return rc;

    elf->entry = load_le64(elf->data + E_ENTRY);
    elf->phoff = load_le64(elf->data + E_PHOFF);
    elf->phnum = load_le16(elf->data + E_PHNUM);
    if (elf->phnum == 0 || load_le16(elf->data + E_PHENTSIZE) != PHDR_SIZE ||
        !within(elf, elf->phoff, (uint64_t)elf->phnum * PHDR_SIZE))
        return bad(-XEN_EINVAL, "program headers lie outside the file", why);

    for (unsigned i = 0; i < elf->phnum; i++) {
        const uint8_t *ph = elf->data + elf->phoff + (size_t)i * PHDR_SIZE;
        if (load_le32(ph + P_TYPE) != PT_LOAD)
            continue;
        rc = add_load(elf, ph, why);
        if (rc)
            return rc;
    }
    if (elf->nr_loads == 0)
        return bad(-XEN_EINVAL, "no segment to load", why);
    find_sections(elf);
    return 0;
}

bool elf_next_notes(const struct elf_image *elf, bool sections, unsigned *cursor,
                    struct elf_bytes *area)
{
    unsigned n = sections ? elf->shnum : elf->phnum;

    while (*cursor < n) {
        size_t i = (*cursor)++;
        const uint8_t *h =
            elf->data + (sections ? elf->shoff + i * SHDR_SIZE : elf->phoff + i * PHDR_SIZE);
        uint64_t offset = load_le64(h + (sections ? SH_OFFSET : P_OFFSET));
        uint64_t size = load_le64(h + (sections ? SH_SIZE : P_FILESZ));
        bool note =
            sections ? load_le32(h + SH_TYPE) == SHT_NOTE : load_le32(h + P_TYPE) == PT_NOTE;

        if (!note || !within(elf, offset, size))
            continue;
        *area = (struct elf_bytes){elf->data + offset, size};
        return true;
    }
    return false;
}

static bool section_at(const struct elf_image *elf, unsigned i, struct elf_bytes *out)
{
    if (i >= elf->shnum)
        return false;
    const uint8_t *h = elf->data + elf->shoff + (size_t)i * SHDR_SIZE;
    uint64_t offset = load_le64(h + SH_OFFSET), size = load_le64(h + SH_SIZE);

    if (load_le32(h + SH_TYPE) == SHT_NOBITS || !within(elf, offset, size))
        return false;
    *out = (struct elf_bytes){elf->data + offset, size};
    return true;
}

bool elf_section(const struct elf_image *elf, const char *name, struct elf_bytes *section)
{
    struct elf_bytes names;
    size_t name_len = __builtin_strlen(name) + 1;

    if (!section_at(elf, elf->shstrndx, &names))
        return false;
    for (unsigned i = 0; i < elf->shnum; i++) {
        uint32_t at = load_le32(elf->data + elf->shoff + (size_t)i * SHDR_SIZE + SH_NAME);
        if (at <= names.len && name_len <= names.len - at &&
            __builtin_memcmp(names.data + at, name, name_len) == 0)
            return section_at(elf, i, section);
    }
    return false;
}
