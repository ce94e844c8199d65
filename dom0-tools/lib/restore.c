/*
 * Bringing a guest back from a file (see save.h).
 *
 * The file's numbers of frames are the guest's own (pfns); each gets a new machine frame at its
 * first mention. What stands in page tables and vcpus is turned into machine numbers here, and
 * the hypervisor checks it all again when the tables are pinned and the contexts set.
 */
#include "lib/save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/build.h"
#include "lib/cons.h"
#include "lib/create.h"
#include "lib/fault.h"
#include "lib/guest.h"
#include "lib/progress.h"
#include "lib/stream.h"

#define NONE       (~0ul)
#define FRAME_BITS 0x000ffffffffff000ul

struct blob {
    uint8_t *data;
    size_t len;
};

struct vcpu_blobs {
    struct blob basic, extended, xsave, msrs;
};

struct restoring {
    struct hyp *h;
    uint32_t domid;
    struct why *w;
    struct newborn n;
    uint64_t max_pfn, nr; /* nr: max_pfn + 1 */
    uint64_t *p2m;        /* pfn -> mfn */
    uint8_t *type;        /* pfn -> PAGE_... with PAGE_PIN */
    uint64_t *list_pfn;   /* frames of the guest's own p2m list */
    uint64_t nr_list;
    struct blob cpuid, msr, shared;
    struct vcpu_blobs *vcpu;
    uint32_t nr_vcpus;
    bool info, statics;
};

static int keep(struct restoring *r, struct blob *b, const void *p, size_t n)
{
    free(b->data);
    b->data = malloc(n + 1);
    if (!b->data)
        return why(r->w, -ENOMEM, "out of memory");
    memcpy(b->data, p, n);
    b->len = n;
    return 0;
}

/* --- memory --------------------------------------------------------------------------------- */

/* Gives new frames to those of the pfns that have none. */
static int populate(struct restoring *r, const uint64_t *pfn, size_t n)
{
    xen_pfn_t ask[512];
    uint64_t who[512];
    size_t k = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && r->p2m[pfn[i]] == NONE) {
            r->p2m[pfn[i]] = 0; /* so that a pfn named twice is asked for once */
            who[k] = ask[k] = pfn[i];
            k++;
        }
        if (!k || (i < n && k < 512))
            continue;
        long got = hyp_populate(r->h, r->domid, 0, ask, k);
        if (got != (long)k)
            return why(r->w, got < 0 ? (int)got : -ENOMEM,
                       "the hypervisor gives it no more memory: "
                       "%s",
                       strerror(got < 0 ? (int)-got : ENOMEM));
        for (size_t q = 0; q < k; q++)
            r->p2m[who[q]] = ask[q];
        k = 0;
    }
    return 0;
}

/* A page table's entries, from pfns to machine frames; what they name is populated first. */
static int localise(struct restoring *r, uint64_t *pte)
{
    uint64_t need[512];
    size_t k = 0;
    for (unsigned i = 0; i < 512; i++) {
        uint64_t pfn = (pte[i] & FRAME_BITS) >> 12;
        if (!(pte[i] & 1))
            continue;
        if (pfn > r->max_pfn)
            return why(r->w, -EINVAL,
                       "damaged: a page table entry names page %llu, beyond the "
                       "guest's last",
                       (unsigned long long)pfn);
        if (r->p2m[pfn] == NONE)
            need[k++] = pfn;
    }
    int rc = populate(r, need, k);
    for (unsigned i = 0; !rc && i < 512; i++)
        if (pte[i] & 1)
            pte[i] = (pte[i] & ~FRAME_BITS) | r->p2m[(pte[i] & FRAME_BITS) >> 12] << 12;
    return rc;
}

