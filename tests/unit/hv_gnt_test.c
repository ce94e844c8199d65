/*
 * Grant tables: every pair of map and unmap kinds, what a hostile granter may change when, copies,
 * limits, failing allocations; then a random walk of three domains against a model of page-table
 * entries and references, with audits after each step. Runs the hypercalls too, also two-faced.
 */
#include <string.h>

#include "core/gnt/gnt_private.h"
#include "core/gnt/map.h"
#include "core/pgtype/pgtype.h"
#include "fake.h"
#include "hc/hc.h"

#define N_DOMS   3
#define FRAMES   1024
#define N_PTES   256
#define PTE_BASE 0x7000000UL /* "machine addresses" of the test's PTEs */

static struct domain doms[N_DOMS];
static struct vcpu vcpus[N_DOMS];
struct domain *dom0 = &doms[0], *dom_list;
static bool gone[N_DOMS];

/* ---- a model of frames and page tables ------------------------------------------------------ */

uint64_t frame_max = FRAMES;
static int owner[FRAMES]; /* domain, -1: none */
static int refs[FRAMES], uses[FRAMES];
static bool is_table[FRAMES]; /* may not be written */
static uint64_t words[FRAMES];
uint64_t *frame_words = words;
static struct {
    uint64_t m;
    bool present, writable;
} pte[N_DOMS][N_PTES];
static unsigned int flushes, shared_frames;
static bool pgt_fails;

bool page_get(mfn_t m, struct domain *d)
{
    if (m.n >= FRAMES || owner[m.n] != d->id)
        return false;
    refs[m.n]++;
    return true;
}

void page_put(mfn_t m)
{
    CHECK(refs[m.n] > 0);
    refs[m.n]--;
}

int page_get_use(mfn_t m, struct domain *d, enum page_type type)
{
    CHECK_EQ(type, PGT_WRITABLE);
    if (m.n >= FRAMES || owner[m.n] != d->id || is_table[m.n])
        return -XEN_EINVAL;
    uses[m.n]++;
    return 0;
}

void page_put_use(mfn_t m)
{
    CHECK(uses[m.n] > 0);
    uses[m.n]--;
}

void frame_share(mfn_t m, struct domain *d, bool writable)
{
    (void)d, (void)m;
    CHECK(writable);
    shared_frames++;
}

void frame_unshare(mfn_t m, struct domain *d)
{
    (void)d;
    shared_frames--;
    hv_page_free(mfn_ptr(m));
}

static int slot_of(uint64_t at, unsigned int flags)
{
    uint64_t base = flags & PGT_GRANT_PTE ? PTE_BASE : FAKE_GUEST_VA;
    uint64_t step = flags & PGT_GRANT_PTE ? 8 : FRAME_SIZE;

    if (at < base || (at - base) % step || (at - base) / step >= N_PTES)
        return -1;
    return (int)((at - base) / step);
}

int pgt_grant_map(struct vcpu *v, struct domain *from, mfn_t m, uint64_t at, unsigned int avail,
                  unsigned int flags)
{
    int s = slot_of(at, flags);

    (void)avail;
    CHECK(fake_locks == 0);
    if (pgt_fails || s < 0 || owner[m.n] != from->id ||
        (!(flags & PGT_GRANT_READONLY) && is_table[m.n]) || pte[v->dom->id][s].present)
        return -XEN_EINVAL;
    pte[v->dom->id][s].m = m.n;
    pte[v->dom->id][s].present = true;
    pte[v->dom->id][s].writable = !(flags & PGT_GRANT_READONLY);
    return 0;
}

int pgt_grant_unmap(struct vcpu *v, mfn_t m, uint64_t at, unsigned int flags)
{
    int s = slot_of(at, flags);

    CHECK(fake_locks == 0);
    if (s < 0 || !pte[v->dom->id][s].present || pte[v->dom->id][s].m != m.n ||
        pte[v->dom->id][s].writable != !(flags & PGT_GRANT_READONLY))
        return -XEN_EINVAL;
    pte[v->dom->id][s].present = false;
    return 0;
}

