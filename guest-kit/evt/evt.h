/* Inside the kit: looking at events, and sleeping until one comes. */
#ifndef EVT_EVT_H
#define EVT_EVT_H

#include <gk/evt.h>
#include "start/kit.h"

void kit_evt_init(void);
static inline bool kit_evt_any(void)
{
    return __atomic_load_n(&kit_vcpu_info->evtchn_upcall_pending, __ATOMIC_RELAXED);
}
/* Calls the handlers of all pending ports. */
void kit_evt_dispatch(void);
/* Sleeps until an event is pending. */
void kit_evt_sleep(void);
/* After a restore no port exists any more. */
void kit_evt_forget(void);
void kit_evt_callback_register(void);

#endif
