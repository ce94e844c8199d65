/* Free frames: a buddy allocator in zones by address width, which scrubs and keeps claims.
 *
 * A free chunk of 2^order frames is aligned to its size; the word of its first frame says FREE,
 * HEAD and the order, those of the others FREE. Free chunks of one order in one zone are on a list
 * whose links lie in the frames themselves. A zone holds the frames whose number has the same
 * highest bit, so a wish for addresses below 2^bits is a wish for zones. High zones are used up
 * first.
 *
 * A frame that is given back is parked first, on no list: its former user may still write to it by
 * a stale TLB entry, and would reach the links of a free chunk, or what was wiped already. When
 * enough are parked all CPUs flush, the frames are wiped and join the free ones. So a frame on a
 * list is reached by nobody, and is zero unless it is DIRTY: boot memory and dom0's own frames are
 * wiped only when somebody else gets them. */
#include "base/list.h"
#include "base/string.h"
#include "core/dom/create.h"
#include "core/dom/domain.h"
#include "core/frame/frame.h"
#include "core/frame/private.h"
#include "port/kick.h"
#include "port/lock.h"
#include "port/log.h"
#include "port/stop.h"
#include "port/tlb.h"

#define ZONES 32u

uint64_t frame_max, frame_total;
uint32_t *frame_marks;

struct lock frame_lock = LOCK_INIT(RANK_FRAME, "frames");
static struct list chunks[ZONES][FRAME_MAX_ORDER + 1];
static uint32_t zone_orders[ZONES]; /* bit per order that has a chunk */
static uint64_t free_count, claimed_count;

#define PARKED_MAX 64u /* for each so many, all CPUs flush */
static uint64_t parked[PARKED_MAX];
static unsigned int parked_count; /* they are in free_count */

static struct list *chunk_link(uint64_t n)
{
    return mfn_ptr(mfn(n));
}

static void chunk_insert(uint64_t n, unsigned int order)
{
    unsigned int zone = highest_bit(n);

    frame_words[n] = (frame_words[n] & FREE_DIRT) | FREE | FREE_HEAD | order;
    list_push_front(&chunks[zone][order], chunk_link(n));
    zone_orders[zone] |= 1u << order;
}

/* Off its list; the links' bytes are zero again, as all of a clean frame is. */
static void chunk_remove(uint64_t n, unsigned int order)
{
    unsigned int zone = highest_bit(n);

    list_remove(chunk_link(n));
    memset(chunk_link(n), 0, sizeof(struct list));
    if (list_empty(&chunks[zone][order]))
        zone_orders[zone] &= ~(1u << order);
    frame_words[n] = (frame_words[n] & FREE_DIRT) | FREE;
}

static bool chunk_is(uint64_t n, unsigned int order)
{
    return n < frame_max && (frame_words[n] & ~FREE_DIRT) == (FREE | FREE_HEAD | order);
}

/* Frames [n, n + 2^order), marked FREE and counted, go on a list. */
static void chunk_join(uint64_t n, unsigned int order)
{
    for (; order < FRAME_MAX_ORDER; order++) {
        uint64_t buddy = n ^ (uint64_t)1 << order;

        if (!chunk_is(buddy, order))
            break;
        chunk_remove(buddy, order);
        n &= ~((uint64_t)1 << order);
    }
    chunk_insert(n, order);
}

/* Frames [n, n + 2^order), marked FREE, that no guest has had. */
static void chunk_free(uint64_t n, unsigned int order)
{
    free_count += (uint64_t)1 << order;
    chunk_join(n, order);
}

/* A chunk of exactly `order` from the highest zone of those allowed; 0: none. */
static uint64_t chunk_take(unsigned int order, unsigned int zones)
{
    for (unsigned int zone = zones; zone-- > 0;) {
        uint32_t orders = zone_orders[zone] >> order;
        uint64_t n;

        if (!orders)
            continue;
        unsigned int from = order + lowest_bit(orders);
        n = ptr_mfn(chunks[zone][from].next).n;
        chunk_remove(n, from);
        while (from > order) {
            from--;
            chunk_insert(n + ((uint64_t)1 << from), from);
        }
        free_count -= (uint64_t)1 << order;
        return n;
    }
    return 0;
}