void tlb_flush_mask(cpumask_t mask, uint64_t va)
{
    (void)mask;
    CHECK_EQ(va, TLB_ALL_VA);
    flushes++;
}

struct domain *dom_get(domid_t id)
{
    if (id >= N_DOMS || gone[id])
        return NULL;
    doms[id].refs++;
    return &doms[id];
}

void dom_put(struct domain *d)
{
    CHECK(d->refs > 0);
    d->refs--;
}

struct domain *dom_get_for(struct domain *caller, domid_t id)
{
    if (id == DOMID_SELF || id == caller->id)
        return dom_get(caller->id);
    return caller->is_dom0 ? dom_get(id) : NULL;
}

int dom_find_for(struct domain *caller, domid_t id, struct domain **d)
{
    *d = dom_get_for(caller, id);
    if (*d)
        return 0;
    struct domain *other = dom_get(id);
    if (other)
        dom_put(other);
    return other && !caller->is_dom0 ? -XEN_EPERM : -XEN_ESRCH;
}

/* ---- helpers -------------------------------------------------------------------------------- */

static void start(void)
{
    memset(doms, 0, sizeof(doms));
    memset(gone, 0, sizeof(gone));
    memset(refs, 0, sizeof(refs));
    memset(uses, 0, sizeof(uses));
    memset(is_table, 0, sizeof(is_table));
    memset(pte, 0, sizeof(pte));
    fake_ram_init(FRAMES);
    shared_frames = 0;
    for (int i = 0; i < FRAMES; i++)
        owner[i] = -1;
    dom_list = &doms[0];
    for (int i = 0; i < N_DOMS; i++) {
        doms[i].id = (domid_t)i;
        doms[i].is_dom0 = i == 0;
        doms[i].next = i + 1 < N_DOMS ? &doms[i + 1] : NULL;
        vcpus[i].dom = &doms[i];
        CHECK(!gnt_domain_init(&doms[i], 4, 2));
    }
    /* Each owns 20 frames of real memory, at 100 * (1 + id). */
    for (int i = 0; i < N_DOMS * 20; i++)
        owner[100 * (1 + i / 20) + i % 20] = i / 20;
}

static uint32_t frame_of(int d, int i)
{
    return (uint32_t)(100 * (1 + d) + i);
}

static void grant(int d, uint32_t ref, int to, uint32_t frame, uint16_t flags)
{
    *gnt_entry(&doms[d], ref) = (struct grant_entry_v1){
        .flags = (uint16_t)(GTF_permit_access | flags), .domid = (domid_t)to, .frame = frame};
}

static void audit(void)
{
    for (int i = 0; i < N_DOMS; i++)
        CHECK_EQ(gnt_audit(&doms[i]), 0);
}

static void finish(void)
{
    for (int i = 0; i < N_DOMS; i++)
        while (!gnt_release_step(&doms[i]))
            ;
    audit();
    for (int i = 0; i < N_DOMS; i++)
        gnt_domain_destroy(&doms[i]);
    for (int i = 0; i < FRAMES; i++)
        CHECK(refs[i] == 0 && uses[i] == 0);
    for (int i = 0; i < N_DOMS; i++)
        CHECK_EQ(doms[i].refs, 0);
    CHECK_EQ(shared_frames, 0);
    CHECK_EQ(fake_pages_out, 0);
}

static int do_map(int d, int from, uint32_t ref, uint32_t flags, uint64_t at, uint32_t *handle)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = at, .flags = flags, .ref = ref, .dom = (domid_t)from};
    int rc = gnt_map(&vcpus[d], &doms[from], &op);

    CHECK(rc <= 0); /* C10 */
    if (!rc)
        *handle = op.handle;
    return rc;
}

