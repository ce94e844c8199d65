/* Saving a guest: suspend it, write its memory and vcpus (see save.h). */
#include "lib/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/json.h"
#include "lib/progress.h"
#include "lib/pvmem.h"
#include "lib/record.h"
#include "lib/stream.h"

enum { BATCH = 256, HV_FIRST = 256, HV_LAST = 271 };
#define FRAME_BITS 0x000ffffffffff000ul

struct saving {
    struct hyp *h;
    uint32_t domid;
    struct stream st;
    struct pvmem m;
    struct why *w;
    uint8_t *buf; /* a batch of pages */
};

/* --- suspend -------------------------------------------------------------------------------- */

static bool is_suspended(struct hyp *h, uint32_t domid, int *gone)
{
    hyp_dominfo d;
    *gone = hyp_info(h, domid, &d) < 0 || d.flags & XEN_DOMINF_dying;
    return !*gone && d.flags & XEN_DOMINF_shutdown &&
           (d.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask) == SHUTDOWN_suspend;
}

static int suspend(struct hyp *h, struct store *s, uint32_t domid, struct why *w)
{
    int gone;
    if (is_suspended(h, domid, &gone))
        return 0;
    store_watch(s, "end", "@releaseDomain");
    store_at(s, "/local/domain/%u/control", domid);
    store_put(s, "shutdown", "suspend");
    int rc = store_commit(s, false, w);
    time_t end = time(NULL) + SAVE_SUSPEND_S;
    while (!rc && !is_suspended(h, domid, &gone)) {
        if (gone)
            rc = why(w, -ESRCH, "it ended while it was asked to suspend");
        else if (time(NULL) >= end) {
            /* Take the question back, unless the guest has just taken it. */
            store_put(s, "shutdown", "%s", "");
            store_commit(s, false, w);
            rc = why(w, -ETIMEDOUT,
                     "it did not suspend within %d s; does its kernel support that "
                     "(control/feature-suspend)?",
                     SAVE_SUSPEND_S);
        } else
            store_wait(s, 1000);
    }
    store_unwatch(s, "end", "@releaseDomain");
    return rc;
}

int save_resume(struct hyp *h, struct store *s, uint32_t domid, struct why *w)
{
    vcpu_guest_context_t *c = malloc(sizeof *c);
    if (!c)
        return why(w, -ENOMEM, "out of memory");
    /* The suspend call returns 1 to the guest: cancelled. */
    int rc = hyp_get_context(h, domid, 0, c);
    if (rc >= 0) {
        c->user_regs.rax = 1;
        rc = hyp_set_context(h, domid, 0, c);
    }
    free(c);
    if (rc >= 0)
        rc = hyp_resume(h, domid);
    if (rc < 0)
        return why(w, rc, "it cannot be resumed: %s", strerror(-rc));
    store_resume(s, domid);
    return 0;
}

/* --- memory --------------------------------------------------------------------------------- */

/* A page table with the guest's own frame numbers; the hypervisor's slots of an L4 emptied. */
static int normalise(struct saving *s, uint64_t *pte, unsigned level, uint64_t of)
{
    for (unsigned i = 0; i < 512; i++) {
        if (level == 4 && i >= HV_FIRST && i <= HV_LAST)
            pte[i] = 0;
        if (!(pte[i] & 1))
            continue;
        uint64_t pfn = pvmem_pfn(&s->m, (pte[i] & FRAME_BITS) >> 12);
        if (pfn == ~0ul)
            return why(s->w, -ERANGE,
                       "page table %llu (level %u) maps memory that is not the "
                       "guest's (entry %u: %llx); does it use foreign memory?",
                       (unsigned long long)of, level, i, (unsigned long long)pte[i]);
        pte[i] = (pte[i] & ~FRAME_BITS) | pfn << 12;
    }
    return 0;
}

static int page_types(struct saving *s, xen_pfn_t *mfn, uint32_t n)
{
    xen_pfn_t *lent = hyp_lend(s->h, n * sizeof *lent);
    if (!lent)
        return -ENOMEM;
    memcpy(lent, mfn, n * sizeof *lent);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getpageframeinfo3, .domain = (domid_t)s->domid};
    op.u.getpageframeinfo3.num = n;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, lent);
    int rc = hyp_domctl(s->h, &op);
    memcpy(mfn, lent, n * sizeof *lent);
    hyp_unlend(s->h, lent);
    return rc;
}

/* Pages that have contents are copied first: page tables are changed, and written data is summed.
 */
