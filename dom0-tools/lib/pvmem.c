/* A running PV guest's memory (see pvmem.h). */
#include "lib/pvmem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NONE (~0ul)

/* Copies frames of the guest, one page each, to `to`. */
static int copy_frames(struct hyp *h, uint32_t domid, const uint64_t *mfn, uint64_t n, void *to)
{
    for (uint64_t at = 0; at < n;) {
        uint64_t k = n - at < 512 ? n - at : 512;
        void *p = hyp_map(h, domid, PROT_READ, (const xen_pfn_t *)mfn + at, k);
        if (!p)
            return -errno;
        memcpy((char *)to + at * 4096, p, k * 4096);
        hyp_unmap(h, p, k);
        at += k;
    }
    return 0;
}

/* By the list of lists: a page of frames of pages of frames of the list. */
static int by_lists(struct hyp *h, struct pvmem *m, uint64_t top)
{
    uint64_t mids = (m->nr_list + 511) / 512;
    uint64_t *a = malloc(4096), *b = malloc(mids * 4096);
    int rc = a && b && mids <= 512 ? copy_frames(h, m->domid, &top, 1, a) : -ENOMEM;
    if (!rc)
        rc = copy_frames(h, m->domid, a, mids, b);
    if (!rc)
        memcpy(m->list_mfn, b, m->nr_list * 8);
    free(a);
    free(b);
    return rc;
}

/* By the page tables that map the list at p2m_vaddr. */
static int by_tables(struct hyp *h, struct pvmem *m, uint64_t l4, uint64_t va)
{
    uint64_t *t = malloc(4096), have[5] = {0};
    int rc = t ? 0 : -ENOMEM;
    uint64_t *table[5] = {0};
    for (int i = 1; i <= 4 && !rc; i++)
        if (!(table[i] = malloc(4096)))
            rc = -ENOMEM;
    for (uint64_t i = 0; !rc && i < m->nr_list; i++, va += 4096) {
        uint64_t mfn = l4;
        for (int level = 4; level >= 1 && !rc; level--) {
            if (have[level] != mfn + 1) {
                rc = copy_frames(h, m->domid, &mfn, 1, table[level]);
                have[level] = mfn + 1;
            }
            uint64_t e = rc ? 0 : table[level][va >> (12 + 9 * (level - 1)) & 511];
            if (!rc && (!(e & 1) || (level > 1 && e & 0x80)))
                rc = -EFAULT;
            mfn = e >> 12 & ((1ul << 40) - 1);
        }
        m->list_mfn[i] = mfn;
    }
    for (int i = 1; i <= 4; i++)
        free(table[i]);
    free(t);
    return rc;
}

static int read_list(struct hyp *h, struct pvmem *m, struct why *w)
{
    /* Once, before it is looked at: the guest could change it. */
    uint64_t max = *(volatile unsigned long *)&m->shared->arch.max_pfn;
    uint64_t top = *(volatile xen_pfn_t *)&m->shared->arch.pfn_to_mfn_frame_list_list;
    uint64_t cr3 = *(volatile unsigned long *)&m->shared->arch.p2m_cr3;
    uint64_t va = *(volatile unsigned long *)&m->shared->arch.p2m_vaddr;
    if (!max || max > 1ul << 28)
        return why(w, -EINVAL,
                   "the guest has not said where its memory is (max_pfn %llu); has it "
                   "started, and does it support suspend?",
                   (unsigned long long)max);
    m->nr = max;
    m->nr_list = (max + 511) / 512;
    m->list_mfn = calloc(m->nr_list, 8);
    m->p2m = malloc(m->nr_list * 4096);
    if (!m->list_mfn || !m->p2m)
        return why(w, -ENOMEM, "out of memory");
    int rc = cr3                  ? by_tables(h, m, cr3 >> 12, va)
             : top && top != NONE ? by_lists(h, m, top)
                                  : -ENOENT;
    if (!rc)
        rc = copy_frames(h, m->domid, m->list_mfn, m->nr_list, m->p2m);
    if (rc)
        return why(w, rc, "the guest's list of its memory cannot be read: %s", strerror(-rc));
    return 0;
}

int pvmem_open(struct hyp *h, uint32_t domid, struct pvmem *m, struct why *w)
{
    hyp_dominfo d;
    memset(m, 0, sizeof *m);
    m->domid = domid;
    int rc = hyp_info(h, domid, &d);
    if (rc < 0)
        return why(w, rc, "there is no such domain");
    rc = hyp_m2p(h, &m->m2p, &m->nr_m2p);
    if (rc < 0)
        return why(w, rc, "cannot map the machine-to-physical table: %s", strerror(-rc));
    xen_pfn_t mfn = d.shared_info_frame;
    m->shared = hyp_map(h, domid, PROT_READ, &mfn, 1);
    if (!m->shared)
        return why(w, -errno, "cannot map its shared info page: %s", strerror(errno));
    rc = read_list(h, m, w);
    if (rc)
        pvmem_close(h, m);
    return rc;
}

void pvmem_close(struct hyp *h, struct pvmem *m)
{
    hyp_unmap(h, m->shared, 1);
    free(m->p2m);
    free(m->list_mfn);
    memset(m, 0, sizeof *m);
}
