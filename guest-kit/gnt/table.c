/* The grant table: its frames, mapped as it grows, and which references are free. */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/time.h>
#include "gnt/gnt.h"
#include "start/suspend.h"
#include "thread/turn.h"

#define PER_FRAME  (GK_PAGE_SIZE / sizeof(struct grant_entry_v1))
#define FRAMES_MAX 64
#define RESERVED   8 /* the toolstack's: console, xenstore */

static struct grant_entry_v1 *table;
static unsigned int frames, frames_limit;
static uint32_t *free_next[FRAMES_MAX]; /* links of the free list, by reference */
static gk_gref free_first;              /* 0: none */

static uint32_t *next_of(gk_gref ref)
{
    return &free_next[ref / PER_FRAME][ref % PER_FRAME];
}

/* Makes the hypervisor provide `count` frames and maps those from `from` on. */
static int frames_map(unsigned int from, unsigned int count)
{
    xen_pfn_t list[FRAMES_MAX];
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = count};

    set_xen_guest_handle(op.frame_list, list);
    long rc = hc_grant(GNTTABOP_setup_table, &op, 1);
    if (rc || op.status)
        return rc ? (int)rc : -XEN_ENOSPC;
    for (unsigned int i = from; i < count; i++) {
        int fault = gk_frame_map((uint8_t *)table + i * GK_PAGE_SIZE, list[i], DOMID_SELF, true);
        if (fault)
            return fault;
    }
    return 0;
}

static int start(void)
{
    struct gnttab_query_size op = {.dom = DOMID_SELF};

    if (hc_grant(GNTTABOP_query_size, &op, 1) || op.status)
        return -XEN_ENOSYS;
    frames_limit = op.max_nr_frames < FRAMES_MAX ? op.max_nr_frames : FRAMES_MAX;
    table = gk_space_alloc(FRAMES_MAX);
    return table ? 0 : -XEN_ENOMEM;
}

static int grow(void)
{
    int rc = table ? 0 : start();

    if (rc)
        return rc;
    if (frames == frames_limit)
        return -XEN_ENOSPC;
    uint32_t *links = gk_alloc(PER_FRAME * sizeof(*links));
    if (!links)
        return -XEN_ENOMEM;
    rc = frames_map(frames, frames + 1);
    if (rc) {
        gk_free(links);
        return rc;
    }
    gk_gref first = (gk_gref)(frames * PER_FRAME);
    free_next[frames++] = links;
    for (gk_gref ref = first + PER_FRAME; ref-- > first;)
        if (ref >= RESERVED)
            gk_gnt_release(ref);
    return 0;
}

int gk_gnt_reserve(gk_gref *ref)
{
    KIT_TURN;
    int rc = free_first ? 0 : grow();

    if (rc)
        return rc == -XEN_ENOMEM ? rc : -XEN_ENOSPC;
    *ref = free_first;
    free_first = *next_of(free_first);
    return 0;
}

void gk_gnt_release(gk_gref ref)
{
    KIT_TURN;
    *next_of(ref) = free_first;
    free_first = ref;
}

void gk_gnt_set(gk_gref ref, uint16_t domid, const void *address, bool readonly)
{
    gnt_entry_set(&table[ref], domid, gk_mfn(address), readonly);
}

int gk_gnt_clear(gk_gref ref)
{
    return gnt_entry_clear(&table[ref]) ? 0 : -XEN_EBUSY;
}

bool gk_gnt_in_use(gk_gref ref)
{
    return gnt_entry_in_use(&table[ref]);
}

int gk_gnt_allow(uint16_t domid, const void *address, bool readonly, gk_gref *ref)
{
    int rc = gk_gnt_reserve(ref);

    if (!rc)
        gk_gnt_set(*ref, domid, address, readonly);
    return rc;
}

int gk_gnt_end(gk_gref ref)
{
    int rc = gk_gnt_clear(ref);

    if (!rc)
        gk_gnt_release(ref);
    return rc;
}

/* --- grants that the other side will not let go yet: looked at every second --- */

struct later {
    struct later *next;
    gk_gref ref;
    void *page;
};
static struct later *laters;
static struct gk_timer later_timer;

static void later_try(void *unused)
{
    struct later **at = &laters;

    while (*at) {
        struct later *l = *at;
        if (gk_gnt_end(l->ref)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        gk_page_free(l->page);
        gk_free(l);
    }
    if (laters)
        gk_timer_set(&later_timer, gk_time_mono() + GK_S, later_try, unused);
}

/* Without memory to remember it, reference and page are lost; they must not be used again. */
void gk_gnt_end_later(gk_gref ref, void *page)
{
    KIT_TURN;
    struct later *l;

    if (!gk_gnt_end(ref)) {
        gk_page_free(page);
        return;
    }
    l = gk_alloc(sizeof(*l));
    if (!l)
        return;
    *l = (struct later){laters, ref, page};
    laters = l;
    if (!later_timer.set)
        gk_timer_set(&later_timer, gk_time_mono() + GK_S, later_try, NULL);
}

/* --- save and restore --- */

void kit_gnt_suspend(void)
{
    for (unsigned int i = 0; i < frames; i++)
        gk_frame_unmap((uint8_t *)table + i * GK_PAGE_SIZE);
}

/* Elsewhere the table is empty; the references stay taken until their owners give them back. */
void kit_gnt_resume(bool cancelled)
{
    (void)cancelled;
    if (frames && frames_map(0, frames))
        gk_panic("the grant table is gone");
}