static int do_unmap(int d, uint32_t handle, uint64_t host, uint64_t dev)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = host, .dev_bus_addr = dev, .handle = handle};
    struct gnt_unmap u;
    int rc = gnt_unmap_begin(&vcpus[d], &op, &u);

    CHECK(rc <= 0);
    gnt_unmap_finish(&doms[d], &u);
    return rc;
}

static uint64_t at_pte(int i)
{
    return PTE_BASE + 8 * (uint64_t)i;
}

static uint16_t flags_of(int d, uint32_t ref)
{
    return gnt_entry(&doms[d], ref)->flags;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_checks(void)
{
    uint32_t h;
    const uint32_t f = GNTMAP_host_map | GNTMAP_contains_pte;

    start();
    grant(1, 8, 0, frame_of(1, 0), 0);
    grant(1, 9, 0, frame_of(1, 1), GTF_readonly);
    grant(1, 10, 2, frame_of(1, 2), 0);
    grant(1, 11, 0, frame_of(2, 2), 0); /* not its own */
    grant(1, 12, 0, 1u << 31, 0);       /* no frame at all */
    grant(1, 13, 0, frame_of(1, 3), GTF_sub_page);
    grant(1, 14, 0, frame_of(1, 4), 0);
    gnt_entry(&doms[1], 14)->flags = GTF_accept_transfer;
    is_table[frame_of(1, 5)] = true;
    grant(1, 15, 0, frame_of(1, 5), 0);
    CHECK_EQ(do_map(0, 1, 8, GNTMAP_contains_pte, at_pte(0), &h), GNTST_bad_gntref);
    CHECK_EQ(do_map(0, 1, 512, f, at_pte(0), &h), GNTST_bad_gntref);
    CHECK_EQ(do_map(0, 1, UINT32_MAX, f, at_pte(0), &h), GNTST_bad_gntref);
    CHECK_EQ(do_map(0, 1, 100, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 9, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 10, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 11, f, at_pte(0), &h), GNTST_bad_page);
    CHECK_EQ(do_map(0, 1, 12, f, at_pte(0), &h), GNTST_bad_page);
    CHECK_EQ(do_map(0, 1, 13, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 14, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 15, f, at_pte(0), &h), GNTST_general_error);
    CHECK_EQ(do_map(0, 1, 8, f, at_pte(0) + 1, &h), GNTST_general_error); /* C1 */
    /* Nothing of it has stuck. */
    for (uint32_t r = 8; r < 16; r++)
        CHECK(!(flags_of(1, r) & (GTF_reading | GTF_writing)));
    CHECK_EQ(doms[0].gnt.mappings, 0);
    audit();
    CHECK_EQ(do_map(0, 1, 15, f | GNTMAP_readonly, at_pte(0), &h), 0);
    CHECK_EQ(flags_of(1, 15) & (GTF_reading | GTF_writing), GTF_reading);
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), 0);
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), GNTST_bad_handle);
    CHECK_EQ(do_unmap(0, 77777, at_pte(0), 0), GNTST_bad_handle);
    CHECK_EQ(do_unmap(2, h, at_pte(0), 0), GNTST_bad_handle); /* another domain's */
    /* The entry must be as it was made: place, frame, rights (C3). */
    CHECK_EQ(do_map(0, 1, 8, f, at_pte(0), &h), 0);
    CHECK_EQ(flags_of(1, 8) & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
    CHECK_EQ(do_unmap(0, h, at_pte(1), 0), GNTST_general_error);
    pte[0][0].writable = false;
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), GNTST_general_error);
    pte[0][0].writable = true;
    pte[0][0].m++;
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), GNTST_general_error);
    pte[0][0].m--;
    audit();
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), 0);
    CHECK_EQ(flags_of(1, 8), GTF_permit_access);
    finish();
}

