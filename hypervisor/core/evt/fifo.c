/* FIFO event channels: not offered yet (EVTCHNOP_init_control answers -ENOSYS), so never in use. */
#include "core/evt/evt_private.h"

#include "port/stop.h"

void evt_pend_fifo(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word)
{
    (void)d, (void)v, (void)port, (void)word;
    ASSERT(false);
}

bool evt_fifo_port_busy(const struct domain *d, uint32_t port)
{
    (void)d, (void)port;
    return false;
}

bool evt_fifo_test(const struct domain *d, uint32_t port, uint32_t bit)
{
    (void)d, (void)port, (void)bit;
    return false;
}

void evt_fifo_unmask(struct domain *d, struct vcpu *v, uint32_t port, uint64_t word)
{
    (void)d, (void)v, (void)port, (void)word;
}

void evt_fifo_end(struct domain *d)
{
    (void)d;
}

void evt_clear_pending(struct domain *d, uint32_t port)
{
    if (port < EVT_PORTS_2L)
        evt_test_clear(d->shared->evtchn_pending, port);
}
