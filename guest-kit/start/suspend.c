/*
 * Save, restore and migration.
 *
 * A saved guest's page tables may name only frames of its own, so the shared page and the grant
 * table are unmapped before; and the frame numbers in start_info, which the tools do not know to be
 * frame numbers, are turned into numbers of pseudo-physical pages (<xen/xen.h>, struct start_info).
 * All else in memory is put right by the tools, p2m included.
 */
#include <gk/mem.h>
#include "console/con.h"
#include "evt/evt.h"
#include "mem/mem.h"
#include "start/suspend.h"
#include "thread/turn.h"
#include "thread/vcpu.h"
#include "time/clock.h"
#include "xenbus/xb.h"

static struct gk_suspend_hook *hooks, **hooks_end = &hooks;

#define PER_PAGE (GK_PAGE_SIZE / sizeof(uint64_t))

void gk_suspend_register(struct gk_suspend_hook *hook)
{
    KIT_TURN;
    hook->next = NULL;
    *hooks_end = hook;
    hooks_end = &hook->next;
}

void gk_suspend_unregister(struct gk_suspend_hook *hook)
{
    KIT_TURN;
    struct gk_suspend_hook **at = &hooks;

    while (*at && *at != hook)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = hook->next;
    if (!*at)
        hooks_end = at;
}

/* A page of frames of lists of the frames that hold the p2m. Room for 512 such lists: 1 TiB of
 * memory. */
void kit_p2m_publish(void)
{
    static uint64_t *top, **lists;
    size_t frames = (kit_start_info->nr_pages + PER_PAGE - 1) / PER_PAGE;
    size_t count = (frames + PER_PAGE - 1) / PER_PAGE;

    if (!top) {
        top = gk_page_zalloc(1);
        lists = gk_zalloc(count * sizeof(*lists));
    }
    for (size_t i = 0; top && lists && i < count; i++) {
        if (!lists[i])
            lists[i] = gk_page_zalloc(1);
        if (!lists[i])
            return;
        for (size_t j = 0; j < PER_PAGE && i * PER_PAGE + j < frames; j++)
            lists[i][j] = gk_mfn(kit_p2m() + (i * PER_PAGE + j) * PER_PAGE);
        top[i] = gk_mfn(lists[i]);
    }
    if (!top || !lists)
        return;
    kit_shared->arch.max_pfn = kit_start_info->nr_pages;
    kit_shared->arch.pfn_to_mfn_frame_list_list = gk_mfn(top);
}

static unsigned long to_pfn(unsigned long mfn)
{
    return kit_va_pfn(kit_mfn_va(mfn));
}

/* From here to its end nothing may touch shared_info, the clock, a grant or a port. True:
 * cancelled. */
static bool go(void)
{
    struct start_info *si = kit_start_info;
    struct sched_shutdown op = {.reason = SHUTDOWN_suspend};
    void *shared = (void *)(uintptr_t)kit_shared;

    si->store_mfn = to_pfn(si->store_mfn);
    si->console.domU.mfn = (uint32_t)to_pfn(si->console.domU.mfn);
    kit_page_show(shared);
    bool cancelled = HC3(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &op, gk_mfn(si));
    if (cancelled) {
        si->store_mfn = kit_p2m()[si->store_mfn];
        si->console.domU.mfn = (uint32_t)kit_p2m()[si->console.domU.mfn];
    }
    kit_page_replace(shared, si->shared_info);
    return cancelled;
}

void kit_suspend(void)
{
    if (kit_smp)
        kit_vcpu_park();
    for (struct gk_suspend_hook *h = hooks; h; h = h->next)
        if (h->suspend)
            h->suspend(h->argument);
    xs_suspend();
    kit_clock_suspend();
    if (kit_gnt_suspend)
        kit_gnt_suspend();
    bool cancelled = go();
    if (!cancelled) {
        kit_evt_forget();
        kit_evt_init();
        kit_p2m_publish();
        kit_clock_resume();
        kit_console_resume();
    }
    if (kit_smp)
        kit_vcpu_resume(cancelled);
    if (kit_gnt_resume)
        kit_gnt_resume(cancelled);
    xs_resume(cancelled);
    if (!cancelled)
        xs_watch_resume();
    for (struct gk_suspend_hook *h = hooks; h; h = h->next)
        if (h->resume)
            h->resume(h->argument, cancelled);
}
