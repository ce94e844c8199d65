/*
 * The domain builder (see build.h).
 *
 * What must hold when it ends: page-table frames are mapped nowhere writable (so the L4 is pinned
 * only after our own mappings of them are gone); each pfn's machine frame is in the guest's p2m
 * list; the M2P's entries were made by the hypervisor as it populated.
 */
#include "lib/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fault.h"
#include "lib/progress.h"

#define PTE_RW 0x67ul /* present, writable, user, accessed, dirty */
#define PTE_RO 0x65ul

int build_plan(struct build *b, const char *kernel, const char *ramdisk, struct why *w)
{
    const char *reason = "?";
    int rc = kernel_open(&b->kernel, kernel, w);
    if (!rc && ramdisk)
        rc = image_open(&b->initrd, ramdisk, "ramdisk", w);
    if (rc)
        return rc;
    struct plan_request r = {.notes = &b->kernel.notes,
                             .nr_pages = b->pages,
                             .initrd_bytes = b->initrd.len,
                             .start_info_bytes = sizeof(struct start_info),
                             .xenstore_console = true};
    rc = plan_make(&r, &b->plan, &reason);
    if (rc == -XEN_ENOMEM)
        return why(w, -ENOMEM,
                   "kernel '%s' (with its ramdisk, page tables and p2m list) does not "
                   "fit in memory=%llu: %s",
                   kernel, (unsigned long long)b->pages >> 8, reason);
    return rc ? why(w, -EINVAL, "kernel '%s' cannot be laid out: %s", kernel, reason) : 0;
}

void build_free(struct build *b)
{
    kernel_close(&b->kernel);
    image_close(&b->initrd);
    free(b->p2m);
    b->p2m = NULL;
}

/* --- memory --------------------------------------------------------------------------------- */

enum { BATCH = 256, BIG_ORDER = 9 };

/* pfns from `first` in extents of 2^order, as many as fit below `end`; stops where none is given.
 */
static int64_t populate(struct hyp *h, struct build *b, uint64_t first, uint64_t end,
                        unsigned order, struct progress *p)
{
    xen_pfn_t ext[BATCH];
    uint64_t step = 1ul << order;
    while (first + step <= end) {
        size_t n = (end - first) >> order;
        if (n > BATCH)
            n = BATCH;
        for (size_t i = 0; i < n; i++)
            ext[i] = first + (i << order);
        long got = hyp_populate(h, b->domid, order, ext, n);
        if (got < 0)
            return got;
        for (long i = 0; i < got; i++)
            for (uint64_t k = 0; k < step; k++)
                b->p2m[first + ((uint64_t)i << order) + k] = ext[i] + k;
        first += (uint64_t)got << order;
        progress_at(p, first);
        if ((size_t)got < n)
            break;
    }
    return (int64_t)first;
}

int build_populate(struct hyp *h, struct build *b, struct why *w)
{
    struct progress p;
    b->p2m = malloc(b->pages * sizeof *b->p2m);
    if (!b->p2m)
        return why(w, -ENOMEM, "out of memory for the list of %llu frames",
                   (unsigned long long)b->pages);
    progress_start(&p, "memory", b->pages, b->pages >= 1ul << 20);
    int64_t at = populate(h, b, 0, b->pages, BIG_ORDER, &p);
    /* What remains, or what fragmented memory could not give in big pieces. */
    if (at >= 0 && (uint64_t)at < b->pages)
        at = populate(h, b, (uint64_t)at, b->pages, 0, &p);
    progress_end(&p);
    if (at < 0)
        return why(w, (int)at, "the hypervisor gives no memory: %s", strerror((int)-at));
    if ((uint64_t)at < b->pages)
        return why(w, -ENOMEM, "the hypervisor gave only %lld of %llu MiB", (long long)at >> 8,
                   (unsigned long long)b->pages >> 8);
    return 0;
}

/* --- filling -------------------------------------------------------------------------------- */

/* Maps a run of pfns here, writable. */
static void *map(struct hyp *h, struct build *b, uint64_t pfn, uint64_t n)
{
    return hyp_map(h, b->domid, PROT_READ | PROT_WRITE, b->p2m + pfn, n);
}

static int no_map(struct why *w, const char *what)
{
    return why(w, -errno, "cannot map the guest's memory for its %s: %s", what, strerror(errno));
}

static int fill_kernel(struct hyp *h, struct build *b, struct why *w)
{
    const struct plan *pl = &b->plan;
    uint64_t n = (pl->kernel.end - pl->kernel.start) >> 12;
    uint8_t *p = map(h, b, pl->kernel_pfn, n);
    if (!p)
        return no_map(w, "kernel");
    int rc = kernel_copy(&b->kernel, p + (b->kernel.notes.kernel.start & 4095), w);
    hyp_unmap(h, p, n);
    return rc;
}

