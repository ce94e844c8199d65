/*
 * Kernel loaders on hostile bytes. The first byte chooses the target: an ELF with notes and layout
 * plan, or a boot image whole.
 */
#include <stdlib.h>
#include <string.h>

#include "core/load/bzimage.h"
#include "core/load/plan.h"
#include "tests/port/elf_place.h"

enum { OUT_MAX = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *why;

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void try_plan(const struct xen_notes *notes, const uint8_t *choice)
{
    struct plan p;
    struct plan_request r = {
        .notes = notes,
        .nr_pages = load_le64(choice) >> (choice[8] & 63),
        .initrd_bytes = load_le64(choice + 8) >> (choice[9] & 63),
        .start_info_bytes = 1200,
        .xenstore_console = choice[10] & 1,
        .p2m_superpages = choice[10] & 2,
    };
    if (plan_make(&r, &p, &why))
        return;
    must(p.used_pages <= r.nr_pages);
    must(p.kernel.start >= p.block.start && p.stack.end < p.block.end);
    must(p.page_tables.end - p.page_tables.start == p.tables.total << 12);
    must(notes->entry >= p.kernel.start && notes->entry < p.kernel.end);
    must(plan_table(&p, 4, p.block.start) == p.tables.first[4]);
    must(plan_is_table(&p, plan_table(&p, 1, p.block.end - 1)));
    if (p.p2m_outside)
        must(plan_is_table(&p, plan_table(&p, p.p2m_superpages ? 2 : 1, p.p2m.end - 1)));
}

static void try_elf(const uint8_t *data, size_t size)
{
    struct elf_image elf;
    struct xen_notes notes;

    if (size < 16 || elf_parse(data + 16, size - 16, &elf, &why))
        return;
    uint64_t extent = elf.paddrs.end - elf.paddrs.start;
    if (extent < OUT_MAX) {
        uint8_t *to = malloc(extent);
        elf_place(&elf, to);
        free(to);
    }
    if (notes_parse(&elf, &notes, &why) == 0)
        try_plan(&notes, data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(16) uint8_t work[8 << 20];
    struct image image;
    size_t len = 0;

    if (size < 2)
        return 0;
    uint8_t target = *data++;
    if (--size && target % 2 == 0) {
        try_elf(data, size);
        return 0;
    }
    size_t cap = target & 64 ? OUT_MAX : 1000;
    uint8_t *out = malloc(cap);
    struct unpack u = {data, size, out, cap, work, target & 128 ? sizeof(work) : 4096};
    int rc = -XEN_EINVAL;
    if (image_find(data, size, &image, &why) == 0 && image.form != IMAGE_ELF)
        rc = image_unpack(&image, &u, &len, &why);
    if (rc == 0)
        must(len <= cap);
    else
        must(rc == -XEN_EINVAL || rc == -XEN_ENOSPC || rc == -XEN_EOPNOTSUPP || rc == -XEN_ENOMEM);
    free(out);
    return 0;
}