/* ---- parking --------------------------------------------------------------------------------- */

/* frame_lock is held, here and in park(). */
static void unpark(void)
{
    tlb_flush_mask(cpus_online, TLB_ALL_VA);
    while (parked_count) {
        uint64_t n = parked[--parked_count];

        if (!(frame_words[n] & FREE_DIRTY))
            frame_wipe(mfn(n));
        chunk_join(n, 0);
    }
}

static void park(uint64_t n, uint64_t dirt)
{
    frame_words[n] = FREE | dirt;
    free_count++;
    parked[parked_count++] = n;
    if (parked_count == PARKED_MAX)
        unpark();
}

/* ---- taking --------------------------------------------------------------------------------- */

/* Wipes what is somebody else's. Frames are FREE, on no list. */
static void make_fresh(uint64_t n, unsigned int order, const struct domain *d, unsigned int flags)
{
    if (flags & FRAME_NO_SCRUB)
        return;
    for (uint64_t i = n; i < n + ((uint64_t)1 << order); i++) {
        uint64_t dirt = frame_words[i] & FREE_DIRT;

        if (dirt && !((dirt & FREE_OF_DOM0) && d && d->is_dom0))
            frame_wipe(mfn(i));
    }
}

/* May d (NULL: the hypervisor) have n more frames? Counts them if so. frame_lock is held. */
static bool account(struct domain *d, uint64_t n, unsigned int flags)
{
    if (!d)
        return true;
    if (d->dying || !d->mem.chunks)
        return false;
    if (!(flags & FRAME_FORCE) &&
        (d->mem.pages > d->mem.max_pages || n > d->mem.max_pages - d->mem.pages))
        return false;
    uint64_t own = min_u64(n, d->mem.claimed);
    if (n > free_count || n - own > free_count - claimed_count)
        return false;
    d->mem.claimed -= own;
    claimed_count -= own;
    d->mem.pages += n;
    d->mem.filling++;
    return true;
}

mfn_t frame_alloc(struct domain *d, unsigned int order, unsigned int bits, unsigned int flags)
{
    unsigned int zones = bits && bits < ZONES + FRAME_SHIFT ? bits - FRAME_SHIFT : ZONES;
    uint64_t count, word = FRAME_LIVE | FRAME_SHARED;
    uint64_t n = 0;

    if (order > FRAME_MAX_ORDER || (bits && bits <= FRAME_SHIFT))
        return MFN_NONE;
    count = (uint64_t)1 << order;
    lock_take(&frame_lock);
    if (account(d, count, flags)) {
        n = chunk_take(order, zones);
        if (!n && parked_count) {
            unpark();
            n = chunk_take(order, zones);
        }
        if (!n && d) {
            d->mem.pages -= count;
            d->mem.filling--;
        }
    }
    lock_drop(&frame_lock);
    if (!n)
        return MFN_NONE;
    make_fresh(n, order, d, flags);
    if (d)
        word = d->mem.owner | FRAME_LIVE | (uint64_t)PGT_WRITABLE << FRAME_TYPE_SHIFT;
    for (uint64_t i = n; i < n + count; i++) {
        *m2p_slot(mfn(i)) = ~0UL;
        if (d)
            mem_chunk_note(d, i);
        /* Partner: every compare-exchange on the word; from here on others may use the frame. */
        __atomic_store_n(&frame_words[i], word, __ATOMIC_RELEASE);
    }
    if (d)
        __atomic_sub_fetch(&d->mem.filling, 1, __ATOMIC_RELEASE);
    return mfn(n);
}