static int fill_initrd(struct hyp *h, struct build *b, struct why *w)
{
    if (!b->initrd.len)
        return 0;
    uint8_t *p = map(h, b, b->plan.initrd_pfn, b->plan.initrd_pages);
    if (!p)
        return no_map(w, "ramdisk");
    memcpy(p, b->initrd.data, b->initrd.len);
    hyp_unmap(h, p, b->plan.initrd_pages);
    return 0;
}

static int fill_p2m(struct hyp *h, struct build *b, struct why *w)
{
    uint8_t *p = map(h, b, b->plan.p2m_pfn, b->plan.p2m_pages);
    if (!p)
        return no_map(w, "p2m list");
    memcpy(p, b->p2m, b->pages * sizeof *b->p2m);
    hyp_unmap(h, p, b->plan.p2m_pages);
    return 0;
}

/* The tables of one run, mapped; entry() finds the word for a va at a level, in either run. */
struct tables {
    const struct plan *pl;
    uint64_t *block, *p2m;
};

static uint64_t *entry(struct tables *t, unsigned level, uint64_t va)
{
    uint64_t pfn = plan_table(t->pl, level, va), at = pfn - t->pl->tables.first[4];
    uint64_t *base = t->block;
    if (at >= t->pl->tables.total) {
        at = pfn - (t->pl->p2m_pfn + t->pl->p2m_pages);
        base = t->p2m;
    }
    return base + at * 512 + plan_index(level, va);
}

static void map_run(struct tables *t, const xen_pfn_t *p2m, uint64_t va, uint64_t end, uint64_t pfn,
                    uint64_t nr_pages)
{
    for (unsigned level = 4; level >= 2; level--) {
        uint64_t span = 1ul << (12 + 9 * (level - 1));
        for (uint64_t a = va & ~(span - 1); a < end && a >= (va & ~(span - 1)); a += span) {
            uint64_t at = a < va ? va : a;
            *entry(t, level, at) = p2m[plan_table(t->pl, level - 1, at)] << 12 | PTE_RW;
        }
    }
    for (; va < end && pfn < nr_pages; va += 4096, pfn++)
        *entry(t, 1, va) = p2m[pfn] << 12 | (plan_is_table(t->pl, pfn) ? PTE_RO : PTE_RW);
}

static int fill_tables(struct hyp *h, struct build *b, struct why *w)
{
    const struct plan *pl = &b->plan;
    struct tables t = {.pl = pl};
    uint64_t n2 = pl->p2m_tables.total, first2 = pl->p2m_pfn + pl->p2m_pages;
    t.block = map(h, b, pl->tables.first[4], pl->tables.total);
    t.p2m = n2 ? map(h, b, first2, n2) : NULL;
    if (!t.block || (n2 && !t.p2m)) {
        hyp_unmap(h, t.block, pl->tables.total);
        return no_map(w, "page tables");
    }
    memset(t.block, 0, pl->tables.total * 4096);
    if (n2)
        memset(t.p2m, 0, n2 * 4096);
    map_run(&t, b->p2m, pl->block.start, pl->block.end, 0, b->pages);
    if (pl->p2m_outside)
        map_run(&t, b->p2m, pl->p2m.start, pl->p2m.start + pl->p2m_pages * 4096, pl->p2m_pfn,
                pl->p2m_pfn + pl->p2m_pages);
    hyp_unmap(h, t.block, pl->tables.total);
    hyp_unmap(h, t.p2m, n2);
    return 0;
}

static void fill_start_info(struct build *b, struct start_info *si, uint64_t shared_info_mfn)
{
    const struct plan *pl = &b->plan;
    memset(si, 0, 4096);
    strcpy(si->magic, "xen-3.0-x86_64");
    si->nr_pages = b->pages;
    si->shared_info = shared_info_mfn << 12;
    si->store_mfn = b->store_mfn;
    si->store_evtchn = b->store_port;
    si->console.domU.mfn = b->console_mfn;
    si->console.domU.evtchn = b->console_port;
    si->pt_base = pl->page_tables.start;
    si->nr_pt_frames = pl->tables.total;
    si->mfn_list = pl->p2m.start;
    if (pl->p2m_outside) {
        si->first_p2m_pfn = pl->p2m_pfn;
        si->nr_p2m_frames = pl->p2m_pages + pl->p2m_tables.total;
    }
    if (b->initrd.len) {
        bool mapped = pl->initrd.end > pl->initrd.start;
        si->mod_start = mapped ? pl->initrd.start : pl->initrd_pfn;
        si->mod_len = b->initrd.len;
        if (!mapped)
            si->flags |= SIF_MOD_START_PFN;
    }
    if (b->cmdline)
        snprintf((char *)si->cmd_line, sizeof si->cmd_line, "%s", b->cmdline);
}

