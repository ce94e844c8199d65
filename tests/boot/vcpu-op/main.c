/*
 * Property: vcpu_op. States of vCPUs and what may be done in each; bring-up with good and bad
 * contexts; runstate and time areas; vcpu_info placement; timers of another vCPU; down and up
 * again.
 */
#include "pvk.h"

static long vcpu(int cmd, unsigned int id, void *arg)
{
    return HC(__HYPERVISOR_vcpu_op, cmd, id, arg);
}

static struct vcpu_guest_context context;

static void bring_up(void)
{
    say("is_up 0: %s", rc_name(vcpu(VCPUOP_is_up, 0, NULL)));
    note("is_up 1: %s", rc_name(vcpu(VCPUOP_is_up, 1, NULL)));
    say("is_up 8191: %s", rc_name(vcpu(VCPUOP_is_up, 8191, NULL)));
    say("is_up 8192: %s", rc_name(vcpu(VCPUOP_is_up, 8192, NULL)));
    say("is_up 0xffffffff: %s", rc_name(vcpu(VCPUOP_is_up, 0xffffffff, NULL)));
    say("unknown: %s", rc_name(vcpu(99, 0, NULL)));
    SAY("initialise the running one: %s",
        (vcpu_context(0, &context), rc_name(vcpu(VCPUOP_initialise, 0, &context))));
    say("up the running one: %s", rc_name(vcpu(VCPUOP_up, 0, NULL)));
    say("initialise at a bad pointer: %s",
        rc_name(vcpu(VCPUOP_initialise, 1, (void *)BAD_POINTER)));
    say("initialise past the last: %s", rc_name(vcpu(VCPUOP_initialise, 500, &context)));
}

static void contexts(void)
{
    static const struct {
        const char *what;
        size_t offset;
        uint64_t value;
    } bad[] = {
        {"cr3 past the end", offsetof(struct vcpu_guest_context, ctrlreg[3]), 0x000ffffffffff000UL},
        {"cr3 of nothing", offsetof(struct vcpu_guest_context, ctrlreg[3]), 0},
        {"gdt of 9000", offsetof(struct vcpu_guest_context, gdt_ents), 9000},
        {"event callback non-canonical", offsetof(struct vcpu_guest_context, event_callback_eip),
         NONCANONICAL_POINTER},
        {"syscall callback non-canonical",
         offsetof(struct vcpu_guest_context, syscall_callback_eip), NONCANONICAL_POINTER},
        {"rip non-canonical", offsetof(struct vcpu_guest_context, user_regs.rip),
         NONCANONICAL_POINTER},
        {"fs_base non-canonical", offsetof(struct vcpu_guest_context, fs_base),
         NONCANONICAL_POINTER},
        {"gs_base_user non-canonical", offsetof(struct vcpu_guest_context, gs_base_user),
         NONCANONICAL_POINTER},
        {"a trap handler non-canonical", offsetof(struct vcpu_guest_context, trap_ctxt[6].address),
         NONCANONICAL_POINTER},
    };
    if (vcpus_allowed() < 2 || vcpu(VCPUOP_is_up, 1, NULL)) {
        note("no vCPU left to initialise wrongly");
        return;
    }
    say("up before initialise: %s", rc_name(vcpu(VCPUOP_up, 1, NULL)));
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        vcpu_context(1, &context);
        *(uint64_t *)((uint8_t *)&context + bad[i].offset) = bad[i].value;
        say("initialise with %s: %s", bad[i].what, rc_name(vcpu(VCPUOP_initialise, 1, &context)));
    }
}

static volatile unsigned int ran;
static volatile uint8_t its_mask;

static void count(void *unused)
{
    (void)unused;
    its_mask = vcpu_info()->evtchn_upcall_mask;
    ran++;
}

static void run_second(void)
{
    if (vcpus_allowed() < 2)
        return;
    say("start vCPU 1: %s", rc_name(vcpu_start(1)));
    vcpu_give(1, count, NULL);
    vcpu_wait(1);
    say("it ran: %u, with upcall mask %u", ran, its_mask);
    SAY("initialise it again: %s",
        (vcpu_context(1, &context), rc_name(vcpu(VCPUOP_initialise, 1, &context))));
    say("is_up: %s", rc_name(vcpu(VCPUOP_is_up, 1, NULL)));
    say("up again: %s", rc_name(vcpu(VCPUOP_up, 1, NULL)));
    say("down: %s", rc_name(vcpu(VCPUOP_down, 1, NULL)));
    say("is_up: %s", rc_name(vcpu(VCPUOP_is_up, 1, NULL)));
    SAY("initialise while down: %s",
        (vcpu_context(1, &context), rc_name(vcpu(VCPUOP_initialise, 1, &context))));
    say("up: %s", rc_name(vcpu(VCPUOP_up, 1, NULL)));
    vcpu_give(1, count, NULL);
    vcpu_wait(1);
    say("it ran on: %u", ran);
}

static struct vcpu_runstate_info runstate __attribute__((aligned(64)));

