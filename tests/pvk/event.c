/* Event channels, two-level: the upcall, masking, and waiting. */
#include "pvk.h"

struct vcpu_info *vcpu_infos[MAX_VCPUS];
volatile unsigned int event_counts[4096];
volatile unsigned int upcalls;
static event_handler handlers[4096];

void events_init(void)
{
    for (unsigned int i = 0; i < MAX_VCPUS; i++)
        vcpu_infos[i] = &shared_info->vcpu_info[i];
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
}

struct vcpu_info *vcpu_info(void)
{
    return vcpu_infos[this_cpu()->id];
}

long evtchn(int cmd, void *arg)
{
    return HC(__HYPERVISOR_event_channel_op, cmd, arg);
}

void event_handle(unsigned int port, event_handler handler)
{
    handlers[port] = handler;
}

void event_mask(unsigned int port)
{
    __atomic_fetch_or(&shared_info->evtchn_mask[port / 64], 1UL << (port % 64), __ATOMIC_SEQ_CST);
}

/* Through the hypervisor, so that what became pending meanwhile is delivered. */
void event_unmask(unsigned int port)
{
    struct evtchn_unmask op = {.port = port};
    long rc = evtchn(EVTCHNOP_unmask, &op);
    if (rc)
        panic("unmask %u: %s", port, rc_name(rc));
}

bool event_pending(unsigned int port)
{
    return shared_info->evtchn_pending[port / 64] >> (port % 64) & 1;
}

void event_upcall(struct regs *regs)
{
    struct vcpu_info *v = vcpu_info();

    (void)regs;
    upcalls++;
    v->evtchn_upcall_pending = 0;
    uint64_t words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    while (words) {
        unsigned int w = (unsigned int)__builtin_ctzl(words);
        words &= words - 1;
        uint64_t bits = shared_info->evtchn_pending[w] & ~shared_info->evtchn_mask[w];
        while (bits) {
            unsigned int port = w * 64 + (unsigned int)__builtin_ctzl(bits);
            bits &= bits - 1;
            __atomic_fetch_and(&shared_info->evtchn_pending[w], ~(1UL << (port % 64)),
                               __ATOMIC_SEQ_CST);
            event_counts[port]++;
            if (handlers[port])
                handlers[port](port);
        }
    }
}

void upcalls_disable(void)
{
    vcpu_info()->evtchn_upcall_mask = 1;
    barrier();
}

void upcalls_enable(void)
{
    struct vcpu_info *v = vcpu_info();

    barrier();
    v->evtchn_upcall_mask = 0;
    barrier();
    if (v->evtchn_upcall_pending)
        HC(__HYPERVISOR_xen_version, 0, 0);
}

void block_until(volatile unsigned int *word, unsigned int was)
{
    for (;;) {
        upcalls_disable();
        if (*word != was)
            break;
        HC(__HYPERVISOR_sched_op, SCHEDOP_block, 0); /* enables upcalls atomically */
    }
    upcalls_enable();
}
