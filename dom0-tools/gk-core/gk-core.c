/*
 * gk-core: turns a dump of a PV guest (axl dump-core, xl dump-core) into a core file that gdb
 * opens.
 *
 * usage: gk-core DUMP CORE      then: gdb image.debug CORE
 *
 * A dump holds frames by their numbers in the machine; gdb wants memory by address. So vcpu 0's
 * page tables, found in the dump like everything else, are walked, and each run of mapped pages
 * becomes a segment. Each vcpu becomes a thread. What is mapped and not in the dump (foreign
 * frames, the hypervisor's own range) is left out. The dump is checked, not trusted: every section
 * lies in the file, and a page table that maps far more than there is ends the walk.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/xen.h>

#define PAGE         4096UL
#define ADDRESS_BITS 0x000ffffffffff000UL
#define PRESENT      1UL
#define LARGE        0x80UL
/* The slots of a level-4 table that are the hypervisor's, in every PV guest. */
#define HV_SLOT_FIRST 256U
#define HV_SLOT_LAST  271U
#define RUNS_MAX      60000U /* as many as the header's 16 bits take */

struct frame {
    uint64_t mfn, index; /* the how-manieth page of the dump */
};

struct run {
    uint64_t address, pages, first; /* in `order` */
};

static const uint8_t *dump;
static size_t dump_size;
static const uint8_t *pages;
static uint64_t nr_pages, nr_vcpus;
static const vcpu_guest_context_t *vcpus;
static struct frame *frames;
static struct run *runs;
static size_t nr_runs;
static uint64_t *order; /* pages in the order of the core file */
static uint64_t nr_order, max_order;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "gk-core: %s\n", what);
    exit(1);
}

static void *must(void *p)
{
    return p ? p : (die("out of memory"), p);
}

static const void *section(const char *name, size_t *size)
{
    const Elf64_Ehdr *e = (const void *)dump;
    const Elf64_Shdr *s = (const void *)(dump + e->e_shoff), *found = NULL;

    if (e->e_shoff % 8 || e->e_shoff > dump_size ||
        e->e_shnum > (dump_size - e->e_shoff) / sizeof(*s) || !e->e_shstrndx ||
        e->e_shstrndx >= e->e_shnum)
        die("the dump's section table is not in the file");
    const Elf64_Shdr *names = &s[e->e_shstrndx];
    for (unsigned int i = 1; i < e->e_shnum; i++)
        if (s[i].sh_offset > dump_size || s[i].sh_size > dump_size - s[i].sh_offset)
            die("a section of the dump is not in the file: is it cut short?");
    for (unsigned int i = 1; i < e->e_shnum; i++) {
        size_t length = strlen(name) + 1;
        if (s[i].sh_name < names->sh_size && length <= names->sh_size - s[i].sh_name &&
            !memcmp(dump + names->sh_offset + s[i].sh_name, name, length))
            found = &s[i];
    }
    if (!found)
        return NULL;
    *size = found->sh_size;
    return dump + found->sh_offset;
}

static int by_mfn(const void *a, const void *b)
{
    const struct frame *x = a, *y = b;

    return x->mfn < y->mfn ? -1 : x->mfn > y->mfn;
}

static void dump_open(const char *path)
{
    struct stat st;
    size_t size, p2m_size;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st))
        die(strerror(errno));
    dump_size = (size_t)st.st_size;
    dump = dump_size < sizeof(Elf64_Ehdr) ? MAP_FAILED
                                          : mmap(NULL, dump_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (dump == MAP_FAILED || memcmp(dump, ELFMAG, SELFMAG) || dump[EI_CLASS] != ELFCLASS64)
        die("this is no 64-bit ELF file");
    close(fd);
    vcpus = section(".xen_prstatus", &size);
    const uint64_t *p2m = section(".xen_p2m", &p2m_size);
    if (!vcpus || !p2m || (uintptr_t)vcpus % 8 || (uintptr_t)p2m % 8 || size < sizeof(*vcpus))
        die("this is no dump of a PV guest (sections .xen_prstatus, .xen_p2m)");
    nr_vcpus = size / sizeof(*vcpus);
    nr_pages = p2m_size / 16;
    pages = section(".xen_pages", &size);
    if (!pages || size / PAGE < nr_pages)
        die("the dump has fewer pages than its table says");
    frames = must(calloc(nr_pages + 1, sizeof(*frames)));
    for (uint64_t i = 0; i < nr_pages; i++)
        frames[i] = (struct frame){p2m[2 * i + 1], i};
    qsort(frames, nr_pages, sizeof(*frames), by_mfn);
    max_order = 8 * nr_pages + 1024;
    order = must(calloc(max_order, sizeof(*order)));
    runs = must(calloc(RUNS_MAX, sizeof(*runs)));
}

static bool page_of(uint64_t mfn, uint64_t *index)
{
    const struct frame key = {.mfn = mfn};
    const struct frame *f = bsearch(&key, frames, nr_pages, sizeof(*frames), by_mfn);

    if (f)
        *index = f->index;
    return f;
}

/* False: enough. */
static bool emit(uint64_t address, uint64_t index)
{
    struct run *r = nr_runs ? &runs[nr_runs - 1] : NULL;

    if (nr_order == max_order)
        return false;
    if (!r || r->address + r->pages * PAGE != address) {
        if (nr_runs == RUNS_MAX)
            return false;
        r = &runs[nr_runs++];
        *r = (struct run){.address = address, .first = nr_order};
    }
    r->pages++;
    order[nr_order++] = index;
    return true;
}