/* start_info, the rings and the stack lie side by side or not: each page is mapped by itself. */
static int fill_pages(struct hyp *h, struct build *b, uint64_t shared_mfn, struct why *w)
{
    const uint64_t pfns[] = {b->plan.start_info_pfn, b->plan.xenstore_pfn, b->plan.console_pfn,
                             b->plan.stack_pfn};
    xen_pfn_t mfns[5];
    for (int i = 0; i < 4; i++)
        mfns[i] = b->p2m[pfns[i]];
    mfns[4] = shared_mfn;
    uint8_t *p = hyp_map(h, b->domid, PROT_READ | PROT_WRITE, mfns, 5);
    if (!p)
        return no_map(w, "start page");
    b->store_mfn = mfns[1];
    b->console_mfn = mfns[2];
    fill_start_info(b, (struct start_info *)p, shared_mfn);
    memset(p + 4096, 0, 3 * 4096);
    shared_info_t *si = (shared_info_t *)(p + 4 * 4096);
    memset(si, 0, sizeof *si);
    for (int v = 0; v < XEN_LEGACY_MAX_VCPUS; v++)
        si->vcpu_info[v].evtchn_upcall_mask = 1;
    hyp_unmap(h, p, 5);
    return 0;
}

static int start_vcpu(struct hyp *h, struct build *b, struct why *w)
{
    const struct plan *pl = &b->plan;
    uint64_t l4 = b->p2m[pl->tables.first[4]];
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = l4};
    int rc = hyp_mmuext(h, (uint16_t)b->domid, &pin, 1);
    if (rc < 0)
        return why(w, rc, "the hypervisor refuses its page tables: %s", strerror(-rc));
    vcpu_guest_context_t *c = calloc(1, sizeof *c);
    if (!c)
        return why(w, -ENOMEM, "out of memory");
    c->flags = VGCF_in_kernel | VGCF_online;
    c->user_regs.rip = b->kernel.notes.entry;
    c->user_regs.rsp = pl->stack.end;
    c->user_regs.rsi = pl->start_info.start;
    c->user_regs.rflags = 0x200;
    c->user_regs.cs = FLAT_KERNEL_CS;
    c->user_regs.ss = FLAT_KERNEL_SS;
    c->kernel_ss = FLAT_KERNEL_SS;
    c->kernel_sp = pl->stack.end;
    c->ctrlreg[3] = l4 << 12;
    c->debugreg[6] = 0xffff0ff0;
    c->debugreg[7] = 0x400;
    rc = hyp_set_context(h, b->domid, 0, c);
    free(c);
    return rc < 0 ? why(w, rc, "the hypervisor refuses vcpu 0's first state: %s", strerror(-rc))
                  : 0;
}

/* Older kernels name a page that the hypervisor fills with stubs. */
static int fill_hypercall_page(struct hyp *h, struct build *b, struct why *w)
{
    if (!notes_has(&b->kernel.notes, XEN_ELFNOTE_HYPERCALL_PAGE))
        return 0;
    struct xen_domctl op = {.cmd = XEN_DOMCTL_hypercall_init, .domain = (domid_t)b->domid};
    op.u.hypercall_init.gmfn = b->p2m[plan_pfn(&b->plan, b->kernel.notes.hypercall_page)];
    int rc = hyp_domctl(h, &op);
    return rc < 0 ? why(w, rc, "cannot fill its hypercall page: %s", strerror(-rc)) : 0;
}

int build_fill(struct hyp *h, struct build *b, struct why *w)
{
    hyp_dominfo d;
    int rc = hyp_info(h, b->domid, &d);
    if (rc < 0)
        return why(w, rc, "the new domain vanished");
    if ((rc = FAULT(w)) || (rc = fill_kernel(h, b, w)) || (rc = FAULT(w)) ||
        (rc = fill_initrd(h, b, w)) || (rc = fill_p2m(h, b, w)) || (rc = FAULT(w)) ||
        (rc = fill_pages(h, b, d.shared_info_frame, w)) || (rc = fill_hypercall_page(h, b, w)) ||
        (rc = fill_tables(h, b, w)) || (rc = FAULT(w)))
        return rc;
    return start_vcpu(h, b, w);
}

int build_grants(struct hyp *h, uint32_t domid, uint64_t console_mfn, uint64_t store_mfn,
                 struct why *w)
{
    void *res;
    grant_entry_v1_t *g = hyp_map_grants(h, domid, &res);
    if (!g)
        return why(w, -errno, "cannot map its grant table: %s", strerror(errno));
    const uint64_t mfn[] = {console_mfn, store_mfn};
    const unsigned ref[] = {GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE};
    for (int i = 0; i < 2; i++) {
        g[ref[i]].domid = 0;
        g[ref[i]].frame = (uint32_t)mfn[i];
        __atomic_store_n(&g[ref[i]].flags, GTF_permit_access, __ATOMIC_RELEASE);
    }
    hyp_unmap_grants(h, res);
    return 0;
}