/* All pairs of mapping kinds and unmapping halves: each half once, nothing twice (C2). */
static void test_halves(void)
{
    for (unsigned int kinds = 1; kinds < 4; kinds++)
        for (unsigned int first = 0; first < 4; first++)
            for (unsigned int second = 0; second < 4; second++) {
                uint32_t h, other;
                uint64_t dev;

                start();
                grant(1, 8, 0, frame_of(1, 0), 0);
                dev = (uint64_t)frame_of(1, 0) << 12;
                CHECK_EQ(do_map(0, 1, 8, kinds | GNTMAP_contains_pte, at_pte(0), &h), 0);
                CHECK_EQ(do_map(0, 1, 8, GNTMAP_host_map | GNTMAP_contains_pte, at_pte(9), &other),
                         0);
                unsigned int left = kinds;
                const unsigned int halves[2] = {first, second};
                for (int i = 0; i < 2; i++) {
                    int expect = left ? 0 : GNTST_bad_handle;
                    CHECK_EQ(do_unmap(0, h, halves[i] & GNTMAP_host_map ? at_pte(0) : 0,
                                      halves[i] & GNTMAP_device_map ? dev : 0),
                             expect);
                    left &= ~halves[i];
                    audit();
                    const struct gnt_active *a = gnt_active(&doms[1], 8);
                    CHECK_EQ(a->pin[PIN_HOST_W], 1 + ((left & GNTMAP_host_map) != 0));
                    CHECK_EQ(a->pin[PIN_DEV_W], (left & GNTMAP_device_map) != 0);
                }
                if (left & GNTMAP_device_map)
                    CHECK_EQ(do_unmap(0, h, 0, dev + 4096), GNTST_bad_dev_addr);
                CHECK_EQ(do_unmap(0, other, at_pte(9), 0), 0);
                finish();
            }
}

/* While it is in use, what the granter writes into its entry changes nothing (C6). */
static void test_hostile_granter(void)
{
    uint32_t h, h2;
    const uint32_t f = GNTMAP_host_map | GNTMAP_contains_pte;

    start();
    grant(1, 8, 0, frame_of(1, 0), 0);
    CHECK_EQ(do_map(0, 1, 8, f | GNTMAP_readonly, at_pte(0), &h), 0);
    gnt_entry(&doms[1], 8)->frame = frame_of(1, 7);
    CHECK_EQ(do_map(0, 1, 8, f, at_pte(1), &h2), 0);
    CHECK_EQ(pte[0][1].m, frame_of(1, 0));
    /* Nor does someone else get in on it. */
    gnt_entry(&doms[1], 8)->domid = 2;
    uint32_t h3;
    CHECK_EQ(do_map(2, 1, 8, f, at_pte(0), &h3), GNTST_general_error);
    gnt_entry(&doms[1], 8)->flags = 0;
    CHECK_EQ(do_unmap(0, h, at_pte(0), 0), 0);
    CHECK_EQ(do_unmap(0, h2, at_pte(1), 0), 0);
    CHECK_EQ(refs[frame_of(1, 0)], 0);
    /* Now the new values count. */
    grant(1, 8, 2, frame_of(1, 7), GTF_readonly);
    CHECK_EQ(do_map(2, 1, 8, f | GNTMAP_readonly, at_pte(0), &h), 0);
    /* A reader's pin does not let a writer in where the grant is read-only. */
    CHECK_EQ(do_map(2, 1, 8, f, at_pte(1), &h2), GNTST_general_error);
    finish();
}

