/*
 * load: a tiny PV guest that does one kind of work, as much as it gets time for, until it is told
 * to do another: the neighbour, good or bad, of the tests of fairness.
 *
 * It obeys single characters typed on its console: s spin, e events to whoever listens at its
 * console and to itself, g grants (all it can have, mapped and unmapped), m memory (given back and
 * taken, more asked for than there is), p page tables (pinned and unpinned), i idle, d and a
 * number: its own domid. How much it has done is a count at the end of its shared_info page, where
 * `counts` finds it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/console.h>
#include <xen/memory.h>
#include <xen/sched.h>

#include "load.h"

#define BASE   0xffffffff80000000ul
#define FRAMES 512 /* of this guest's memory, that it plays with */
#define MAPS   32

__asm__(".pushsection .note.Xen, \"a\"\n"
        ".macro note type, desc:vararg\n .balign 4\n .long 4, 9f - 8f, \\type\n .asciz \"Xen\"\n"
        "8: \\desc\n9: .balign 4\n.endm\n"
        "note 6, .asciz \"load\"\nnote 5, .asciz \"xen-3.0\"\nnote 3, .quad 0xffffffff80000000\n"
        "note 4, .quad 0xffffffff80000000\n"
        "note 1, .quad _start\nnote 9, .asciz \"yes\"\nnote 8, .asciz \"generic\"\n"
        "note 14, .long 1\n.popsection\n"
        ".globl _start\n_start: lea stack_top(%rip), %rsp\n mov %rsi, %rdi\n call run\n"
        ".pushsection .bss\n .balign 4096\n .skip 16384\nstack_top:\n.popsection\n");

static long hypercall(unsigned nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    register uint64_t r10 __asm__("r10") = d;
    long rc;
    __asm__ volatile("syscall"
                     : "=a"(rc), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     : "a"((uint64_t)nr)
                     : "rcx", "r11", "r8", "r9", "memory");
    return rc;
}

static start_info_t *si;
static volatile struct xencons_interface *con;
static char shared_page[4096] __attribute__((aligned(4096)));
static char grant_page[4096] __attribute__((aligned(4096)));
static char window[MAPS][4096] __attribute__((aligned(4096)));
static uint64_t frames[FRAMES];
static uint64_t spare_table[512] __attribute__((aligned(4096)));
static uint16_t own_domid;
#define SHARED ((volatile shared_info_t *)shared_page)
#define WORK   ((volatile uint64_t *)(shared_page + LOAD_WORK_AT))

static uint64_t *p2m(void)
{
    return (uint64_t *)si->mfn_list;
}

static uint64_t pfn_of(const void *p)
{
    return ((uint64_t)p - BASE) >> 12;
}

static uint64_t mfn_of(const void *p)
{
    return p2m()[pfn_of(p)];
}

static void notify(unsigned port)
{
    struct evtchn_send s = {.port = port};
    hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, (uint64_t)&s, 0, 0);
}

static bool typed(char *c)
{
    if (con->in_prod == con->in_cons)
        return false;
    *c = con->in[con->in_cons % sizeof con->in];
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    con->in_cons++;
    return true;
}

static void say(const char *s)
{
    for (; *s; s++)
        con->out[con->out_prod++ % sizeof con->out] = *s;
    notify(si->console.domU.evtchn);
}

/* --- kinds of work: each call is a fraction of a millisecond -------------------------------- */

static void idle(void)
{
    evtchn_port_t p = si->console.domU.evtchn;
    struct sched_poll poll = {.nr_ports = 1};
    set_xen_guest_handle(poll.ports, &p);
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, (uint64_t)&poll, 0, 0);
    __atomic_and_fetch(&((shared_info_t *)shared_page)->evtchn_pending[p / 64], ~(1ul << (p % 64)),
                       __ATOMIC_SEQ_CST);
}

static void spin(void)
{
    for (int i = 0; i < 10000; i++)
        __asm__ volatile("");
}

static void events(void)
{
    static evtchn_port_t own;
    if (!own) {
        struct evtchn_bind_ipi ipi = {.vcpu = 0};
        hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_ipi, (uint64_t)&ipi, 0, 0);
        own = ipi.port;
    }
    for (int i = 0; i < 20; i++) {
        notify(si->console.domU.evtchn);
        notify(own);
        __atomic_and_fetch(&((shared_info_t *)shared_page)->evtchn_pending[own / 64],
                           ~(1ul << (own % 64)), __ATOMIC_SEQ_CST);
    }
}