void *hv_page_alloc(void)
{
    mfn_t m = frame_alloc(NULL, 0, 0, 0);

    return mfn_eq(m, MFN_NONE) ? NULL : mfn_ptr(m);
}

/* ---- giving back ---------------------------------------------------------------------------- */

void frame_wipe(mfn_t m)
{
    memset(mfn_ptr(m), 0, FRAME_SIZE);
}

/* Several in a row are rare, and stay together. */
static void free_chunk(uint64_t n, unsigned int order)
{
    tlb_flush_mask(cpus_online, TLB_ALL_VA);
    for (uint64_t i = n; i < n + ((uint64_t)1 << order); i++) {
        frame_words[i] = FREE;
        frame_wipe(mfn(i));
    }
    chunk_free(n, order);
}

void frame_free(mfn_t m, unsigned int order)
{
    for (uint64_t i = m.n; i < m.n + ((uint64_t)1 << order); i++)
        ASSERT(frame_words[i] == (FRAME_LIVE | FRAME_SHARED));
    lock_take(&frame_lock);
    if (order)
        free_chunk(m.n, order);
    else
        park(m.n, 0);
    lock_drop(&frame_lock);
}

void hv_page_free(void *page)
{
    if (page)
        frame_free(ptr_mfn(page), 0);
}

void frame_gone(mfn_t m, uint64_t word)
{
    struct domain *d = word & FRAME_SHARED ? NULL : frame_word_owner(word);
    uint64_t dirt = 0;
    bool last = false;

    if (unlikely(word & FRAME_UNCACHED))
        cache_flush_all();
    *m2p_slot(m) = ~0UL;
    if (d && d->is_dom0)
        dirt = FREE_DIRTY | FREE_OF_DOM0;
    lock_take(&frame_lock);
    park(m.n, dirt);
    if (d) {
        last = !--d->mem.pages && d->dying;
        /* From here on a dead d may go at any time. */
    }
    lock_drop(&frame_lock);
    if (unlikely(last))
        dom_reap_wanted();
}

/* ---- start-up ------------------------------------------------------------------------------- */

static void free_range(uint64_t from, uint64_t to)
{
    while (from < to) {
        unsigned int order = (unsigned int)min_u64(lowest_bit(from), highest_bit(to - from));

        if (order > FRAME_MAX_ORDER)
            order = FRAME_MAX_ORDER;
        for (uint64_t i = from; i < from + ((uint64_t)1 << order); i++)
            frame_words[i] = FREE | FREE_DIRTY;
        chunk_free(from, order);
        from += (uint64_t)1 << order;
    }
}

/* What is free of [at, end): all that no reserved range touches. */
static void free_unreserved(uint64_t at, uint64_t end, const struct ram_range *reserved,
                            unsigned int n)
{
    while (at < end) {
        uint64_t stop_at = end, next = 0;

        for (unsigned int i = 0; i < n; i++) {
            uint64_t from = reserved[i].start >> FRAME_SHIFT;
            uint64_t to = (reserved[i].end + FRAME_MASK) >> FRAME_SHIFT;

            if (from <= at && at < to && to > next)
                next = to;
            if (from > at && from < stop_at)
                stop_at = from;
        }
        if (next) {
            at = next;
            continue;
        }
        free_range(at, stop_at);
        at = stop_at;
    }
}

