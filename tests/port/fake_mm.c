/* See fake_mm.h. One CPU. */
#include "fake_mm.h"

#include <stdlib.h>
#include <string.h>

#include "core/dom/create.h"
#include "core/frame/private.h"
#include "port/tlb.h"

uint64_t *frame_words;
uint64_t hv_l4_slots[16];
unsigned int mm_flushes, mm_cache_flushes, mm_reaps;
uint64_t mm_io_full = 0x100000, mm_io_read_only = 0x100001;
static uint32_t clock_now = 1, flushed;

struct domain *dom0;
struct domain *dom_list;

void tlb_flush_local(void)
{
    mm_flushes++;
    flushed = clock_now;
}

void tlb_flush_va_local(uint64_t va)
{
    CHECK(va + 0x800000000000UL < 0x1000000000000UL);
}

void tlb_flush_mask(cpumask_t mask, uint64_t va)
{
    if (va == TLB_ALL_VA && (mask & 1))
        tlb_flush_local();
}

uint32_t tlb_stamp(void)
{
    return clock_now++;
}

cpumask_t tlb_filter(cpumask_t mask, uint32_t stamp)
{
    return (int32_t)(flushed - stamp) > 0 ? mask & ~(cpumask_t)1 : mask;
}

void cache_flush_all(void)
{
    mm_cache_flushes++;
}

void dom_crash(struct domain *d, const char *why)
{
    (void)d;
    stop(why);
}

void dom_reap_wanted(void)
{
    mm_reaps++;
}

uint64_t mm_l4_watched, mm_l4_copy[512];

void pgt_l4_written(mfn_t l4, unsigned int index, uint64_t entry)
{
    if (l4.n == mm_l4_watched)
        mm_l4_copy[index] = entry;
}

void pgt_l4_gone(mfn_t l4)
{
    if (l4.n == mm_l4_watched)
        mm_l4_watched = 0;
}

void pgt_base_changed(struct vcpu *v)
{
    CHECK(v->arch.kernel_l4.n);
}

unsigned int pgt_io_access(const struct domain *d, mfn_t m)
{
    if (!d->is_dom0)
        return PGT_IO_DENIED;
    return m.n == mm_io_full        ? PGT_IO_FULL
           : m.n == mm_io_read_only ? PGT_IO_READ_ONLY
                                    : PGT_IO_DENIED;
}

int pgt_set_ldt(struct vcpu *v, uint64_t va, uint64_t entries)
{
    (void)v;
    (void)va;
    return entries ? -XEN_EINVAL : 0;
}

int pgt_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned int entries)
{
    (void)v;
    (void)frames;
    (void)entries;
    return 0;
}

struct domain *dom_get(domid_t id)
{
    for (struct domain *d = dom_list; d; d = d->next)
        if (d->id == id) {
            d->refs++;
            return d;
        }
    return NULL;
}

void dom_put(struct domain *d)
{
    d->refs--;
}

struct domain *dom_get_for(struct domain *caller, domid_t id)
{
    if (id == DOMID_SELF || id == caller->id) {
        caller->refs++;
        return caller;
    }
    return caller->is_dom0 ? dom_get(id) : NULL;
}

void mm_init(uint64_t frames, uint64_t reserved)
{
    struct ram_range ram = {0, frames * FRAME_SIZE}, taken = {0, reserved * FRAME_SIZE};

    fake_ram_init(frames);
    memset(fake_ram, 0xaa, frames * FRAME_SIZE); /* what was in memory before */
    free(frame_words);
    frame_words = calloc(frames, FRAME_WORDS_BYTES);
    CHECK(frame_words);
    frame_init(&ram, 1, &taken, 1);
}

struct domain *mm_domain(domid_t id, uint64_t max_pages)
{
    struct domain *d = calloc(1, sizeof(*d));
    struct vcpu *v = calloc(1, sizeof(*v));

    CHECK(d && v);
    d->id = id;
    d->is_dom0 = !id;
    d->max_vcpus = 1;
    d->vcpu[0] = v;
    v->dom = d;
    v->arch.kernel_l4 = v->arch.user_l4 = MFN_NONE;
    lock_init(&d->lock, RANK_DOM, "domain");
    CHECK_EQ(mem_domain_init(d), 0);
    d->mem.max_pages = max_pages;
    d->next = dom_list;
    dom_list = d;
    return d;
}

void mm_domain_end(struct domain *d)
{
    struct domain **at = &dom_list;

    CHECK_EQ(d->mem.pages, 0);
    mem_domain_free(d);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    free(d->vcpu[0]);
    free(d);
}
