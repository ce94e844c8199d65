/*
 * A guest's memory and registers as an ELF core file: the sections of Xen's dump-core format 0.1,
 * in the places where xl puts them, so that crash and gdbsx read it.
 */
#include "lib/core_dump.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/progress.h"
#include "lib/pvmem.h"

enum { BATCH = 256, NOTE_NONE = 0x2000000, NOTE_HEADER, NOTE_VERSION, NOTE_FORMAT };

static const char names[] = "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_pages\0"
                            ".xen_p2m";
enum { S_NULL, S_STRTAB, S_NOTE, S_PRSTATUS, S_SHARED, S_PAGES, S_P2M, S_NR };

struct note {
    uint32_t namesz, descsz, type;
    char name[4];
} __attribute__((packed));

struct notes {
    struct note none;
    struct note header;
    uint64_t magic, nr_vcpus, nr_pages, page_size;
    struct note version;
    uint64_t major, minor;
    xen_extraversion_t extra;
    xen_compile_info_t compile;
    xen_capabilities_info_t caps;
    xen_changeset_info_t changeset;
    xen_platform_parameters_t platform;
    uint64_t pagesize;
    struct note format;
    uint64_t format_version;
} __attribute__((packed));

struct dump {
    struct hyp *h;
    uint32_t domid;
    FILE *f;
    struct pvmem m;
    uint64_t pages; /* the guest has now */
    uint64_t *p2m;  /* pairs pfn, mfn */
    uint32_t nr_vcpus;
    vcpu_guest_context_t *vcpu;
    struct why *w;
};

static struct note note(uint32_t type, size_t n)
{
    return (struct note){.namesz = 4, .descsz = (uint32_t)n, .type = type, .name = "Xen"};
}

static void fill_notes(struct dump *d, struct notes *n)
{
    memset(n, 0, sizeof *n);
    int v = hyp_version(d->h, XENVER_version, NULL, 0);
    n->none = note(NOTE_NONE, 0);
    n->header = note(NOTE_HEADER, 32);
    n->magic = 0xf00febed;
    n->nr_vcpus = d->nr_vcpus;
    n->nr_pages = d->pages;
    n->page_size = 4096;
    n->version = note(NOTE_VERSION, offsetof(struct notes, format) - offsetof(struct notes, major));
    n->major = (uint32_t)v >> 16;
    n->minor = v & 0xffff;
    hyp_version(d->h, XENVER_extraversion, n->extra, sizeof n->extra);
    hyp_version(d->h, XENVER_compile_info, &n->compile, sizeof n->compile);
    hyp_version(d->h, XENVER_capabilities, n->caps, sizeof n->caps);
    hyp_version(d->h, XENVER_changeset, n->changeset, sizeof n->changeset);
    hyp_version(d->h, XENVER_platform_parameters, &n->platform, sizeof n->platform);
    n->pagesize = 4096;
    n->format = note(NOTE_FORMAT, 8);
    n->format_version = 1;
}

static int read_vcpus(struct dump *d, uint32_t max)
{
    d->vcpu = calloc(max + 1ul, sizeof *d->vcpu);
    if (!d->vcpu)
        return why(d->w, -ENOMEM, "out of memory");
    for (uint32_t v = 0; v <= max; v++)
        if (hyp_get_context(d->h, d->domid, v, &d->vcpu[d->nr_vcpus]) >= 0)
            d->nr_vcpus++;
    return d->nr_vcpus ? 0 : why(d->w, -ENODATA, "it has no vcpu with a state: has it started?");
}

static void list_pages(struct dump *d)
{
    for (uint64_t pfn = 0; pfn < d->m.nr; pfn++)
        if (pvmem_pfn(&d->m, d->m.p2m[pfn]) == pfn) {
            d->p2m[2 * d->pages] = pfn;
            d->p2m[2 * d->pages + 1] = d->m.p2m[pfn];
            d->pages++;
        }
}