void frame_init(const struct ram_range *ram, unsigned int n, const struct ram_range *reserved,
                unsigned int n_reserved)
{
    frame_max = frame_total = free_count = claimed_count = parked_count = 0;
    memset(zone_orders, 0, sizeof(zone_orders));
    for (unsigned int i = 0; i < n; i++)
        frame_max = max_u64(frame_max, ram[i].end >> FRAME_SHIFT);
    frame_marks = (uint32_t *)(frame_words + frame_max);
    for (unsigned int zone = 0; zone < ZONES; zone++)
        for (unsigned int order = 0; order <= FRAME_MAX_ORDER; order++)
            list_init(&chunks[zone][order]);
    for (uint64_t i = 0; i < frame_max; i++)
        frame_words[i] = NOT_RAM;
    for (unsigned int i = 0; i < n; i++) {
        uint64_t from = (ram[i].start + FRAME_MASK) >> FRAME_SHIFT;
        uint64_t to = ram[i].end >> FRAME_SHIFT;

        for (uint64_t at = from; at < to; at++)
            frame_words[at] = FRAME_LIVE | FRAME_SHARED;
        if (to > from)
            frame_total += to - from;
    }
    for (unsigned int i = 0; i < n; i++) {
        uint64_t from = (ram[i].start + FRAME_MASK) >> FRAME_SHIFT;

        free_unreserved(from ? from : 1, ram[i].end >> FRAME_SHIFT, reserved, n_reserved);
    }
    mem_init();
}

void frame_release(mfn_t from, mfn_t to)
{
    lock_take(&frame_lock);
    for (uint64_t i = from.n; i < to.n && i < frame_max; i++)
        if (i && frame_words[i] == (FRAME_LIVE | FRAME_SHARED)) {
            frame_words[i] = FREE | FREE_DIRTY;
            chunk_free(i, 0);
        }
    lock_drop(&frame_lock);
}

/* ---- counts and claims ---------------------------------------------------------------------- */

uint64_t frame_free_count(void)
{
    return free_count;
}

uint64_t frame_claimed_count(void)
{
    return claimed_count;
}

int frame_claim(struct domain *d, uint64_t pages)
{
    int error = 0;

    lock_take(&frame_lock);
    claimed_count -= d->mem.claimed;
    d->mem.claimed = 0;
    if (!pages || d->dying) {
        /* only ended */
    } else if (pages > d->mem.max_pages || pages < d->mem.pages) {
        error = -XEN_EINVAL;
    } else if (pages - d->mem.pages > free_count - claimed_count) {
        error = -XEN_ENOMEM;
    } else {
        d->mem.claimed = pages - d->mem.pages;
        claimed_count += d->mem.claimed;
    }
    lock_drop(&frame_lock);
    return error;
}

/* ---- audit ---------------------------------------------------------------------------------- */

/* Counts by what the words say; compares with the lists' count and the domains' accounts. */
unsigned int frame_audit(void)
{
    static uint64_t owned[MEM_SLOTS];
    uint64_t free_frames = 0, listed = 0;
    unsigned int bad = 0;

    memset(owned, 0, sizeof(owned));
    for (uint64_t i = 0; i < frame_max; i++) {
        uint64_t w = frame_words[i];

        if (w == NOT_RAM)
            continue;
        if (w & (FRAME_OWNER | FRAME_LIVE)) {
            if (!(w & FRAME_SHARED))
                owned[w >> FRAME_OWNER_SHIFT]++;
            continue;
        }
        free_frames++;
        if (w & FREE_HEAD)
            listed += (uint64_t)1 << (w & FRAME_REFS);
    }
    if (free_frames != free_count || listed + parked_count != free_count) {
        log_err("frames: %lu free, %lu on lists, %lu counted\n", free_frames, listed + parked_count,
                free_count);
        bad++;
    }
    for (unsigned int slot = 2; slot < MEM_SLOTS - 1; slot++) {
        struct domain *d = frame_word_owner((uint64_t)slot << FRAME_OWNER_SHIFT);

        if (owned[slot] != (d ? d->mem.pages : 0)) {
            log_err("frames: slot %u owns %lu frames, not %lu\n", slot, owned[slot],
                    d ? d->mem.pages : 0);
            bad++;
        }
    }
    return bad;
}

void frame_dump(void)
{
    log_info("frames: %lu of RAM, %lu free, %lu claimed\n", frame_total, free_count, claimed_count);
    for (unsigned int zone = 0; zone < ZONES; zone++)
        if (zone_orders[zone])
            log_info("  zone %u (addresses below 2^%u): orders %x\n", zone, zone + 13,
                     zone_orders[zone]);
}