static void test_copy(void)
{
    char *a, *b;

    start();
    a = mfn_ptr(mfn(frame_of(1, 0)));
    b = mfn_ptr(mfn(frame_of(0, 0)));
    strcpy(a + 100, "from the guest");
    grant(1, 8, 0, frame_of(1, 0), GTF_readonly);
    grant(1, 9, 0, frame_of(1, 1), 0);
    struct gnttab_copy op = {.source = {.u.ref = 8, .domid = 1, .offset = 100},
                             .dest = {.u.gmfn = frame_of(0, 0), .domid = DOMID_SELF, .offset = 8},
                             .len = 15,
                             .flags = GNTCOPY_source_gref};
    CHECK_EQ(gnt_copy(&doms[0], &op), 0);
    CHECK(!strcmp(b + 8, "from the guest"));
    struct gnttab_copy back = {.source = {.u.gmfn = frame_of(0, 0), .domid = DOMID_SELF},
                               .dest = {.u.ref = 9, .domid = 1},
                               .len = 4096,
                               .flags = GNTCOPY_dest_gref};
    CHECK_EQ(gnt_copy(&doms[0], &back), 0);
    CHECK(!strcmp((char *)mfn_ptr(mfn(frame_of(1, 1))) + 8, "from the guest"));
    back.dest.u.ref = 8;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_general_error);
    back.dest.u.ref = 5000;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_bad_gntref);
    back.dest.u.ref = 9;
    back.dest.offset = 1;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_bad_copy_arg);
    back.dest.offset = 0;
    back.source.offset = 0xffff;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_bad_copy_arg);
    back.source.offset = 0;
    is_table[frame_of(1, 1)] = true;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_general_error);
    back.source.domid = 1;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_permission_denied);
    back.source.domid = DOMID_SELF;
    back.dest.domid = 99;
    CHECK_EQ(gnt_copy(&doms[0], &back), GNTST_bad_domain);
    op.dest.u.gmfn = frame_of(1, 0); /* not ours */
    CHECK_EQ(gnt_copy(&doms[0], &op), GNTST_bad_page);
    op.source.domid = 2;
    CHECK_EQ(gnt_copy(&doms[0], &op), GNTST_general_error);
    audit();
    for (uint32_t r = 8; r < 10; r++)
        CHECK(!(flags_of(1, r) & (GTF_reading | GTF_writing)));
    finish();
}

static void test_limits(void)
{
    static uint32_t h[1100];
    const uint32_t f = GNTMAP_device_map;

    start();
    CHECK_EQ(gnt_grow(&doms[1], 5), GNTST_general_error);
    CHECK_EQ(gnt_grow(&doms[1], 4), 0);
    CHECK(mfn_eq(gnt_frame(&doms[1], 4), MFN_NONE));
    CHECK(mfn_ptr(gnt_frame(&doms[1], 3)) == (void *)doms[1].gnt.shared[3]);
    grant(1, 2047, 0, frame_of(1, 0), 0);
    int n = 0;
    while (n < 1100 && !do_map(0, 1, 2047, f, 0, &h[n]))
        n++;
    CHECK_EQ(n, 1024); /* two pages of handles */
    CHECK_EQ(do_map(0, 1, 2047, f, 0, &h[n]), GNTST_no_device_space);
    audit();
    for (int i = 0; i < n; i++)
        CHECK_EQ(do_unmap(0, h[i], 0, (uint64_t)frame_of(1, 0) << 12), 0);
    CHECK_EQ(doms[0].gnt.mappings, 0);
    CHECK_EQ(gnt_swap(&doms[1], 3, 4000), GNTST_bad_gntref);
    grant(1, 3, 0, 7, 0);
    CHECK_EQ(gnt_swap(&doms[1], 3, 5), 0);
    CHECK_EQ(gnt_entry(&doms[1], 5)->frame, 7);
    CHECK_EQ(gnt_entry(&doms[1], 3)->flags, 0);
    CHECK_EQ(do_map(0, 1, 2047, f, 0, &h[0]), 0);
    CHECK_EQ(gnt_swap(&doms[1], 3, 2047), GNTST_eagain);
    finish();
    CHECK_EQ(do_map(0, 1, 2047, f, 0, &h[0]), GNTST_no_device_space);
    CHECK_EQ(gnt_grow(&doms[1], 1), GNTST_general_error);
}

