/*
 * Event channels, two-level. Upcalls are masked all the time but in kit_evt_sleep(): events are
 * looked for, they do not interrupt. So handlers need no lock against threads.
 */
#include <gk/err.h>
#include <gk/mem.h>
#include "evt/evt.h"
#include "thread/turn.h"

#define PORTS     4096
#define PER_CHUNK 64

struct handler {
    gk_evt_handler call;
    void *argument;
};
static struct handler *chunks[PORTS / PER_CHUNK];

void kit_entry_upcall(void);

static struct handler *handler_of(uint32_t port)
{
    struct handler *chunk = port < PORTS ? chunks[port / PER_CHUNK] : NULL;

    return chunk ? &chunk[port % PER_CHUNK] : NULL;
}

void kit_evt_callback_register(void)
{
    struct callback_register op = {
        .type = CALLBACKTYPE_event,
        .flags = CALLBACKF_mask_events,
        .address = ADDRESS(kit_smp ? kit_entry_upcall_any : kit_entry_upcall),
    };
    HC2(__HYPERVISOR_callback_op, CALLBACKOP_register, &op);
}

void kit_evt_init(void)
{
    kit_cpu()->info->evtchn_upcall_mask = 1;
    for (unsigned int i = 0; i < ARRAY_SIZE(kit_shared->evtchn_mask); i++)
        kit_shared->evtchn_mask[i] = ~0UL;
    kit_evt_callback_register();
}

void kit_evt_forget(void)
{
    for (uint32_t port = 0; port < PORTS; port++)
        if (handler_of(port))
            handler_of(port)->call = NULL;
}

int gk_evt_handle(uint32_t port, gk_evt_handler handler, void *argument)
{
    KIT_TURN;
    if (port >= PORTS)
        return -XEN_EINVAL;
    if (!chunks[port / PER_CHUNK])
        chunks[port / PER_CHUNK] = gk_zalloc(PER_CHUNK * sizeof(struct handler));
    struct handler *h = handler_of(port);
    if (!h)
        return -XEN_ENOMEM;
    *h = (struct handler){handler, argument};
    gk_evt_unmask(port);
    return (int)port;
}

/* A port just made gets its handler, or is closed again. */
static int adopt(uint32_t port, gk_evt_handler handler, void *argument)
{
    int rc = gk_evt_handle(port, handler, argument);

    if (rc < 0)
        gk_evt_close(port);
    return rc;
}

int gk_evt_alloc(uint16_t domid, gk_evt_handler handler, void *argument)
{
    KIT_TURN;
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = domid};
    long rc = hc_evtchn(EVTCHNOP_alloc_unbound, &op);

    return rc ? (int)rc : adopt(op.port, handler, argument);
}

int gk_evt_bind(uint16_t domid, uint32_t remote, gk_evt_handler handler, void *argument)
{
    KIT_TURN;
    struct evtchn_bind_interdomain op = {.remote_dom = domid, .remote_port = remote};
    long rc = hc_evtchn(EVTCHNOP_bind_interdomain, &op);

    return rc ? (int)rc : adopt(op.local_port, handler, argument);
}

int kit_evt_virq(uint32_t virq, uint32_t vcpu, gk_evt_handler handler, void *argument)
{
    struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
    long rc = hc_evtchn(EVTCHNOP_bind_virq, &op);

    return rc ? (int)rc : adopt(op.port, handler, argument);
}

int gk_evt_virq(uint32_t virq, gk_evt_handler handler, void *argument)
{
    KIT_TURN;
    return kit_evt_virq(virq, 0, handler, argument);
}

int kit_evt_ipi(uint32_t vcpu, gk_evt_handler handler, void *argument)
{
    struct evtchn_bind_ipi op = {.vcpu = vcpu};
    long rc = hc_evtchn(EVTCHNOP_bind_ipi, &op);

    return rc ? (int)rc : adopt(op.port, handler, argument);
}

void gk_evt_close(uint32_t port)
{
    KIT_TURN;
    struct evtchn_close op = {.port = port};

    gk_evt_mask(port);
    if (handler_of(port))
        handler_of(port)->call = NULL;
    hc_evtchn(EVTCHNOP_close, &op);
}

int gk_evt_send(uint32_t port)
{
    struct evtchn_send op = {.port = port};

    return (int)hc_evtchn(EVTCHNOP_send, &op);
}

static uint64_t bit(uint32_t port)
{
    return 1UL << port % 64;
}

void gk_evt_mask(uint32_t port)
{
    if (port < PORTS)
        __atomic_fetch_or(&kit_shared->evtchn_mask[port / 64], bit(port), __ATOMIC_SEQ_CST);
}

/* With one vCPU all ports notify us: what became pending under the mask we can announce ourselves.
 */
void gk_evt_unmask(uint32_t port)
{
    if (port >= PORTS)
        return;
    __atomic_fetch_and(&kit_shared->evtchn_mask[port / 64], ~bit(port), __ATOMIC_SEQ_CST);
    if (!(kit_shared->evtchn_pending[port / 64] & bit(port)))
        return;
    if (kit_smp) {
        struct evtchn_unmask op = {.port = port};
        hc_evtchn(EVTCHNOP_unmask, &op);
        return;
    }
    __atomic_fetch_or(&kit_cpu0.info->evtchn_pending_sel, 1UL << port / 64, __ATOMIC_SEQ_CST);
    kit_cpu0.info->evtchn_upcall_pending = 1;
}

void kit_evt_clear(uint32_t port)
{
    __atomic_fetch_and(&kit_shared->evtchn_pending[port / 64], ~bit(port), __ATOMIC_SEQ_CST);
}

static void word_dispatch(unsigned int word)
{
    uint64_t bits = kit_shared->evtchn_pending[word] & ~kit_shared->evtchn_mask[word];

    while (bits) {
        uint32_t port = word * 64 + (uint32_t)__builtin_ctzl(bits);
        bits &= bits - 1;
        kit_evt_clear(port);
        struct handler *h = handler_of(port);
        if (h && h->call)
            h->call(port, h->argument);
    }
}

void kit_evt_dispatch(void)
{
    struct vcpu_info *v = kit_cpu()->info;

    __atomic_store_n(&v->evtchn_upcall_pending, 0, __ATOMIC_RELAXED);
    /* A full barrier: whoever sets a selector bit after this sets upcall_pending after it. */
    uint64_t words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    while (words) {
        unsigned int word = (unsigned int)__builtin_ctzl(words);
        words &= words - 1;
        word_dispatch(word);
    }
}

/* SCHEDOP_block opens the mask and sleeps, or returns at once when an event is pending: nothing is
 * lost in between. */
void kit_evt_sleep(void)
{
    hc_sched(SCHEDOP_block, NULL);
    __atomic_store_n(&kit_cpu()->info->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}
