/* Inside the kit: looking at events, and sleeping until one comes. */
#ifndef EVT_EVT_H
#define EVT_EVT_H

#include <gk/evt.h>
#include "start/kit.h"
#include "start/cpu.h"

void kit_evt_init(void);
static inline bool kit_evt_any(void)
{
    return __atomic_load_n(&kit_cpu()->info->evtchn_upcall_pending, __ATOMIC_RELAXED);
}
/* Ports of one vCPU: a virtual interrupt, and one that others send to by gk_evt_send(). */
int kit_evt_virq(uint32_t virq, uint32_t vcpu, gk_evt_handler handler, void *argument);
int kit_evt_ipi(uint32_t vcpu, gk_evt_handler handler, void *argument);
/* The port is not pending any more. */
void kit_evt_clear(uint32_t port);
/* Calls the handlers of all pending ports. */
void kit_evt_dispatch(void);
/* Sleeps until an event is pending. */
void kit_evt_sleep(void);
/* After a restore no port exists any more. */
void kit_evt_forget(void);
void kit_evt_callback_register(void);

#endif