static int put_pages(struct restoring *r, const struct page_data *d, uint32_t first, uint32_t nr,
                     const uint8_t **from)
{
    xen_pfn_t mfn[256];
    uint32_t k = 0, n = 0;
    for (uint32_t i = first; i < first + nr; i++)
        if (page_has_contents(page_type(d->entry[i])))
            mfn[n++] = r->p2m[page_pfn(d->entry[i])];
    if (!n)
        return 0;
    uint8_t *p = hyp_map(r->h, r->domid, PROT_READ | PROT_WRITE, mfn, n);
    if (!p)
        return why(r->w, -errno, "cannot map its memory: %s", strerror(errno));
    int rc = 0;
    for (uint32_t i = first; i < first + nr && !rc; i++) {
        unsigned t = page_type(d->entry[i]);
        if (!page_has_contents(t))
            continue;
        uint64_t page[512];
        memcpy(page, *from, 4096);
        *from += 4096;
        if ((t & 7) >= PAGE_L1 && (t & 7) <= PAGE_L4)
            rc = localise(r, page);
        memcpy(p + 4096ul * k++, page, 4096);
    }
    hyp_unmap(r->h, p, n);
    return rc;
}

static int on_pages(struct restoring *r, const struct record *rec)
{
    struct page_data d;
    uint64_t need[STREAM_PAGES];
    size_t k = 0;
    if (!r->p2m)
        return why(r->w, -EINVAL, "damaged: memory comes before its description");
    int rc = stream_page_data(rec, r->max_pfn, &d, r->w);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < d.nr; i++) {
        unsigned t = page_type(d.entry[i]);
        r->type[page_pfn(d.entry[i])] = (uint8_t)t;
        if (t != PAGE_NONE && t != PAGE_BROKEN)
            need[k++] = page_pfn(d.entry[i]);
    }
    rc = populate(r, need, k);
    const uint8_t *from = d.pages;
    for (uint32_t i = 0; !rc && i < d.nr; i += 256)
        rc = put_pages(r, &d, i, d.nr - i < 256 ? d.nr - i : 256, &from);
    return rc;
}

static int on_p2m_frames(struct restoring *r, const struct record *rec)
{
    struct p2m_frames f;
    int rc = stream_p2m_frames(rec, &f, r->w);
    if (rc)
        return rc;
    if (r->p2m || f.start)
        return why(r->w, -EOPNOTSUPP, "its memory is described in several pieces");
    r->max_pfn = f.end;
    r->nr = (uint64_t)f.end + 1;
    r->p2m = malloc(r->nr * 8);
    r->type = calloc(r->nr, 1);
    r->list_pfn = malloc(f.nr * 8ul);
    if (!r->p2m || !r->type || !r->list_pfn)
        return why(r->w, -ENOMEM, "out of memory");
    memset(r->p2m, 0xff, r->nr * 8);
    memcpy(r->list_pfn, f.pfn, f.nr * 8ul);
    r->nr_list = f.nr;
    for (uint64_t i = 0; i < r->nr_list; i++)
        if (r->list_pfn[i] > r->max_pfn)
            return why(r->w, -EINVAL, "damaged: its memory list lies outside its memory");
    return 0;
}

/* --- small records -------------------------------------------------------------------------- */

static int on_info(struct restoring *r, const struct record *rec)
{
    if (rec->length != 8 || rec->body[0] != 8 || rec->body[1] != 4)
        return why(r->w, -EOPNOTSUPP, "not a 64-bit guest with four levels of page tables");
    r->info = true;
    return 0;
}

static int on_statics(struct restoring *r)
{
    r->statics = true;
    if (!r->cpuid.len && !r->msr.len)
        return 0;
    int rc =
        hyp_set_policy(r->h, r->domid, (const void *)r->cpuid.data,
                       (uint32_t)(r->cpuid.len / sizeof(xen_cpuid_leaf_t)),
                       (const void *)r->msr.data, (uint32_t)(r->msr.len / sizeof(xen_msr_entry_t)));
    if (rc < 0 && rc != -ENOSYS && rc != -EOPNOTSUPP)
        return why(r->w, rc, "its CPU has features that this machine cannot give it (%s)",
                   strerror(-rc));
    return 0;
}