static int save_batch(struct saving *s, const uint64_t *pfn, uint32_t n)
{
    xen_pfn_t mfn[BATCH], type[BATCH], with[BATCH];
    uint64_t head[1 + BATCH];
    uint32_t nr_with = 0, of[BATCH];
    int err[BATCH];
    for (uint32_t i = 0; i < n; i++)
        mfn[i] = type[i] = s->m.p2m[pfn[i]];
    int rc = page_types(s, type, n);
    if (rc < 0)
        return why(s->w, rc, "cannot learn its pages' types: %s", strerror(-rc));
    head[0] = n;
    for (uint32_t i = 0; i < n; i++) {
        unsigned t = (unsigned)(type[i] >> XEN_DOMCTL_PFINFO_LTAB_SHIFT) & 15;
        head[1 + i] = (uint64_t)t << 60 | pfn[i];
        if (page_has_contents(t)) {
            of[nr_with] = i;
            with[nr_with++] = mfn[i];
        }
    }
    uint8_t *p = nr_with ? hyp_map_some(s->h, s->domid, PROT_READ, with, err, nr_with) : NULL;
    if (nr_with && !p)
        return why(s->w, -errno, "cannot map its memory: %s", strerror(errno));
    for (uint32_t k = 0; k < nr_with && !rc; k++) {
        unsigned t = page_type(head[1 + of[k]]) & 7;
        if (err[k]) {
            rc = why(s->w, -EFAULT, "cannot map its page %llu", (unsigned long long)pfn[of[k]]);
            break;
        }
        memcpy(s->buf + k * 4096ul, p + k * 4096ul, 4096);
        if (t >= PAGE_L1 && t <= PAGE_L4)
            rc = normalise(s, (uint64_t *)(void *)(s->buf + k * 4096ul), t, pfn[of[k]]);
    }
    hyp_unmap(s->h, p, nr_with);
    if (!rc)
        stream_put(&s->st, REC_PAGE_DATA, head, 8 + n * 8ul, s->buf, nr_with * 4096ul);
    return rc;
}

static int save_memory(struct saving *s)
{
    uint64_t batch[BATCH];
    uint32_t n = 0;
    int rc = 0;
    struct progress p;
    progress_start(&p, "saving", s->m.nr, true);
    for (uint64_t pfn = 0; pfn < s->m.nr && !rc; pfn++) {
        if (s->m.p2m[pfn] >= s->m.nr_m2p || pvmem_pfn(&s->m, s->m.p2m[pfn]) != pfn)
            continue; /* a hole, or memory of others mapped there */
        batch[n++] = pfn;
        if (n == BATCH) {
            rc = save_batch(s, batch, n);
            n = 0;
            progress_at(&p, pfn);
            if (ferror(s->st.f))
                rc = why(s->w, -EIO, "cannot write it: is the disk full?");
        }
    }
    if (n && !rc)
        rc = save_batch(s, batch, n);
    progress_end(&p);
    return rc;
}

static int save_p2m_frames(struct saving *s)
{
    struct {
        uint32_t start, end;
    } head = {0, (uint32_t)s->m.nr - 1};
    uint64_t *pfn = calloc(s->m.nr_list, sizeof *pfn);
    int rc = pfn ? 0 : why(s->w, -ENOMEM, "out of memory");
    for (uint64_t i = 0; i < s->m.nr_list && !rc; i++) {
        pfn[i] = pvmem_pfn(&s->m, s->m.list_mfn[i]);
        if (pfn[i] == ~0ul)
            rc = why(s->w, -ERANGE, "its list of memory lies in memory that is not its own");
    }
    if (!rc)
        stream_put(&s->st, REC_PV_P2M_FRAMES, &head, sizeof head, pfn, s->m.nr_list * 8);
    free(pfn);
    return rc;
}

/* --- vcpus ---------------------------------------------------------------------------------- */

/* A frame number in a vcpu's state becomes the guest's own; 0 where there is none. */
static int own_number(struct saving *s, uint64_t mfn, const char *what, uint64_t *pfn)
{
    *pfn = pvmem_pfn(&s->m, mfn);
    return *pfn != ~0ul ? 0
                        : why(s->w, -ERANGE, "its %s is frame %llx, not its own", what,
                              (unsigned long long)mfn);
}

