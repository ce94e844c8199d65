/* Xen's ELF notes: found in PT_NOTE, else in SHT_NOTE, else in the older `__xen_guest` section.
 *
 * "!writable_page_tables", which Linux states, is history: no hypervisor ever offered that bit to a
 * 64-bit guest, and they run all the same. Whoever checks required[] must forgive bit 0. */
#include "core/load/notes.h"

#include "base/checked.h"
#include "base/string.h"
#include "core/load/why.h"

static const struct {
    const char *name;
    unsigned feature;
} feature_names[] = {
    {"writable_page_tables", XENFEAT_writable_page_tables},
    {"writable_descriptor_tables", XENFEAT_writable_descriptor_tables},
    {"auto_translated_physmap", XENFEAT_auto_translated_physmap},
    {"supervisor_mode_kernel", XENFEAT_supervisor_mode_kernel},
    {"pae_pgdir_above_4gb", XENFEAT_pae_pgdir_above_4gb},
    {"mmu_pt_update_preserve_ad", XENFEAT_mmu_pt_update_preserve_ad},
    {"highmem_assist", XENFEAT_highmem_assist},
    {"gnttab_map_avail_bits", XENFEAT_gnttab_map_avail_bits},
    {"hvm_callback_vector", XENFEAT_hvm_callback_vector},
    {"hvm_safe_pvclock", XENFEAT_hvm_safe_pvclock},
    {"hvm_pirqs", XENFEAT_hvm_pirqs},
    {"dom0", XENFEAT_dom0},
    {"memory_op_vnode_supported", XENFEAT_memory_op_vnode_supported},
    {"ARM_SMCCC_supported", XENFEAT_ARM_SMCCC_supported},
    {"linux_rsdp_unrestricted", XENFEAT_linux_rsdp_unrestricted},
    {"not_direct_mapped", XENFEAT_not_direct_mapped},
    {"direct_mapped", XENFEAT_direct_mapped},
};

static size_t text_until(const char *text, size_t len, char stop)
{
    size_t n = 0;

    while (n < len && text[n] != stop)
        n++;
    return n;
}

/* Cut to what fits; a note's string need not be terminated. */
static void text_copy(char to[static NOTES_TEXT_MAX], const char *text, size_t len)
{
    len = text_until(text, len, '\0');
    if (len > NOTES_TEXT_MAX - 1)
        len = NOTES_TEXT_MAX - 1;
    __builtin_memcpy(to, text, len);
    to[len] = '\0';
}

bool notes_parse_features(const char *text, size_t len, uint32_t *supported, uint32_t *required)
{
    len = text_until(text, len, '\0');
    while (len > 0) {
        size_t n = text_until(text, len, '|');
        bool must = n > 0 && text[0] == '!';
        const char *word = text + must;
        size_t word_len = n - must;
        bool known = word_len == 0;

        for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++) {
            if (!text_is(word, word_len, feature_names[i].name))
                continue;
            unsigned f = feature_names[i].feature;
            supported[f / 32] |= (uint32_t)1 << (f % 32);
            if (must)
                required[f / 32] |= (uint32_t)1 << (f % 32);
            known = true;
        }
        if (!known && must)
            return false;
        text += n;
        len -= n;
        if (len > 0) {
            text++;
            len--;
        }
    }
    return true;
}

/* Numbers come as 4 or 8 bytes. */
static bool desc_number(const uint8_t *desc, size_t len, uint64_t *v)
{
    if (len == 8)
        *v = load_le64(desc);
    else if (len == 4)
        *v = load_le32(desc);
    else
        return false;
    return true;
}

/* Where the notes go whose value is a number, and those that are text. */
#define AT(field) offsetof(struct xen_notes, field)
static const uint16_t number_at[] = {
    [XEN_ELFNOTE_ENTRY] = AT(entry),
    [XEN_ELFNOTE_HYPERCALL_PAGE] = AT(hypercall_page),
    [XEN_ELFNOTE_VIRT_BASE] = AT(virt_base),
    [XEN_ELFNOTE_PADDR_OFFSET] = AT(paddr_offset),
    [XEN_ELFNOTE_INIT_P2M] = AT(init_p2m),
    [XEN_ELFNOTE_MOD_START_PFN] = AT(mod_start_pfn),
    [XEN_ELFNOTE_SUPPORTED_FEATURES] = AT(ignored), /* looked at in take_note() */
    [XEN_ELFNOTE_PHYS32_ENTRY] = AT(ignored),
    [XEN_ELFNOTE_HV_START_LOW] = AT(ignored),
    [XEN_ELFNOTE_SUSPEND_CANCEL] = AT(ignored),
};
static const uint16_t text_at[] = {
    [XEN_ELFNOTE_XEN_VERSION] = AT(xen_version),
    [XEN_ELFNOTE_GUEST_OS] = AT(guest_os),
    [XEN_ELFNOTE_GUEST_VERSION] = AT(guest_version),
    [XEN_ELFNOTE_LOADER] = AT(loader),
};