static int on_clock(struct restoring *r, const struct record *rec)
{
    struct {
        uint32_t mode, khz;
        uint64_t nsec;
        uint32_t incarnation, zero;
    } t;
    if (rec->length != sizeof t)
        return why(r->w, -EINVAL, "damaged: a clock record of %u bytes", rec->length);
    memcpy(&t, rec->body, sizeof t);
    struct xen_domctl_tsc_info i = {.tsc_mode = t.mode,
                                    .gtsc_khz = t.khz,
                                    .incarnation = t.incarnation,
                                    .elapsed_nsec = t.nsec};
    int rc = hyp_set_tsc(r->h, r->domid, &i);
    return rc < 0 ? why(r->w, rc, "cannot set its clock: %s", strerror(-rc)) : 0;
}

static int on_vcpu(struct restoring *r, const struct record *rec)
{
    uint32_t v;
    if (rec->length <= 8)
        return rec->type == REC_PV_VCPU_BASIC ? why(r->w, -EINVAL, "damaged: an empty vcpu record")
                                              : 0;
    memcpy(&v, rec->body, 4);
    if (v >= r->nr_vcpus)
        return why(r->w, -EINVAL, "damaged: state of vcpu %u of %u", v, r->nr_vcpus);
    struct blob *b = rec->type == REC_PV_VCPU_BASIC      ? &r->vcpu[v].basic
                     : rec->type == REC_PV_VCPU_EXTENDED ? &r->vcpu[v].extended
                     : rec->type == REC_PV_VCPU_XSAVE    ? &r->vcpu[v].xsave
                                                         : &r->vcpu[v].msrs;
    size_t n = rec->length - 8;
    if ((b == &r->vcpu[v].basic && n != sizeof(vcpu_guest_context_t)) ||
        (b == &r->vcpu[v].extended && n > 128) || n > 1 << 20)
        return why(r->w, -EINVAL, "damaged: state of vcpu %u in %zu bytes", v, n);
    return keep(r, b, rec->body + 8, n);
}

static int on_record(struct restoring *r, const struct record *rec)
{
    switch (rec->type) {
    case REC_PV_INFO:
        return on_info(r, rec);
    case REC_CPUID_POLICY:
        return keep(r, &r->cpuid, rec->body, rec->length);
    case REC_MSR_POLICY:
        return keep(r, &r->msr, rec->body, rec->length);
    case REC_STATIC_DATA_END:
        return on_statics(r);
    case REC_PV_P2M_FRAMES:
        return !r->info ? why(r->w, -EINVAL, "damaged: it does not say what guest this is")
                        : on_p2m_frames(r, rec);
    case REC_PAGE_DATA:
        return on_pages(r, rec);
    case REC_TSC_INFO:
        return on_clock(r, rec);
    case REC_SHARED_INFO:
        return rec->length == 4096
                   ? keep(r, &r->shared, rec->body, 4096)
                   : why(r->w, -EINVAL, "damaged: shared info of %u bytes", rec->length);
    case REC_PV_VCPU_BASIC:
    case REC_PV_VCPU_EXTENDED:
    case REC_PV_VCPU_XSAVE:
    case REC_PV_VCPU_MSRS:
        return on_vcpu(r, rec);
    case REC_VERIFY:
        return 0;
    default:
        return why(r->w, -EOPNOTSUPP, "a record of unknown type 0x%x", rec->type);
    }
}

/* --- putting it together -------------------------------------------------------------------- */

/* The machine frame of a pfn from the file that must be of a type; what: for the sentence. */
static int frame_of(struct restoring *r, uint64_t pfn, int want, const char *what, uint64_t *mfn)
{
    if (!r->p2m || pfn > r->max_pfn || r->p2m[pfn] == NONE ||
        (want >= 0 && (r->type[pfn] & 7) != want))
        return why(r->w, -EINVAL, "damaged: its %s is not where a %s can be (page %llu)", what,
                   what, (unsigned long long)pfn);
    *mfn = r->p2m[pfn];
    return 0;
}

