/* The end of the machine: say why, show where, then reboot or halt. */
#include "port/stop.h"
#include "core/dom/life.h"
#include "dbg/dbg.h"
#include "port/log.h"
#include "x86/asm.h"
#include "x86/console.h"
#include "x86/machine.h"
#include "x86/percpu.h"

static uint32_t stopping; /* 1 + the CPU that stops the machine */

_Noreturn void stop_with(const char *why, const struct guest_regs *regs)
{
    uint32_t me = this_percpu()->cpu + 1, none = 0;

    irq_off();
    if (!__atomic_compare_exchange_n(&stopping, &none, me, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        if (none != me)
            cpu_halt(); /* another CPU is at it */
        /* A fault while reporting: no more words that could fault again. */
        machine_end(machine_stays_after_crash());
    }
    console_panic();
    machine_stop_others();
    dbg_report(why, regs);
    machine_end(machine_stays_after_crash());
}

_Noreturn void stop(const char *why)
{
    stop_with(why, NULL);
}