static int take_note(struct xen_notes *n, uint32_t type, const uint8_t *desc, size_t len,
                     const char **why)
{
    const char *text = (const char *)desc;
    uint64_t v = 0;
    bool ok = true;

    if (type < ARRAY_SIZE(number_at) && number_at[type]) {
        ok = desc_number(desc, len, &v);
        *(uint64_t *)((char *)n + number_at[type]) = v;
        if (type == XEN_ELFNOTE_SUPPORTED_FEATURES)
            n->supported[0] |= (uint32_t)v;
    } else if (type < ARRAY_SIZE(text_at) && text_at[type]) {
        text_copy((char *)n + text_at[type], text, len);
    } else if (type == XEN_ELFNOTE_FEATURES) {
        if (!notes_parse_features(text, len, n->supported, n->required))
            return bad(-XEN_EINVAL, "the kernel needs a feature nobody knows", why);
    } else if (type == XEN_ELFNOTE_L1_MFN_VALID) {
        ok = len >= 8; /* pairs of mask and value, of either width */
    } else if (type != XEN_ELFNOTE_PAE_MODE && type != XEN_ELFNOTE_BSD_SYMTAB) {
        return 0; /* newer, or informative only */
    }
    if (!ok)
        return bad(-XEN_EINVAL, "a Xen note has a wrong size", why);
    n->present |= (uint32_t)1 << type;
    return 0;
}

static int take_area(struct xen_notes *n, struct elf_bytes a, const char **why)
{
    while (a.len >= 12) {
        uint32_t namesz = load_le32(a.data), descsz = load_le32(a.data + 4);
        uint32_t type = load_le32(a.data + 8);
        uint64_t name_room = align_up(namesz, 4), desc_room = align_up(descsz, 4);

        a.data += 12;
        a.len -= 12;
        if (name_room > a.len || descsz > a.len - name_room)
            return bad(-XEN_EINVAL, "a note reaches outside its area", why);
        if (namesz == 4 && __builtin_memcmp(a.data, "Xen", 4) == 0) {
            int rc = take_note(n, type, a.data + name_room, descsz, why);
            if (rc)
                return rc;
        }
        /* The last note's padding may be missing. */
        size_t step = min_u64(name_room + desc_room, a.len);
        a.data += step;
        a.len -= step;
    }
    return 0;
}

static bool parse_number(const char *text, size_t len, uint64_t *v)
{
    uint64_t base = 10;
    size_t i = 0;

    if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        i = 2;
    }
    *v = 0;
    if (i == len)
        return false;
    for (; i < len; i++) {
        unsigned c = (unsigned char)text[i], low = c | 0x20;
        unsigned digit = c >= '0' && c <= '9'       ? c - '0'
                         : low >= 'a' && low <= 'f' ? low - 'a' + 10
                                                    : 16;
        if (digit >= base || !checked_mul(*v, base, v) || !checked_add(*v, digit, v))
            return false;
    }
    return true;
}

/* Keys of __xen_guest and the notes that they became. */
static const struct {
    const char *key;
    uint8_t type;
    bool number;
} legacy_keys[] = {
    {"GUEST_OS", XEN_ELFNOTE_GUEST_OS, false},
    {"GUEST_VER", XEN_ELFNOTE_GUEST_VERSION, false},
    {"XEN_VER", XEN_ELFNOTE_XEN_VERSION, false},
    {"LOADER", XEN_ELFNOTE_LOADER, false},
    {"PAE", XEN_ELFNOTE_PAE_MODE, false},
    {"FEATURES", XEN_ELFNOTE_FEATURES, false},
    {"BSD_SYMTAB", XEN_ELFNOTE_BSD_SYMTAB, false},
    {"VIRT_BASE", XEN_ELFNOTE_VIRT_BASE, true},
    {"VIRT_ENTRY", XEN_ELFNOTE_ENTRY, true},
    {"ELF_PADDR_OFFSET", XEN_ELFNOTE_PADDR_OFFSET, true},
    {"HYPERCALL_PAGE", XEN_ELFNOTE_HYPERCALL_PAGE, true},
};

