/* The end of a domain's run: shut-down, crash, and what follows from it. */
#ifndef CORE_DOM_LIFE_H
#define CORE_DOM_LIFE_H

#include "core/dom/domain.h"

/* d has ended its run for `reason` (SHUTDOWN_* of the ABI). Its vcpus stop (the calling one as soon
 * as it leaves the hypervisor), dom0 is told by VIRQ_DOM_EXC; of dom0 itself, the machine halts,
 * reboots or powers off and this does not return. Idempotent: the first reason stays. */
void dom_shutdown(struct domain *d, uint8_t reason);

/* SCHEDOP_shutdown_code: what a later end shall say. -XEN_EINVAL: it was said before. */
NODISCARD int dom_shutdown_code(struct domain *d, uint8_t reason);

/* DOMCTL_resumedomain: after a suspend, its vcpus run on. -XEN_EINVAL when it is not shut down. */
int dom_resume(struct domain *d);

/* dom_crash(d, why) is declared in port/stop.h. */

/* ---- asked of the machine ------------------------------------------------------------------- */

/* Reboots, or with `halt` stays off; never returns. */
_Noreturn void machine_end(bool halt);
/* `noreboot` was given, or dom0 has not begun to run: after a crash the machine halts. */
bool machine_stays_after_crash(void);
/* If d is running here: its registers and where it was, to the console. */
void machine_report_guest(const struct domain *d);

/* ---- watchdogs ------------------------------------------------------------------------------ */

/* SCHEDOP_watchdog. id 0: a new one, returns its id (1..2); timeout in seconds, 0 stops it. */
int dom_watchdog(struct domain *d, uint32_t id, uint32_t timeout);
void dom_life_init(struct domain *d);
/* Stops the watchdogs. */
void dom_life_destroy(struct domain *d);

#endif
