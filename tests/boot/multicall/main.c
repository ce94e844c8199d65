/*
 * Property: multicall. Entries run in order and each holds its own result, refused ones included;
 * what may not be nested is refused; an entry's failure does not stop the rest.
 */
#include "pvk.h"

static struct multicall_entry calls[64];

static void add(unsigned int i, uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    calls[i] = (struct multicall_entry){.op = op, .result = 0x5555, .args = {a, b, c, d}};
}

static void run(void)
{
    static uint8_t window[PAGE_SIZE] __attribute__((aligned(4096)));
    struct xen_feature_info f = {0};
    uint64_t frame = va_to_maddr(window);

    add(0, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    add(1, 63, 0, 0, 0, 0);
    add(2, __HYPERVISOR_xen_version, XENVER_get_features, U(&f), 0, 0);
    add(3, __HYPERVISOR_multicall, U(calls), 1, 0, 0);
    add(4, __HYPERVISOR_update_va_mapping, U(window), frame | PTE_RO, UVMF_INVLPG, 0);
    add(5, __HYPERVISOR_update_va_mapping, U(window), 0x000ffffffffff000UL | PTE_RW, UVMF_INVLPG,
        0);
    add(6, __HYPERVISOR_update_va_mapping, U(window), frame | PTE_RW, UVMF_INVLPG, 0);
    add(7, __HYPERVISOR_fpu_taskswitch, 0, 0, 0, 0);
    add(8, 1UL << 40, 0, 0, 0, 0);
    add(9, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    long rc = HC(__HYPERVISOR_multicall, calls, 10);
    say("ten calls: %s, features seen: %d", rc_name(rc), f.submap != 0);
    for (unsigned int i = 0; i < 10; i++)
        say("result of %u: %s", i, rc_name((long)calls[i].result));
    say("none: %s", rc_name(HC(__HYPERVISOR_multicall, calls, 0)));
    say("bad pointer: %s", rc_name(HC(__HYPERVISOR_multicall, BAD_POINTER, 1)));
    say("in the hypervisor: %s", rc_name(HC(__HYPERVISOR_multicall, HV_POINTER, 1)));
    say("non-canonical: %s", rc_name(HC(__HYPERVISOR_multicall, NONCANONICAL_POINTER, 1)));
    for (unsigned int i = 0; i < 64; i++)
        add(i, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    rc = HC(__HYPERVISOR_multicall, calls, 64);
    unsigned int right = 0;
    for (unsigned int i = 0; i < 64; i++)
        right += calls[i].result == 0x40011;
    say("sixty-four: %s, right %u", rc_name(rc), right);

    /* The second entry lies on a page that is missing: the first has been done. */
    uint8_t *pages = page_get();
    struct multicall_entry *last = (struct multicall_entry *)(pages + PAGE_SIZE) - 1;
    uint64_t after = va_to_maddr(pages + PAGE_SIZE);
    *last = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .result = 0x5555};
    pte_set(pages + PAGE_SIZE, 0);
    rc = HC(__HYPERVISOR_multicall, last, 2);
    say("second entry missing: %s, result of the first %lx", rc_name(rc), last->result);
    pte_set(pages + PAGE_SIZE, after | PTE_RW);
    /* Read-only entries: the call is made, its result cannot be stored. */
    *last = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .result = 0x5555};
    page_protect(pages);
    rc = HC(__HYPERVISOR_multicall, last, 1);
    say("entry in a read-only page: %s, result %lx", rc_name(rc), last->result);
    page_unprotect(pages);
    page_put(pages);
    add(0, __HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0);
    add(1, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    rc = HC(__HYPERVISOR_multicall, calls, 2);
    say("yield inside: %s, %lx, %lx", rc_name(rc), calls[0].result, calls[1].result);

    /* What an upcall made pending inside waits for the end. */
    upcalls = 0;
    vcpu_info()->evtchn_upcall_mask = 0;
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    evtchn(EVTCHNOP_bind_ipi, &ipi);
    event_unmask(ipi.port);
    struct evtchn_send send = {.port = ipi.port};
    add(0, __HYPERVISOR_event_channel_op, EVTCHNOP_send, U(&send), 0, 0);
    add(1, __HYPERVISOR_xen_version, XENVER_version, 0, 0, 0);
    rc = HC(__HYPERVISOR_multicall, calls, 2);
    say("send inside: %s, upcalls %u", rc_name(rc), upcalls);
    struct evtchn_close close = {.port = ipi.port};
    evtchn(EVTCHNOP_close, &close);
    upcalls_disable();
}
PROPERTY(multicall, "multicall", run);