static int take_legacy_item(struct xen_notes *n, const char *item, size_t len, const char **why)
{
    size_t key_len = text_until(item, len, '=');
    const char *value = item + key_len + 1;
    size_t value_len = key_len < len ? len - key_len - 1 : 0;

    for (unsigned i = 0; i < ARRAY_SIZE(legacy_keys); i++) {
        uint64_t v;
        uint8_t raw[8];

        if (!text_is(item, key_len, legacy_keys[i].key))
            continue;
        if (!legacy_keys[i].number)
            return take_note(n, legacy_keys[i].type, (const uint8_t *)(value_len ? value : ""),
                             value_len, why);
        if (!parse_number(value_len ? value : "", value_len, &v))
            return bad(-XEN_EINVAL, "__xen_guest holds a bad number", why);
        __builtin_memcpy(raw, &v, sizeof(raw));
        return take_note(n, legacy_keys[i].type, raw, sizeof(raw), why);
    }
    return 0;
}

static int take_legacy(struct xen_notes *n, struct elf_bytes s, const char **why)
{
    const char *text = (const char *)s.data;
    size_t len = text_until(text, s.len, '\0');

    n->legacy = true;
    while (len > 0) {
        size_t item = text_until(text, len, ',');
        int rc = take_legacy_item(n, text, item, why);
        if (rc)
            return rc;
        size_t step = min_u64(item + 1, len);
        text += step;
        len -= step;
    }
    /* There it is a page number above VIRT_BASE, not an address. */
    if (notes_has(n, XEN_ELFNOTE_HYPERCALL_PAGE))
        n->hypercall_page = (n->hypercall_page << PAGE_SHIFT) + n->virt_base;
    return 0;
}

static int find_notes(const struct elf_image *elf, struct xen_notes *n, const char **why)
{
    struct elf_bytes area;

    for (int sections = 0; sections < 2 && !n->present; sections++) {
        unsigned cursor = 0;
        while (elf_next_notes(elf, sections != 0, &cursor, &area)) {
            int rc = take_area(n, area, why);
            if (rc)
                return rc;
        }
    }
    if (!n->present && elf_section(elf, "__xen_guest", &area)) {
        int rc = take_legacy(n, area, why);
        if (rc)
            return rc;
    }
    return n->present ? 0 : bad(-XEN_ENOENT, "no Xen notes: not a kernel for Xen", why);
}

/* Without a paddr offset, __xen_guest kernels have virtual addresses in their ELF's paddr. */
static int resolve_addresses(const struct elf_image *elf, struct xen_notes *n, const char **why)
{
    uint64_t offset;

    if (!notes_has(n, XEN_ELFNOTE_PADDR_OFFSET))
        n->paddr_offset = n->legacy ? n->virt_base : 0;
    if (!notes_has(n, XEN_ELFNOTE_ENTRY))
        n->entry = elf->entry;
    offset = n->virt_base - n->paddr_offset; /* modulo 2^64, as kernels count */
    n->kernel = (struct range){elf->paddrs.start + offset, elf->paddrs.end + offset};

    if (!is_aligned(n->virt_base, PAGE_SIZE) || n->kernel.start >= n->kernel.end ||
        n->kernel.start < n->virt_base)
        return bad(-XEN_EINVAL, "the kernel's addresses contradict VIRT_BASE", why);
    if (!range_contains(n->kernel, n->entry))
        return bad(-XEN_EINVAL, "the entry point lies outside the kernel", why);
    if (notes_has(n, XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (!is_aligned(n->hypercall_page, PAGE_SIZE) ||
         !range_covers(n->kernel, n->hypercall_page, PAGE_SIZE)))
        return bad(-XEN_EINVAL, "the hypercall page lies outside the kernel", why);
    if (notes_has(n, XEN_ELFNOTE_INIT_P2M) && !is_aligned(n->init_p2m, PAGE_SIZE))
        return bad(-XEN_EINVAL, "INIT_P2M is not a page address", why);
    return 0;
}

int notes_parse(const struct elf_image *elf, struct xen_notes *n, const char **why)
{
    *n = (struct xen_notes){0};
    int rc = find_notes(elf, n, why);
    if (rc)
        return rc;
    /* A kernel with nothing but the PVH entry is no PV kernel. */
    if (n->present == (uint32_t)1 << XEN_ELFNOTE_PHYS32_ENTRY)
        return bad(-XEN_ENOEXEC, "the kernel has no PV entry", why);
    if (notes_has(n, XEN_ELFNOTE_XEN_VERSION) &&
        !text_is(n->xen_version, __builtin_strlen(n->xen_version), "xen-3.0"))
        return bad(-XEN_ENOEXEC, "the kernel is for another Xen ABI", why);
    if (notes_has(n, XEN_ELFNOTE_LOADER) &&
        !text_is(n->loader, __builtin_strlen(n->loader), "generic"))
        return bad(-XEN_ENOEXEC, "the kernel wants another loader", why);
    return resolve_addresses(elf, n, why);
}
