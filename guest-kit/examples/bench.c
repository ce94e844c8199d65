/*
 * bench: what each operation costs as a program of the kit sees it, the kit's own work included. It
 * prints lines "bench kit_NAME COUNT" in the control domain and "bench guest_NAME COUNT" in any
 * other guest: counts of the time stamp counter for one operation, least of several batches, which
 * are instructions under QEMU's -icount. With a disk, that too. tests/bench/run makes the table.
 */
#include <gk/blk.h>
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/gnt.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/vcpu.h>
#include <gk/xenbus.h>
#include "start/xen.h"

#define BATCHES 6

static void say(const char *name, uint64_t count)
{
    gk_printf("bench %s_%s %lu\n", gk_is_dom0() ? "kit" : "guest", name, count);
}

/* Runs `batch`, which does the operation n times. */
static void measure(const char *name, void (*batch)(unsigned int n), unsigned int n)
{
    uint64_t least = UINT64_MAX;

    batch(1);
    for (unsigned int i = 0; i < BATCHES; i++) {
        uint64_t start = __builtin_ia32_rdtsc();
        batch(n);
        uint64_t took = __builtin_ia32_rdtsc() - start;
        least = took < least ? took : least;
    }
    say(name, (least + n / 2) / n);
}

static void must(long rc, const char *what)
{
    if (rc < 0)
        gk_panic("bench: %s: %ld", what, rc);
}

/* --- calls, clock, threads --- */

static void null_hypercall(unsigned int n)
{
    while (n--)
        HC2(__HYPERVISOR_xen_version, XENVER_version, NULL);
}

static void clock_read(unsigned int n)
{
    while (n--)
        gk_time_mono();
}

static volatile bool stop;

static void partner(void *unused)
{
    (void)unused;
    while (!stop)
        gk_yield();
}

static void yield(unsigned int n)
{
    while (n--)
        gk_yield();
}

/* There and back: two switches. */
static void threads(void)
{
    struct gk_thread *t = gk_thread_create("partner", partner, NULL, GK_STACK_DEFAULT);

    must(t ? 0 : -XEN_ENOMEM, "a thread");
    measure("thread_round_trip", yield, 100);
    stop = true;
    gk_thread_join(t);
}

/* --- events and timers: from the call to the first line of the handler --- */

static volatile uint64_t handled;

static void on_event(uint32_t port, void *unused)
{
    (void)port;
    (void)unused;
    handled = __builtin_ia32_rdtsc();
}

static void on_timer(void *unused)
{
    on_event(0, unused);
}

static uint64_t until_handled(uint64_t start)
{
    while (!handled)
        gk_sleep(GK_MS);
    return handled - start;
}

static void events(void)
{
    uint64_t least = UINT64_MAX;
    int end = gk_evt_alloc(GK_DOMID_SELF, on_event, NULL);

    must(end, "a port");
    int other = gk_evt_bind(GK_DOMID_SELF, (uint32_t)end, on_event, NULL);
    must(other, "its other end");
    for (unsigned int i = 0; i < 30; i++) {
        handled = 0;
        uint64_t start = __builtin_ia32_rdtsc();
        gk_evt_send((uint32_t)other);
        gk_yield();
        uint64_t took = until_handled(start);
        least = took < least ? took : least;
    }
    say("event_to_handler", least);
    gk_evt_close((uint32_t)other);
    gk_evt_close((uint32_t)end);
}

static struct gk_timer timer;

/* One that is due at once: set, interrupt, sleep and upcall. */
static void timers(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned int i = 0; i < 30; i++) {
        handled = 0;
        uint64_t start = __builtin_ia32_rdtsc();
        gk_timer_set(&timer, gk_time_mono(), on_timer, NULL);
        uint64_t took = until_handled(start);
        least = took < least ? took : least;
    }
    say("timer_to_handler", least);
}

/* --- two vCPUs: a token there and back, each time to a vCPU that sleeps --- */

static struct gk_sem there, back;

static void far_partner(void *unused)
{
    (void)unused;
    gk_vcpu_pin(1);
    while (gk_sem_down(&there, GK_FOREVER) && !stop)
        gk_sem_up(&back);
}

static void there_and_back(unsigned int n)
{
    while (n--) {
        gk_sem_up(&there);
        gk_sem_down(&back, GK_FOREVER);
    }
}

static void vcpus(void)
{
    if (gk_vcpu_start(2) != 2)
        return;
    stop = false;
    struct gk_thread *t = gk_thread_create_apart("far", far_partner, NULL, GK_STACK_DEFAULT);
    must(t ? gk_vcpu_pin(0) : -XEN_ENOMEM, "a thread on vCPU 1");
    gk_apart();
    measure("vcpu_round_trip", there_and_back, 20);
    stop = true;
    gk_sem_up(&there);
    gk_thread_join(t);
    gk_together();
}

/* --- memory --- */

static uint8_t *space, *page;

static void map_unmap(unsigned int n)
{
    while (n--) {
        gk_frame_map(space, gk_mfn(page), DOMID_SELF, true);
        gk_frame_unmap(space);
    }
}