static int save_context(struct saving *s, uint32_t v)
{
    struct {
        uint32_t vcpu, zero;
    } head = {v, 0};
    vcpu_guest_context_t *c = calloc(1, sizeof *c);
    if (!c)
        return why(s->w, -ENOMEM, "out of memory");
    uint64_t pfn;
    int rc = hyp_get_context(s->h, s->domid, v, c);
    if (rc < 0)
        rc = why(s->w, rc, "cannot read vcpu %u: %s", v, strerror(-rc));
    /* Vcpu 0 waits in the suspend call, whose third argument is start_info's frame. */
    if (!rc && v == 0 && !(rc = own_number(s, c->user_regs.edx, "start_info", &pfn)))
        c->user_regs.rdx = pfn;
    for (uint64_t i = 0; !rc && i < (c->gdt_ents * 8 + 4095) / 4096 && i < 16; i++)
        if (!(rc = own_number(s, c->gdt_frames[i], "descriptor table", &pfn)))
            c->gdt_frames[i] = pfn;
    if (!rc && !(rc = own_number(s, c->ctrlreg[3] >> 12, "page table", &pfn)))
        c->ctrlreg[3] = pfn << 12;
    if (!rc && c->ctrlreg[1] && !(rc = own_number(s, c->ctrlreg[1] >> 12, "user page table", &pfn)))
        c->ctrlreg[1] = pfn << 12 | 1;
    if (!rc)
        stream_put(&s->st, REC_PV_VCPU_BASIC, &head, sizeof head, c, sizeof *c);
    free(c);
    return rc;
}

static int save_extended(struct saving *s, uint32_t v)
{
    struct {
        uint32_t vcpu, zero;
    } head = {v, 0};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_ext_vcpucontext, .domain = (domid_t)s->domid};
    op.u.ext_vcpucontext.vcpu = v;
    int rc = hyp_domctl(s->h, &op);
    if (rc < 0)
        return why(s->w, rc, "cannot read vcpu %u's extended state: %s", v, strerror(-rc));
    stream_put(&s->st, REC_PV_VCPU_EXTENDED, &head, sizeof head, op.u.pad, sizeof op.u.pad);
    return 0;
}

static int save_xstate(struct saving *s, uint32_t v)
{
    struct {
        uint32_t vcpu, zero;
    } head = {v, 0};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getvcpuextstate, .domain = (domid_t)s->domid};
    op.u.vcpuextstate.vcpu = v;
    int rc = hyp_domctl(s->h, &op);
    size_t size = op.u.vcpuextstate.size;
    if (rc >= 0 && size && op.u.vcpuextstate.xfeature_mask) { /* without a mask: no XSAVE */
        void *buf = size < 1 << 20 ? hyp_lend(s->h, size) : NULL;
        if (!buf)
            return why(s->w, -ENOMEM, "out of memory");
        set_xen_guest_handle(op.u.vcpuextstate.buffer, buf);
        rc = hyp_domctl(s->h, &op);
        if (rc >= 0 && op.u.vcpuextstate.size && op.u.vcpuextstate.size <= size)
            stream_put(&s->st, REC_PV_VCPU_XSAVE, &head, sizeof head, buf, op.u.vcpuextstate.size);
        hyp_unlend(s->h, buf);
    }
    return rc < 0 ? why(s->w, rc, "cannot read vcpu %u's FPU state: %s", v, strerror(-rc)) : 0;
}

static int save_msrs(struct saving *s, uint32_t v)
{
    struct {
        uint32_t vcpu, zero;
    } head = {v, 0};
    struct xen_domctl op = {.cmd = XEN_DOMCTL_get_vcpu_msrs, .domain = (domid_t)s->domid};
    op.u.vcpu_msrs.vcpu = v;
    int rc = hyp_domctl(s->h, &op);
    uint32_t room = op.u.vcpu_msrs.msr_count;
    if (rc >= 0 && room) {
        void *buf = room < 4096 ? hyp_lend(s->h, room * sizeof(xen_domctl_vcpu_msr_t)) : NULL;
        if (!buf)
            return why(s->w, -ENOMEM, "out of memory");
        set_xen_guest_handle(op.u.vcpu_msrs.msrs, buf);
        rc = hyp_domctl(s->h, &op);
        uint32_t n = op.u.vcpu_msrs.msr_count;
        if (rc >= 0 && n && n <= room)
            stream_put(&s->st, REC_PV_VCPU_MSRS, &head, sizeof head, buf,
                       n * sizeof(xen_domctl_vcpu_msr_t));
        hyp_unlend(s->h, buf);
    }
    return rc < 0 ? why(s->w, rc, "cannot read vcpu %u's MSRs: %s", v, strerror(-rc)) : 0;
}

static int save_vcpus(struct saving *s)
{
    hyp_dominfo d;
    int rc = hyp_info(s->h, s->domid, &d);
    for (uint32_t v = 0; !rc && v <= d.max_vcpu_id; v++) {
        struct xen_domctl_getvcpuinfo i;
        if (hyp_vcpu_info(s->h, s->domid, v, &i) < 0 || !i.online)
            continue;
        if (!(rc = save_context(s, v)) && !(rc = save_extended(s, v)) && !(rc = save_xstate(s, v)))
            rc = save_msrs(s, v);
    }
    return rc;
}

/* --- all of it ------------------------------------------------------------------------------ */

