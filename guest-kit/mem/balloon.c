/*
 * The balloon: pages given back to the hypervisor, and taken again, as xenstore's memory/target
 * says.
 *
 * A page that is out stays allocated, unmapped, with no frame in the p2m: that is the mark by which
 * it is found again, so nothing needs memory to give memory back. Only whole free pages go, never
 * the last ones (KEEP), and no more comes than the guest started with.
 */
#include <gk/err.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>
#include "mem/balloon.h"
#include "start/kit.h"
#include "mem/mem.h"

#define KEEP  64 /* pages that stay free */
#define BATCH 64
#define NONE  (~0UL)

static size_t out, want; /* pages given back; pages the guest is to have */
static size_t search;    /* where the next page that is out is looked for */
static struct gk_thread *thread;
static struct gk_waitq news;

size_t kit_balloon_pages(void)
{
    return out;
}

/* How many went; less than `count`: no more is free, or the hypervisor does not take it. */
static size_t give(size_t count)
{
    xen_pfn_t frames[BATCH];
    uint8_t *pages[BATCH];
    size_t n = 0;
    struct gk_mem_info info;

    gk_mem_info(&info);
    while (n < count && n < BATCH && info.free_pages > KEEP + n && (pages[n] = gk_page_alloc(1))) {
        frames[n] = gk_mfn(pages[n]);
        if (kit_page_hide(pages[n])) {
            gk_page_free(pages[n]);
            break;
        }
        kit_p2m()[kit_va_pfn(pages[n])] = NONE;
        n++;
    }
    struct xen_memory_reservation r = {.nr_extents = n, .domid = DOMID_SELF};
    set_xen_guest_handle(r.extent_start, frames);
    long went = n ? hc_memory(XENMEM_decrease_reservation, &r) : 0;
    went = went < 0 ? 0 : went;
    for (size_t i = (size_t)went; i < n; i++) {
        kit_p2m()[kit_va_pfn(pages[i])] = frames[i];
        kit_page_show(pages[i]);
        gk_page_free(pages[i]);
    }
    out += (size_t)went;
    return (size_t)went;
}

static size_t find_out(void)
{
    size_t pages = kit_start_info->nr_pages;

    for (size_t i = 0; i < pages; i++, search++) {
        search = search < pages ? search : 0;
        if (kit_p2m()[search] == NONE)
            return search;
    }
    return NONE;
}

/* One page comes back; false: the hypervisor has none for us. */
static bool take(void)
{
    size_t pfn = find_out();
    xen_pfn_t frame = pfn;
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, &frame);
    if (pfn == NONE || hc_memory(XENMEM_populate_physmap, &r) != 1)
        return false;
    kit_p2m()[pfn] = frame;
    out--;
    if (kit_page_show(kit_pfn_va(pfn)))
        gk_panic("the balloon's page cannot be mapped");
    gk_page_free(kit_pfn_va(pfn));
    return true;
}

static size_t have(void)
{
    return kit_start_info->nr_pages - out;
}

/* As far as it goes now. */
static void adjust(void)
{
    while (have() > want && give(have() - want))
        ;
    while (have() < want && out && take())
        ;
}

static void run(void *unused)
{
    (void)unused;
    for (;;) {
        adjust();
        bool done = have() == want || (have() < want && !out);
        gk_waitq_wait(&news, done ? GK_FOREVER : gk_time_mono() + GK_S);
    }
}

static void on_target(const char *path, void *unused)
{
    uint64_t kib;

    (void)unused;
    if (gk_xs_read_u64(GK_XS_NONE, path, &kib))
        return;
    want = kib / 4;
    gk_waitq_wake(&news);
}

int gk_balloon_start(void)
{
    static bool watched; /* or just being done */
    struct gk_xs_watch *watch;

    if (!thread) {
        want = have();
        thread = gk_thread_create("balloon", run, NULL, GK_STACK_DEFAULT);
        if (!thread)
            return -XEN_ENOMEM;
    }
    if (watched)
        return 0;
    watched = true;
    int rc = gk_xs_watch("memory/target", on_target, NULL, &watch);
    watched = !rc;
    return rc;
}