static void runstates(void)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_runstate_info info = {0};

    area.addr.v = &runstate;
    long rc = vcpu(VCPUOP_register_runstate_memory_area, 0, &area);
    say("register a runstate area: %s, state %d, entry time set %d", rc_name(rc), runstate.state,
        runstate.state_entry_time != 0);
    rc = vcpu(VCPUOP_get_runstate_info, 0, &info);
    say("get_runstate_info: %s, state %d", rc_name(rc), info.state);
    uint64_t sum = info.time[0] + info.time[1] + info.time[2] + info.time[3];
    say("times add up to less than now: %d, running is most: %d", sum <= time_now(),
        info.time[0] > 0);
    /* A host that is busy may stop us on the way into the call, which makes the wait shorter. */
    bool grew = false;
    for (unsigned int i = 0; i < 50 && !grew; i++) {
        uint64_t blocked = runstate.time[RUNSTATE_blocked];
        struct sched_poll poll = {.nr_ports = 0, .timeout = time_now() + 2000000};
        HC(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll);
        grew = runstate.time[RUNSTATE_blocked] - blocked >= 1000000;
    }
    say("after a poll of 2 ms, blocked time grew by as much: %d", grew);
    say("state %d", runstate.state);
    rc = vcpu(VCPUOP_get_runstate_info, 0, (void *)BAD_POINTER);
    say("get_runstate_info at a bad pointer: %s", rc_name(rc));
    area.addr.v = (void *)BAD_POINTER;
    note("register a bad area: %s", rc_name(vcpu(VCPUOP_register_runstate_memory_area, 0, &area)));
    area.addr.v = (void *)HV_POINTER;
    say("register an area in the hypervisor: %s",
        rc_name(vcpu(VCPUOP_register_runstate_memory_area, 0, &area)));
    say("register at a bad pointer: %s",
        rc_name(vcpu(VCPUOP_register_runstate_memory_area, 0, (void *)BAD_POINTER)));
    area.addr.v = NULL;
    note("register none: %s", rc_name(vcpu(VCPUOP_register_runstate_memory_area, 0, &area)));

    static struct vcpu_time_info times;
    struct vcpu_register_time_memory_area t;
    t.addr.v = &times;
    rc = vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &t);
    say("register a time area: %s, version even %d, time set %d", rc_name(rc), !(times.version & 1),
        times.system_time != 0);
    t.addr.v = NULL;
    note("register no time area: %s", rc_name(vcpu(VCPUOP_register_vcpu_time_memory_area, 0, &t)));
}

static void placement(void)
{
    uint8_t *page = page_get();
    struct vcpu_register_vcpu_info info = {.mfn = va_to_mfn(page), .offset = 64};

    say("vcpu_info at an odd offset: %s",
        (info.offset = 33, rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info))));
    say("across the page's end: %s",
        (info.offset = 4080, rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info))));
    say("past the page: %s",
        (info.offset = 8192, rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info))));
    info.offset = 64;
    info.mfn = 0xffffffffffUL;
    say("in a frame past the end: %s", rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info)));
    info.mfn = va_to_mfn(kernel_l4);
    say("in a page table: %s", rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info)));
    info.mfn = (kernel_l4[260] & PTE_FRAME) >> 12;
    say("in a hypervisor frame: %s", rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info)));
    say("at a bad pointer: %s", rc_name(vcpu(VCPUOP_register_vcpu_info, 0, (void *)BAD_POINTER)));
    info.mfn = va_to_mfn(page);
    info.rsvd = 0;
    upcalls_disable();
    shared_info->vcpu_info[0].evtchn_upcall_pending = 1;
    long rc = vcpu(VCPUOP_register_vcpu_info, 0, &info);
    struct vcpu_info *moved = (struct vcpu_info *)(page + 64);
    say("register: %s, mask came along %u, pending %u, time is there %d", rc_name(rc),
        moved->evtchn_upcall_mask, moved->evtchn_upcall_pending, moved->time.system_time != 0);
    say("all selector words set: %d", moved->evtchn_pending_sel == ~0UL);
    vcpu_infos[0] = moved;
    say("register again: %s", rc_name(vcpu(VCPUOP_register_vcpu_info, 0, &info)));
    say("the page is not a table now: %s", rc_name(mmuext(MMUEXT_PIN_L1_TABLE, info.mfn, 0)));
    moved->evtchn_upcall_pending = 0;
    moved->evtchn_pending_sel = 0;
    struct evtchn_bind_ipi ipi = {.vcpu = 0};
    evtchn(EVTCHNOP_bind_ipi, &ipi);
    event_unmask(ipi.port);
    struct evtchn_send send = {.port = ipi.port};
    upcalls = 0;
    upcalls_enable();
    evtchn(EVTCHNOP_send, &send);
    say("an event comes by the new place: %u", upcalls);
    upcalls_disable();
    struct evtchn_close close = {.port = ipi.port};
    evtchn(EVTCHNOP_close, &close);
}

static void others(void)
{
    struct vcpu_get_physid id = {0};
    long rc = vcpu(VCPUOP_get_physid, 0, &id);
    note("get_physid: %s %lx", rc_name(rc), id.phys_id);
    say("send_nmi to ourselves without a handler: %s", rc_name(vcpu(VCPUOP_send_nmi, 0, NULL)));
    say("send_nmi to nobody: %s", rc_name(vcpu(VCPUOP_send_nmi, 500, NULL)));
}

static void run(void)
{
    bring_up();
    contexts();
    run_second();
    runstates();
    placement();
    others();
}
PROPERTY_FLAGS(vcpu_op, "vcpu-op", run, PROPERTY_ALONE);