static int save_static(struct saving *s)
{
    static const uint8_t pv_info[8] = {8, 4}; /* guest's width in bytes, page table levels */
    enum { LEAVES = 1024, MSRS = 64 };
    uint32_t nl = LEAVES, nm = MSRS;
    xen_cpuid_leaf_t *l = malloc(LEAVES * sizeof *l);
    xen_msr_entry_t *m = malloc(MSRS * sizeof *m);
    int rc = l && m ? hyp_get_policy(s->h, s->domid, l, &nl, m, &nm) : -ENOMEM;
    stream_put(&s->st, REC_PV_INFO, pv_info, sizeof pv_info, NULL, 0);
    if (rc >= 0 && nl)
        stream_put(&s->st, REC_CPUID_POLICY, l, nl * sizeof *l, NULL, 0);
    if (rc >= 0 && nm)
        stream_put(&s->st, REC_MSR_POLICY, m, nm * sizeof *m, NULL, 0);
    stream_put(&s->st, REC_STATIC_DATA_END, NULL, 0, NULL, 0);
    free(l);
    free(m);
    return rc == -ENOSYS || rc == -EOPNOTSUPP || rc >= 0
               ? 0
               : why(s->w, rc, "cannot read its CPU policy: %s", strerror(-rc));
}

static int save_clock(struct saving *s)
{
    struct xen_domctl_tsc_info t;
    int rc = hyp_get_tsc(s->h, s->domid, &t);
    if (rc < 0)
        return why(s->w, rc, "cannot read its clock: %s", strerror(-rc));
    struct {
        uint32_t mode, khz;
        uint64_t nsec;
        uint32_t incarnation, zero;
    } r = {t.tsc_mode, t.gtsc_khz, t.elapsed_nsec, t.incarnation, 0};
    stream_put(&s->st, REC_TSC_INFO, &r, sizeof r, NULL, 0);
    return 0;
}

static int save_all(struct saving *s, FILE *f, const char *config)
{
    stream_begin(&s->st, f, config);
    int rc = pvmem_open(s->h, s->domid, &s->m, s->w);
    if (rc)
        return rc;
    s->buf = malloc(BATCH * 4096ul);
    if (!s->buf)
        rc = why(s->w, -ENOMEM, "out of memory");
    if (!rc && !(rc = save_static(s)) && !(rc = save_p2m_frames(s)) && !(rc = save_memory(s)) &&
        !(rc = save_clock(s))) {
        stream_put(&s->st, REC_SHARED_INFO, s->m.shared, 4096, NULL, 0);
        rc = save_vcpus(s);
    }
    if (!rc)
        rc = stream_end(&s->st, s->w);
    free(s->buf);
    pvmem_close(s->h, &s->m);
    return rc;
}

/* The configuration that goes into the file. */
static char *config_text(struct hyp *h, struct store *s, uint32_t domid, struct why *w)
{
    hyp_dominfo d;
    struct gconf g;
    char *text = NULL;
    int rc = hyp_info(h, domid, &d);
    if (rc < 0) {
        why(w, rc, "there is no such domain");
        return NULL;
    }
    gconf_init(&g);
    if (record_read(h, s, &d, &g, w) == 0) {
        if (g.nomigrate)
            why(w, -EPERM, "its configuration says nomigrate=1: it cannot be saved");
        else {
            struct json *j = json_new();
            if (j)
                gconf_to_json(&g, j, NULL);
            const char *t = j ? json_text(j, NULL) : NULL;
            text = t ? strdup(t) : NULL;
            if (!text)
                why(w, -ENOMEM, "out of memory");
            json_free(j);
        }
    }
    gconf_free(&g);
    return text;
}

int save_guest(struct hyp *h, struct store *s, uint32_t domid, const char *path, struct why *w)
{
    char aside[4096];
    struct saving x = {.h = h, .domid = domid, .w = w};
    if ((size_t)snprintf(aside, sizeof aside, "%s.part", path) >= sizeof aside)
        return why(w, -ENAMETOOLONG, "'%s': the name is too long", path);
    char *config = config_text(h, s, domid, w);
    if (!config)
        return -EINVAL;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    int rc = f ? suspend(h, s, domid, w) : why(w, -errno, "'%s': %s", aside, strerror(errno));
    bool suspended = f && !rc;
    if (!rc)
        rc = save_all(&x, f, config);
    free(config);
    if (f && fclose(f) && !rc)
        rc = why(w, -errno, "'%s': %s", aside, strerror(errno));
    if (!rc && rename(aside, path) < 0)
        rc = why(w, -errno, "'%s': %s", path, strerror(errno));
    if (!rc)
        return 0;
    struct why ignored;
    if (f)
        unlink(aside);
    if (suspended)
        save_resume(h, s, domid, &ignored);
    return rc;
}