static void grants(void)
{
    static bool ready;
    static struct gnttab_map_grant_ref map[MAPS];
    static struct gnttab_unmap_grant_ref unmap[MAPS];
    if (!ready) {
        uint64_t list[64];
        struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 64};
        set_xen_guest_handle(setup.frame_list, list);
        hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (uint64_t)&setup, 1, 0);
        hypercall(__HYPERVISOR_update_va_mapping, (uint64_t)grant_page, list[0] << 12 | 0x67,
                  UVMF_INVLPG, 0);
        ready = setup.status == GNTST_okay;
    }
    grant_entry_v1_t *table = (grant_entry_v1_t *)grant_page;
    for (unsigned i = 0; i < MAPS; i++) {
        table[i + 8].domid = own_domid;
        table[i + 8].frame = (uint32_t)frames[i];
        table[i + 8].flags = GTF_permit_access;
        map[i].host_addr = (uint64_t)window[i];
        map[i].flags = GNTMAP_host_map;
        map[i].ref = i + 8;
        map[i].dom = own_domid;
    }
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, (uint64_t)map, MAPS, 0);
    for (unsigned i = 0; i < MAPS; i++) {
        unmap[i].host_addr = map[i].host_addr;
        unmap[i].handle = map[i].handle;
        unmap[i].dev_bus_addr = 0;
    }
    hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_unmap_grant_ref, (uint64_t)unmap, MAPS, 0);
}

/* Frames of the middle of its memory, which nothing else uses once they are not mapped. */
static void memory(void)
{
    static bool ready;
    uint64_t pfn = 2048;
    if (!ready) {
        for (unsigned i = 0; i < FRAMES; i++)
            hypercall(__HYPERVISOR_update_va_mapping, BASE + ((pfn + i) << 12), 0, UVMF_INVLPG, 0);
        ready = true;
    }
    struct xen_memory_reservation r = {.nr_extents = FRAMES, .domid = DOMID_SELF};
    set_xen_guest_handle(r.extent_start, frames);
    hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation, (uint64_t)&r, 0, 0);
    for (unsigned i = 0; i < FRAMES; i++)
        frames[i] = pfn + i;
    hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, (uint64_t)&r, 0, 0);
    /* More than it may have. */
    uint64_t more[8];
    for (unsigned i = 0; i < 8; i++)
        more[i] = 100000 + i;
    struct xen_memory_reservation big = {.nr_extents = 8, .extent_order = 9, .domid = DOMID_SELF};
    set_xen_guest_handle(big.extent_start, more);
    hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap, (uint64_t)&big, 0, 0);
}

static void tables(void)
{
    static bool ready;
    if (!ready) {
        for (unsigned i = 0; i < 512; i++)
            spare_table[i] = frames[i % FRAMES] << 12 | 0x25;
        hypercall(__HYPERVISOR_update_va_mapping, (uint64_t)spare_table,
                  mfn_of(spare_table) << 12 | 0x25, UVMF_INVLPG, 0);
        ready = true;
    }
    struct mmuext_op pin[2] = {{.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = mfn_of(spare_table)},
                               {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = mfn_of(spare_table)}};
    hypercall(__HYPERVISOR_mmuext_op, (uint64_t)pin, 2, 0, DOMID_SELF);
}

static void (*obey(char c))(void)
{
    switch (c) {
    case 's':
        return spin;
    case 'e':
        return events;
    case 'g':
        return grants;
    case 'm':
        return memory;
    case 'p':
        return tables;
    default:
        return idle;
    }
}

void run(start_info_t *info) __attribute__((noreturn));
void run(start_info_t *info)
{
    void (*work)(void) = idle;
    bool number = false;

    si = info;
    hypercall(__HYPERVISOR_update_va_mapping, (uint64_t)shared_page, si->shared_info | 0x67,
              UVMF_INVLPG, 0);
    con = (void *)(BASE + (((const uint64_t *)0xffff800000000000ul)[si->console.domU.mfn] << 12));
    for (unsigned i = 0; i < FRAMES; i++)
        frames[i] = p2m()[2048 + i];
    say("load: up\r\n");
    for (;;) {
        char c;
        while (typed(&c)) {
            if (c >= '0' && c <= '9') {
                own_domid = (uint16_t)(number ? own_domid * 10 + (c - '0') : c - '0');
                number = true;
            } else if (c >= 'a') {
                number = false;
                if (c != 'd')
                    work = obey(c);
            }
        }
        work();
        ++*WORK;
    }
}