static int pin_tables(struct restoring *r)
{
    static const uint32_t cmd[5] = {0, MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                    MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE};
    struct mmuext_op op[64];
    unsigned n = 0;
    for (uint64_t pfn = 0; pfn <= r->nr; pfn++) {
        if (pfn < r->nr && r->type[pfn] & PAGE_PIN && r->type[pfn] < PAGE_BROKEN) {
            op[n] = (struct mmuext_op){.cmd = cmd[r->type[pfn] & 7]};
            op[n++].arg1.mfn = r->p2m[pfn];
        }
        if (n == 64 || (n && pfn == r->nr)) {
            int rc = hyp_mmuext(r->h, (uint16_t)r->domid, op, n);
            if (rc < 0)
                return why(r->w, rc, "the hypervisor refuses its page tables (%s); damaged?",
                           strerror(-rc));
            n = 0;
        }
    }
    return 0;
}

static int put_p2m(struct restoring *r)
{
    for (uint64_t i = 0; i < r->nr_list; i++) {
        uint64_t mfn, n = r->nr - i * 512 < 512 ? r->nr - i * 512 : 512;
        int rc = frame_of(r, r->list_pfn[i], PAGE_NOTAB, "memory list", &mfn);
        if (rc)
            return rc;
        uint64_t *p = hyp_map(r->h, r->domid, PROT_READ | PROT_WRITE, (xen_pfn_t *)&mfn, 1);
        if (!p)
            return why(r->w, -errno, "cannot map its memory list: %s", strerror(errno));
        memcpy(p, r->p2m + i * 512, n * 8);
        hyp_unmap(r->h, p, 1);
    }
    return 0;
}

static int put_shared(struct restoring *r, uint64_t mfn)
{
    if (!r->shared.len)
        return why(r->w, -EINVAL, "damaged: its shared info page is missing");
    const shared_info_t *old = (const void *)r->shared.data;
    shared_info_t *si = hyp_map(r->h, r->domid, PROT_READ | PROT_WRITE, (xen_pfn_t *)&mfn, 1);
    if (!si)
        return why(r->w, -errno, "cannot map its shared info page: %s", strerror(errno));
    memcpy(&si->vcpu_info, &old->vcpu_info, sizeof si->vcpu_info);
    memcpy(&si->arch, &old->arch, sizeof si->arch);
    si->arch.pfn_to_mfn_frame_list_list = 0;
    memset(si->evtchn_pending, 0, sizeof si->evtchn_pending);
    memset(si->evtchn_mask, 0xff, sizeof si->evtchn_mask);
    for (int v = 0; v < XEN_LEGACY_MAX_VCPUS; v++)
        si->vcpu_info[v].evtchn_pending_sel = 0;
    hyp_unmap(r->h, si, 1);
    return 0;
}

static int put_start_info(struct restoring *r, uint64_t pfn, uint64_t shared_mfn, uint64_t *frame)
{
    int rc = frame_of(r, pfn, PAGE_NOTAB, "start_info", frame);
    if (rc)
        return rc;
    struct start_info *si = hyp_map(r->h, r->domid, PROT_READ | PROT_WRITE, (xen_pfn_t *)frame, 1);
    if (!si)
        return why(r->w, -errno, "cannot map its start_info: %s", strerror(errno));
    uint64_t store_pfn = si->store_mfn, console_pfn = si->console.domU.mfn;
    rc = frame_of(r, store_pfn, PAGE_NOTAB, "xenstore page", &r->n.store_mfn);
    if (!rc)
        rc = frame_of(r, console_pfn, PAGE_NOTAB, "console page", &r->n.console_mfn);
    if (!rc) {
        strcpy(si->magic, "xen-3.0-x86_64");
        si->nr_pages = r->nr;
        si->shared_info = shared_mfn << 12;
        si->flags = 0;
        si->store_mfn = r->n.store_mfn;
        si->store_evtchn = r->n.store_port;
        si->console.domU.mfn = r->n.console_mfn;
        si->console.domU.evtchn = r->n.console_port;
    }
    hyp_unmap(r->h, si, 1);
    return rc;
}