static uint64_t canonical(uint64_t address)
{
    return address & 1UL << 47 ? address | 0xffffUL << 48 : address;
}

static bool walk(uint64_t mfn, unsigned int level, uint64_t base, uint64_t *tables)
{
    uint64_t index, page;

    if (!page_of(mfn, &index))
        return true;
    if (++*tables > max_order)
        return false;
    const uint64_t *table = (const uint64_t *)(pages + index * PAGE);
    for (unsigned int i = 0; i < 512; i++) {
        uint64_t entry, address = base | (uint64_t)i << (12 + 9 * (level - 1));
        memcpy(&entry, &table[i], sizeof(entry));
        if (!(entry & PRESENT) || (level == 4 && i >= HV_SLOT_FIRST && i <= HV_SLOT_LAST) ||
            (level > 1 && level < 4 && entry & LARGE))
            continue;
        uint64_t to = (entry & ADDRESS_BITS) / PAGE;
        if (level > 1 ? !walk(to, level - 1, address, tables)
                      : page_of(to, &page) && !emit(canonical(address), page))
            return false;
    }
    return true;
}

struct thread_note {
    Elf64_Nhdr head;
    char name[8];
    struct elf_prstatus status;
} __attribute__((packed, aligned(4)));

static void thread_fill(struct thread_note *n, const vcpu_guest_context_t *v, unsigned int id)
{
    const cpu_user_regs_t *u = &v->user_regs;
    /* In the order of <sys/user.h>: struct user_regs_struct. */
    const uint64_t regs[] = {
        u->r15,
        u->r14,
        u->r13,
        u->r12,
        u->rbp,
        u->rbx,
        u->r11,
        u->r10,
        u->r9,
        u->r8,
        u->rax,
        u->rcx,
        u->rdx,
        u->rsi,
        u->rdi,
        u->rax,
        u->rip,
        u->cs,
        u->rflags,
        u->rsp,
        u->ss,
        v->fs_base,
        v->gs_base_kernel,
        u->ds,
        u->es,
        u->fs,
        u->gs,
    };

    memset(n, 0, sizeof(*n));
    n->head = (Elf64_Nhdr){.n_namesz = 5, .n_descsz = sizeof(n->status), .n_type = NT_PRSTATUS};
    memcpy(n->name, "CORE", 5);
    n->status.pr_pid = (int)id + 1;
    memcpy(&n->status.pr_reg, regs, sizeof(regs));
    _Static_assert(sizeof(regs) == sizeof(n->status.pr_reg), "all registers");
}

static void core_write(FILE *f)
{
    uint64_t notes_at = sizeof(Elf64_Ehdr) + (nr_runs + 1) * sizeof(Elf64_Phdr);
    uint64_t notes = nr_vcpus * sizeof(struct thread_note);
    uint64_t at = (notes_at + notes + PAGE - 1) & ~(PAGE - 1);
    static const uint8_t zero[PAGE];
    Elf64_Ehdr e = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                    .e_type = ET_CORE,
                    .e_machine = EM_X86_64,
                    .e_version = EV_CURRENT,
                    .e_phoff = sizeof(e),
                    .e_ehsize = sizeof(e),
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = (Elf64_Half)(nr_runs + 1)};
    Elf64_Phdr p = {.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes, .p_align = 4};

    fwrite(&e, sizeof(e), 1, f);
    fwrite(&p, sizeof(p), 1, f);
    for (size_t i = 0; i < nr_runs; i++) {
        uint64_t size = runs[i].pages * PAGE;
        p = (Elf64_Phdr){.p_type = PT_LOAD,
                         .p_flags = PF_R | PF_W | PF_X,
                         .p_offset = at + runs[i].first * PAGE,
                         .p_vaddr = runs[i].address,
                         .p_filesz = size,
                         .p_memsz = size,
                         .p_align = PAGE};
        fwrite(&p, sizeof(p), 1, f);
    }
    for (unsigned int i = 0; i < nr_vcpus; i++) {
        struct thread_note n;
        thread_fill(&n, &vcpus[i], i);
        fwrite(&n, sizeof(n), 1, f);
    }
    fwrite(zero, 1, at - notes_at - notes, f);
    for (uint64_t i = 0; i < nr_order; i++)
        fwrite(pages + order[i] * PAGE, PAGE, 1, f);
}

int main(int argc, char **argv)
{
    uint64_t tables = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: gk-core DUMP CORE\n");
        return 2;
    }
    dump_open(argv[1]);
    if (!walk(vcpus[0].ctrlreg[3] / PAGE, 4, 0, &tables))
        fprintf(stderr, "gk-core: more is mapped than fits: the core has the first part of it\n");
    if (!nr_order)
        die("the page tables of vcpu 0 are not in the dump");
    FILE *f = fopen(argv[2], "we");
    if (!f)
        die(strerror(errno));
    core_write(f);
    if (ferror(f) | fclose(f))
        die("the core cannot be written: is the disk full?");
    printf("%lu vcpus, %lu pages in %zu ranges\n", nr_vcpus, nr_order, nr_runs);
    return 0;
}