static void sections(struct dump *d, Elf64_Shdr s[S_NR])
{
    static const uint32_t type[S_NR] = {SHT_NULL,     SHT_STRTAB,   SHT_NOTE,    SHT_PROGBITS,
                                        SHT_PROGBITS, SHT_PROGBITS, SHT_PROGBITS};
    const uint64_t size[S_NR] = {
        0,    sizeof names,    sizeof(struct notes), d->nr_vcpus * sizeof *d->vcpu,
        4096, d->pages * 4096, d->pages * 16};
    uint32_t name = 0;
    uint64_t at = sizeof(Elf64_Ehdr) + S_NR * sizeof *s;
    memset(s, 0, S_NR * sizeof *s);
    for (int i = 1; i < S_NR; i++) {
        name += i == 1 ? 1 : (uint32_t)strlen(names + name) + 1;
        s[i].sh_name = name;
        s[i].sh_type = type[i];
        s[i].sh_size = size[i];
    }
    for (int i = S_NOTE; i < S_NR; i++) {
        if (i == S_PAGES)
            at = (at + 4095) & ~4095ul;
        s[i].sh_offset = at;
        at += s[i].sh_size;
    }
    s[S_STRTAB].sh_offset = at;
    s[S_PRSTATUS].sh_entsize = sizeof *d->vcpu;
    s[S_SHARED].sh_entsize = s[S_PAGES].sh_entsize = s[S_PAGES].sh_addralign = 4096;
    s[S_P2M].sh_entsize = 16;
    s[S_PRSTATUS].sh_addralign = s[S_SHARED].sh_addralign = s[S_P2M].sh_addralign = 8;
}

static int write_pages(struct dump *d)
{
    struct progress p;
    xen_pfn_t mfn[BATCH];
    int err[BATCH];
    static const uint8_t zero[4096];
    progress_start(&p, "dumping", d->pages, true);
    for (uint64_t at = 0; at < d->pages; at += BATCH) {
        uint64_t n = d->pages - at < BATCH ? d->pages - at : BATCH;
        for (uint64_t i = 0; i < n; i++)
            mfn[i] = d->p2m[2 * (at + i) + 1];
        uint8_t *map = hyp_map_some(d->h, d->domid, PROT_READ, mfn, err, n);
        if (!map)
            return why(d->w, -errno, "cannot map its memory: %s", strerror(errno));
        for (uint64_t i = 0; i < n; i++)
            fwrite(err[i] ? zero : map + i * 4096, 1, 4096, d->f);
        hyp_unmap(d->h, map, n);
        progress_at(&p, at);
        if (ferror(d->f))
            return why(d->w, -EIO, "cannot write it: is the disk full?");
    }
    progress_end(&p);
    return 0;
}

static int write_all(struct dump *d)
{
    Elf64_Shdr s[S_NR];
    struct notes n;
    Elf64_Ehdr e = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_SYSV, 1},
        .e_type = ET_CORE,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = sizeof e,
        .e_ehsize = sizeof e,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_shentsize = sizeof s[0],
        .e_shnum = S_NR,
        .e_shstrndx = S_STRTAB};
    sections(d, s);
    fill_notes(d, &n);
    fwrite(&e, sizeof e, 1, d->f);
    fwrite(s, sizeof s, 1, d->f);
    fwrite(&n, sizeof n, 1, d->f);
    fwrite(d->vcpu, sizeof *d->vcpu, d->nr_vcpus, d->f);
    fwrite(d->m.shared, 4096, 1, d->f);
    for (uint64_t at = s[S_SHARED].sh_offset + 4096; at < s[S_PAGES].sh_offset; at++)
        fputc(0, d->f);
    int rc = write_pages(d);
    fwrite(d->p2m, 16, d->pages, d->f);
    fwrite(names, sizeof names, 1, d->f);
    if (!rc && (ferror(d->f) || fflush(d->f)))
        rc = why(d->w, -EIO, "cannot write it: is the disk full?");
    return rc;
}

int core_dump(struct hyp *h, uint32_t domid, const char *path, struct why *w)
{
    struct dump d = {.h = h, .domid = domid, .w = w};
    hyp_dominfo info;
    int rc = hyp_info(h, domid, &info);
    if (rc < 0)
        return why(w, rc, "there is no such domain");
    rc = pvmem_open(h, domid, &d.m, w);
    if (rc)
        return rc;
    d.p2m = malloc(d.m.nr * 16);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    d.f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!d.f)
        rc = why(w, -errno, "'%s': %s", path, strerror(errno));
    else if (!d.p2m)
        rc = why(w, -ENOMEM, "out of memory");
    else {
        list_pages(&d);
        rc = read_vcpus(&d, info.max_vcpu_id);
        if (!rc)
            rc = write_all(&d);
    }
    if (d.f && fclose(d.f) && !rc)
        rc = why(w, -errno, "'%s': %s", path, strerror(errno));
    if (rc && d.f)
        unlink(path);
    free(d.p2m);
    free(d.vcpu);
    pvmem_close(h, &d.m);
    return rc;
}