static int put_context(struct restoring *r, uint32_t v, uint64_t shared_mfn)
{
    vcpu_guest_context_t *c = (void *)r->vcpu[v].basic.data;
    uint64_t mfn;
    int rc = 0;
    if (v == 0 && !(rc = put_start_info(r, c->user_regs.edx, shared_mfn, &mfn)))
        c->user_regs.rdx = mfn;
    c->flags |= VGCF_online;
    if (!rc && c->gdt_ents > 512 * 16)
        rc = why(r->w, -EINVAL, "damaged: a descriptor table of %lu entries", c->gdt_ents);
    for (uint64_t i = 0; !rc && i < (c->gdt_ents * 8 + 4095) / 4096; i++)
        if (!(rc = frame_of(r, c->gdt_frames[i], -1, "descriptor table", &mfn)))
            c->gdt_frames[i] = mfn;
    if (!rc && !(rc = frame_of(r, c->ctrlreg[3] >> 12, PAGE_L4, "page table", &mfn)))
        c->ctrlreg[3] = mfn << 12;
    if (!rc && c->ctrlreg[1] & 1) {
        if (!(rc = frame_of(r, c->ctrlreg[1] >> 12, PAGE_L4, "page table", &mfn)))
            c->ctrlreg[1] = mfn << 12;
    }
    if (rc)
        return rc;
    rc = hyp_set_context(r->h, r->domid, v, c);
    return rc < 0 ? why(r->w, rc, "the hypervisor refuses vcpu %u's state: %s; damaged?", v,
                        strerror(-rc))
                  : 0;
}

static int set_blob(struct restoring *r, const struct blob *b, struct xen_domctl *op, void **lent)
{
    *lent = hyp_lend(r->h, b->len);
    if (!*lent)
        return -ENOMEM;
    memcpy(*lent, b->data, b->len);
    if (op->cmd == XEN_DOMCTL_setvcpuextstate)
        set_xen_guest_handle(op->u.vcpuextstate.buffer, *lent);
    else
        set_xen_guest_handle(op->u.vcpu_msrs.msrs, *lent);
    int rc = hyp_domctl(r->h, op);
    hyp_unlend(r->h, *lent);
    return rc;
}

static int put_vcpu(struct restoring *r, uint32_t v, uint64_t shared_mfn)
{
    struct vcpu_blobs *b = &r->vcpu[v];
    void *lent;
    int rc = put_context(r, v, shared_mfn);
    if (!rc && b->extended.len) {
        struct xen_domctl op = {.cmd = XEN_DOMCTL_set_ext_vcpucontext, .domain = (domid_t)r->domid};
        memcpy(op.u.pad, b->extended.data, b->extended.len);
        op.u.ext_vcpucontext.vcpu = v;
        rc = hyp_domctl(r->h, &op);
    }
    if (!rc && b->xsave.len) {
        struct xen_domctl op = {.cmd = XEN_DOMCTL_setvcpuextstate, .domain = (domid_t)r->domid};
        op.u.vcpuextstate.vcpu = v;
        op.u.vcpuextstate.size = b->xsave.len;
        rc = set_blob(r, &b->xsave, &op, &lent);
    }
    if (!rc && b->msrs.len) {
        struct xen_domctl op = {.cmd = XEN_DOMCTL_set_vcpu_msrs, .domain = (domid_t)r->domid};
        op.u.vcpu_msrs.vcpu = v;
        op.u.vcpu_msrs.msr_count = (uint32_t)(b->msrs.len / sizeof(xen_domctl_vcpu_msr_t));
        rc = set_blob(r, &b->msrs, &op, &lent);
    }
    if (rc < 0 && !r->w->text[0])
        why(r->w, rc, "the hypervisor refuses vcpu %u's FPU state or MSRs: %s", v, strerror(-rc));
    return rc;
}