static void test_no_memory(void)
{
    struct domain d = {.id = 1};

    fake_ram_init(FRAMES);
    for (unsigned int fail = 1; fail < 3; fail++) {
        fake_page_fail_in = fail;
        CHECK_EQ(gnt_domain_init(&d, -1, -1), -XEN_ENOMEM);
        gnt_domain_destroy(&d);
        CHECK_EQ(fake_pages_out, 0);
    }
    fake_page_fail_in = 0;
    for (unsigned int fail = 1; fail < 3; fail++) {
        uint32_t h;

        start();
        grant(1, 8, 0, frame_of(1, 0), 0);
        fake_page_fail_in = fail;
        CHECK(do_map(0, 1, 8, GNTMAP_device_map, 0, &h) < 0);
        fake_page_fail_in = 0;
        audit();
        CHECK_EQ(doms[0].gnt.mappings, 0);
        CHECK_EQ(do_map(0, 1, 8, GNTMAP_device_map, 0, &h), 0);
        finish();
    }
}

/* ---- the hypercall -------------------------------------------------------------------------- */

static long call(int d, unsigned int cmd, void *ops, size_t size, uint64_t n)
{
    uint64_t arg[5] = {cmd, FAKE_GUEST_VA, n};
    long rc;

    memcpy(fake_guest, ops, size * n);
    do {
        fake_guest_call();
        rc = hc_grant_table_op(&vcpus[d], arg);
    } while (rc == HC_AGAIN);
    memcpy(ops, fake_guest, size * n);
    return rc;
}

static void test_hypercall(unsigned int preempt)
{
    struct gnttab_map_grant_ref m[70];
    struct gnttab_unmap_grant_ref u[70];
    struct gnttab_set_version version = {.version = 2};
    struct gnttab_query_size size = {.dom = DOMID_SELF};
    struct gnttab_transfer move = {.ref = 1};

    start();
    fake_two_faced = true;
    for (uint32_t i = 0; i < 70; i++) {
        if (i != 40)
            grant(1, i, 0, frame_of(1, (int)i % 20), 0);
        m[i] = (struct gnttab_map_grant_ref){.host_addr = at_pte((int)i),
                                             .ref = i,
                                             .dom = 1,
                                             .flags = GNTMAP_host_map | GNTMAP_contains_pte,
                                             .status = 1};
    }
    m[50].dom = 9;
    fake_preempt_in = preempt;
    CHECK_EQ(call(0, GNTTABOP_map_grant_ref, m, sizeof(m[0]), 70), 0);
    for (uint32_t i = 0; i < 70; i++) {
        CHECK_EQ(m[i].status, i == 40 ? GNTST_general_error : i == 50 ? GNTST_bad_domain : 0);
        u[i] = (struct gnttab_unmap_grant_ref){.host_addr = at_pte((int)i), .handle = m[i].handle};
        if (m[i].status)
            u[i].handle = 99999;
    }
    audit();
    fake_preempt_in = preempt;
    flushes = 0;
    CHECK_EQ(call(0, GNTTABOP_unmap_grant_ref, u, sizeof(u[0]), 70), 0);
    for (uint32_t i = 0; i < 70; i++)
        CHECK_EQ(u[i].status, i == 40 || i == 50 ? GNTST_bad_handle : 0);
    CHECK_EQ(flushes, 3);
    fake_preempt_in = 0;
    audit();
    CHECK_EQ(call(0, GNTTABOP_unmap_grant_ref, u, sizeof(u[0]), 0), 0);
    CHECK_EQ(call(1, GNTTABOP_set_version, &version, sizeof(version), 1), -XEN_ENOSYS);
    CHECK_EQ(version.version, 1);
    CHECK_EQ(call(1, GNTTABOP_query_size, &size, sizeof(size), 1), 0);
    CHECK(size.status == 0 && size.nr_frames == 1 && size.max_nr_frames == 4);
    size.dom = 0;
    CHECK_EQ(call(1, GNTTABOP_query_size, &size, sizeof(size), 1), 0);
    CHECK_EQ(size.status, GNTST_permission_denied);
    size.dom = 55;
    CHECK_EQ(call(1, GNTTABOP_query_size, &size, sizeof(size), 1), 0);
    CHECK_EQ(size.status, GNTST_bad_domain);
    CHECK_EQ(call(1, GNTTABOP_transfer, &move, sizeof(move), 1), 0);
    CHECK_EQ(move.status, GNTST_general_error);
    uint64_t bad[5] = {GNTTABOP_map_grant_ref, 0x1000, 1};
    CHECK_EQ(hc_grant_table_op(&vcpus[1], bad), -XEN_EFAULT);
    bad[0] = GNTTABOP_query_size;
    bad[2] = 2;
    CHECK_EQ(hc_grant_table_op(&vcpus[1], bad), -XEN_EINVAL);
    bad[2] = 1ul << 31;
    CHECK_EQ(hc_grant_table_op(&vcpus[1], bad), -XEN_EINVAL);
    fake_two_faced = false;
    finish();
}

