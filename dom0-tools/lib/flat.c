/* The flat description of a kernel: made by who parsed it, checked by who uses it (see flat.h). */
#include "lib/flat.h"

#include <errno.h>
#include <string.h>

void flat_make(struct flat *f, const struct image *i)
{
    const uint64_t start = i->elf.paddrs.start;
    f->unpacked = i->unpacked;
    f->notes = i->notes;
    f->nr_parts = i->elf.nr_loads;
    for (unsigned k = 0; k < f->nr_parts; k++) {
        const struct elf_load *l = &i->elf.loads[k];
        unsigned to = k;
        for (; to > 0 && f->part[to - 1].at > l->paddr - start; to--)
            f->part[to] = f->part[to - 1];
        f->part[to] = (struct flat_part){.offset = i->elf_at + (uint64_t)(l->data - i->elf.data),
                                         .file = l->filesz,
                                         .at = l->paddr - start,
                                         .mem = l->memsz};
    }
}

/* A terminal shows it: nothing that is not plain text passes. */
static void make_text(char *s, size_t room)
{
    s[room - 1] = 0;
    for (; *s; s++)
        if (*s < ' ' || *s > '~')
            *s = '?';
}

static bool parts_fit(const struct flat *f, uint64_t source, uint64_t size)
{
    uint64_t done = 0;
    if (f->nr_parts == 0 || f->nr_parts > ELF_LOADS_MAX)
        return false;
    for (uint32_t i = 0; i < f->nr_parts; i++) {
        const struct flat_part *p = &f->part[i];
        if (p->offset > source || p->file > source - p->offset || p->file > p->mem ||
            p->at < done || p->at > size || p->mem > size - p->at)
            return false;
        done = p->at + p->mem;
    }
    return done == size;
}

static bool addresses_fit(const struct xen_notes *n)
{
    return n->virt_base % 4096 == 0 && n->kernel.start < n->kernel.end &&
           n->kernel.start >= n->virt_base && range_contains(n->kernel, n->entry) &&
           (!notes_has(n, XEN_ELFNOTE_HYPERCALL_PAGE) ||
            (n->hypercall_page % 4096 == 0 && range_covers(n->kernel, n->hypercall_page, 4096))) &&
           (!notes_has(n, XEN_ELFNOTE_INIT_P2M) || n->init_p2m % 4096 == 0);
}

int flat_check(struct flat *f, uint64_t file_len, uint64_t room, struct why *w)
{
    struct xen_notes *n = &f->notes;
    make_text(f->w.text, sizeof f->w.text);
    make_text(n->guest_os, sizeof n->guest_os);
    make_text(n->guest_version, sizeof n->guest_version);
    make_text(n->xen_version, sizeof n->xen_version);
    make_text(n->loader, sizeof n->loader);
    if (f->done && f->rc < 0 && f->rc >= -4095)
        return why(w, f->rc, "%s", f->w.text);
    if (f->done != 1 || f->rc || f->unpacked > room || !addresses_fit(n) ||
        !parts_fit(f, f->unpacked ? f->unpacked : file_len, range_length(n->kernel)))
        return why(w, -EINVAL, "what its reader says of it cannot be: made to mislead axl?");
    return 0;
}