static int assemble(struct restoring *r)
{
    hyp_dominfo d;
    int rc = hyp_info(r->h, r->domid, &d);
    if (rc < 0)
        return why(r->w, rc, "the new domain vanished");
    if (!r->p2m || !r->vcpu[0].basic.len)
        return why(r->w, -EINVAL, "damaged: memory or vcpu 0 is missing");
    if ((rc = put_p2m(r)) || (rc = put_shared(r, d.shared_info_frame)) || (rc = pin_tables(r)) ||
        (rc = FAULT(r->w)))
        return rc;
    r->w->text[0] = 0;
    for (uint32_t v = 0; v < r->nr_vcpus && !rc; v++)
        if (r->vcpu[v].basic.len)
            rc = put_vcpu(r, v, d.shared_info_frame);
    return rc;
}

static int read_all(struct restoring *r, struct stream *st, uint64_t size)
{
    struct record rec;
    struct progress p;
    int rc;
    progress_start(&p, "restoring", size, true);
    while (!(rc = stream_next(st, &rec, r->w)) && rec.type != REC_END) {
        rc = on_record(r, &rec);
        if (rc)
            break;
        progress_at(&p, st->at);
    }
    progress_end(&p);
    if (!rc)
        rc = FAULT(r->w);
    return rc ? rc : assemble(r);
}

static void free_all(struct restoring *r)
{
    for (uint32_t v = 0; v < r->nr_vcpus; v++) {
        free(r->vcpu[v].basic.data);
        free(r->vcpu[v].extended.data);
        free(r->vcpu[v].xsave.data);
        free(r->vcpu[v].msrs.data);
    }
    free(r->vcpu);
    free(r->p2m);
    free(r->type);
    free(r->list_pfn);
    free(r->cpuid.data);
    free(r->msr.data);
    free(r->shared.data);
}

static int restore_into(struct hyp *h, struct store *s, struct stream *st, const struct gconf *g,
                        uint64_t size, uint32_t *domid, struct why *w)
{
    struct restoring r = {.h = h, .w = w, .nr_vcpus = g->max_vcpus};
    int rc = create_check(h, s, g, w);
    r.vcpu = calloc(g->max_vcpus, sizeof *r.vcpu);
    if (!rc && !r.vcpu)
        rc = why(w, -ENOMEM, "out of memory");
    if (!rc)
        rc = create_domain(h, g, &r.n, w);
    if (rc) {
        free(r.vcpu);
        return rc;
    }
    r.domid = *domid = r.n.domid;
    rc = read_all(&r, st, size);
    if (!rc)
        rc = create_publish(h, s, g, &r.n, w);
    free_all(&r);
    if (rc) {
        struct why ignored;
        guest_destroy(h, s, *domid, &ignored);
    } else {
        cons_ready(*domid);
    }
    return rc;
}

int restore_guest(struct hyp *h, struct store *s, const char *path,
                  int (*change)(struct gconf *g, void *arg, struct why *w), void *arg,
                  uint32_t *domid, char **name, struct why *w)
{
    struct stream st;
    struct gconf g;
    struct stat sb;
    char *config;
    FILE *f = fopen(path, "re");
    if (!f)
        return why(w, -errno, "'%s': %s", path, strerror(errno));
    int rc = stream_open(&st, f, &config, w);
    if (rc) {
        fclose(f);
        return why_in(w, rc, "'%s'", path);
    }
    gconf_init(&g);
    rc = gconf_from_json(&g, path, config, w);
    if (!rc && change)
        rc = change(&g, arg, w);
    if (!rc)
        rc = gconf_complete(&g, false, w);
    uint64_t size = fstat(fileno(f), &sb) == 0 && sb.st_size > 0 ? (uint64_t)sb.st_size : 1;
    if (!rc)
        rc = restore_into(h, s, &st, &g, size, domid, w);
    if (rc)
        why_in(w, rc, "'%s'", path);
    else
        *name = strdup(g.name);
    free(config);
    gconf_free(&g);
    stream_close(&st);
    fclose(f);
    return rc;
}