/* ---- random walk ---------------------------------------------------------------------------- */

static struct {
    bool used, readonly;
    int from;
    uint32_t handle, ref, frame;
    unsigned int kinds;
    int slot;
} maps[N_DOMS][64];

static void walk_step(void)
{
    int d = (int)fake_below(N_DOMS), from = (int)fake_below(N_DOMS), i = (int)fake_below(64);
    uint32_t ref = fake_below(20), h;

    if (fake_below(4) == 0) { /* the granter writes something */
        if (fake_below(2))
            grant(from, ref, d, frame_of(from, (int)fake_below(20)),
                  fake_below(3) ? 0 : GTF_readonly);
        else
            gnt_entry(&doms[from], ref)->flags = (uint16_t)fake_random();
        return;
    }
    if (!maps[d][i].used) {
        unsigned int kinds = 1 + fake_below(3);
        bool ro = fake_below(2);
        uint32_t flags = kinds | GNTMAP_contains_pte | (ro ? GNTMAP_readonly : 0);

        pgt_fails = fake_below(8) == 0;
        int rc = do_map(d, from, ref, flags, at_pte(i), &h);
        pgt_fails = false;
        if (rc)
            return;
        maps[d][i].used = true;
        maps[d][i].readonly = ro;
        maps[d][i].from = from;
        maps[d][i].handle = h;
        maps[d][i].ref = ref;
        maps[d][i].kinds = kinds;
        maps[d][i].frame = (uint32_t)(gnt_active(&doms[from], ref)->frame_user >> 16);
        if (kinds & GNTMAP_host_map)
            CHECK(pte[d][i].present && pte[d][i].m == maps[d][i].frame &&
                  pte[d][i].writable == !ro);
        return;
    }
    unsigned int half = fake_below(4);
    CHECK_EQ(do_unmap(d, maps[d][i].handle, half & GNTMAP_host_map ? at_pte(i) : 0,
                      half & GNTMAP_device_map ? (uint64_t)maps[d][i].frame << 12 : 0),
             0);
    maps[d][i].kinds &= ~half;
    maps[d][i].used = maps[d][i].kinds;
}

static void test_walk(uint64_t seed)
{
    fake_seed = seed;
    start();
    memset(maps, 0, sizeof(maps));
    for (int step = 0; step < 3000; step++) {
        walk_step();
        audit();
        /* Every mapping's frame is held; what nobody uses is not. */
        for (int d = 0; d < N_DOMS; d++)
            for (int i = 0; i < 64; i++)
                if (maps[d][i].used)
                    CHECK(refs[maps[d][i].frame] > 0);
    }
    finish();
}

int main(void)
{
    test_checks();
    test_halves();
    test_hostile_granter();
    test_copy();
    test_limits();
    test_no_memory();
    test_hypercall(0);
    test_hypercall(1);
    test_hypercall(2);
    for (uint64_t seed = 1; seed < 6; seed++)
        test_walk(seed);
    return 0;
}