static void updates_32(unsigned int n)
{
    static struct mmu_update u[32];

    while (n--) {
        for (unsigned int i = 0; i < 32; i++)
            u[i] = (struct mmu_update){.ptr = gk_pte_maddr(space),
                                       .val = i % 2 ? gk_mfn(page) << 12 | 1 : 0};
        must(hc_mmu(u, 32, DOMID_SELF), "mmu_update");
    }
}

/* Steps over the three bytes of touch()'s store and goes back. The stub of the IRET hypercall
 * pushes rcx, r11 and rax itself. */
void bench_page_fault(void);
__asm__(".text\n"
        ".balign 16\n"
        "bench_page_fault:\n"
        "    pop %rcx\n"
        "    pop %r11\n"
        "    add $8, %rsp\n"
        "    addq $3, (%rsp)\n"
        "    pushq $0\n"
        "    jmp gk_hypercall_page + 23 * 32\n");

static void touch(unsigned int n)
{
    while (n--)
        __asm__ volatile("movb $0, (%%rdi)" ::"D"(space) : "memory", "rcx", "r11");
}

/* The kit's own handler ends the guest; no other trap may come until this one is taken out. */
static void page_faults(void)
{
    struct trap_info one[2] = {
        {.vector = 14, .cs = FLAT_KERNEL_CS, .address = ADDRESS(bench_page_fault)}};

    must(HC1(__HYPERVISOR_set_trap_table, one), "set_trap_table");
    measure("page_fault", touch, 100);
}

/* Whatever free memory looks like: now there is a free page whose neighbour is not free, so that
 * nothing needs to be cut or joined. */
static void one_page_left(void)
{
    uintptr_t a, b = (uintptr_t)gk_page_alloc(1);

    do {
        a = b;
        b = (uintptr_t)gk_page_alloc(1);
        must(b ? 0 : -XEN_ENOMEM, "a page");
    } while ((a ^ b) != GK_PAGE_SIZE);
    gk_page_free((void *)b);
}

static void pages(unsigned int n)
{
    while (n--)
        gk_page_free(gk_page_alloc(1));
}

/* --- grants: our own, to ourselves --- */

static uint16_t self;
static gk_gref ref;

static void grant_map_unmap(unsigned int n)
{
    while (n--) {
        void *at;
        uint32_t handle;
        must(gk_gnt_map(self, &ref, 1, false, &at, &handle), "map");
        must(gk_gnt_unmap(at, &handle, 1), "unmap");
    }
}

static void grant_copy(unsigned int n)
{
    const struct gk_gnt_side from = {.domid = self, .ref = ref};
    const struct gk_gnt_side to = {.domid = GK_DOMID_SELF, .address = page};

    while (n--)
        must(gk_gnt_copy(&from, &to, 4096), "copy");
}

static void grant_give_end(unsigned int n)
{
    while (n--) {
        gk_gref r;
        must(gk_gnt_allow(0, page, false, &r), "allow");
        must(gk_gnt_end(r), "end");
    }
}

static void grants(void)
{
    uint64_t id = gk_is_dom0() ? 0 : gk_xs_read_or("domid", 0);
    void *granted = gk_page_zalloc(1);

    self = (uint16_t)id;
    must(granted ? gk_gnt_allow(self, granted, false, &ref) : -XEN_ENOMEM, "a grant");
    measure("grant_map_unmap", grant_map_unmap, 50);
    measure("grant_copy_4k", grant_copy, 50);
    measure("grant_give_end", grant_give_end, 100);
    gk_gnt_end_later(ref, granted);
}

/* --- devices and xenstore --- */

static void store_read(unsigned int n)
{
    while (n--)
        gk_xs_read_or("domid", 0);
}

static struct gk_blk *disk;
static uint8_t *buffer;

static void disk_read_4k(unsigned int n)
{
    while (n--)
        must(gk_blk_read(disk, 0, buffer, 4096), "read");
}

static void disk_write_4k(unsigned int n)
{
    while (n--)
        must(gk_blk_write(disk, 0, buffer, 4096), "write");
}

static void disk_read_1m(unsigned int n)
{
    while (n--)
        must(gk_blk_read(disk, 0, buffer, 1 << 20), "read");
}

static void devices(void)
{
    if (gk_is_dom0())
        return;
    measure("xenstore_read", store_read, 10);
    if (gk_blk_open(NULL, gk_time_mono() + 30 * GK_S, &disk))
        return;
    buffer = gk_page_alloc(256);
    must(buffer ? 0 : -XEN_ENOMEM, "a buffer");
    measure("disk_read_4k", disk_read_4k, 10);
    measure("disk_write_4k", disk_write_4k, 10);
    measure("disk_read_1m", disk_read_1m, 2);
    gk_blk_close(disk);
}

int main(void)
{
    measure("null", null_hypercall, 100);
    measure("clock_read", clock_read, 100);
    threads();
    events();
    timers();
    one_page_left();
    measure("page_alloc_free", pages, 100);
    page = gk_page_zalloc(1);
    space = gk_space_alloc(1);
    must(page && space ? 0 : -XEN_ENOMEM, "memory");
    measure("frame_map_unmap", map_unmap, 50);
    measure("pte_updates_32", updates_32, 20);
    gk_frame_unmap(space);
    grants();
    devices();
    vcpus();
    page_faults();
    gk_printf("bench: done\n");
    return 0;
}
