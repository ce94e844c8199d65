/* The end of a domain's run: shut-down, crash, watchdog, and what follows from it. */
#include "core/dom/life.h"

#include "port/clock.h"
#include "port/log.h"
#include "port/stop.h"

static const char *const reasons[] = {"power off", "reboot",   "suspend",
                                      "crash",     "watchdog", "soft reset"};

static const char *reason_name(uint8_t reason)
{
    return reason < ARRAY_SIZE(reasons) ? reasons[reason] : "unknown";
}

/* Dom0 has ended: the machine does what dom0 asked for. */
static _Noreturn void machine_follows(uint8_t reason)
{
    bool halt;

    log_warn("dom0 has ended (%s)\n", reason_name(reason));
    switch (reason) {
    case SHUTDOWN_poweroff:
        halt = true;
        break;
    case SHUTDOWN_crash:
        halt = machine_stays_after_crash();
        break;
    default:
        halt = false;
    }
    log_warn("the machine %s\n", halt ? "halts" : "reboots");
    machine_end(halt);
}

void dom_shutdown(struct domain *d, uint8_t reason)
{
    lock_take(&d->lock);
    bool first = !d->shut_down;
    if (first) {
        if (!d->shutdown_code_given)
            d->shutdown_code = reason;
        d->crashed = d->shutdown_code == SHUTDOWN_crash;
        __atomic_store_n(&d->shut_down, true, __ATOMIC_RELEASE);
    }
    lock_drop(&d->lock);
    if (!first)
        return;
    if (d->is_dom0)
        machine_follows(reason);
    log_guest(d, LOG_INFO, "shut down (%s)\n", reason_name(reason));
    sched_shutdown(d, true);
    evt_raise_virq_global(VIRQ_DOM_EXC);
}

int dom_shutdown_code(struct domain *d, uint8_t reason)
{
    lock_take(&d->lock);
    int rc = d->shut_down || d->shutdown_code_given ? -XEN_EINVAL : 0;
    if (!rc) {
        d->shutdown_code = reason;
        d->shutdown_code_given = true;
    }
    lock_drop(&d->lock);
    return rc;
}

void dom_crash(struct domain *d, const char *why)
{
    if (__atomic_load_n(&d->shut_down, __ATOMIC_RELAXED))
        return;
    log_guest(d, LOG_ERR, "crashed: %s\n", why);
    machine_report_guest(d);
    dom_shutdown(d, SHUTDOWN_crash);
}

int dom_resume(struct domain *d)
{
    lock_take(&d->lock);
    bool was = d->shut_down;
    d->shut_down = d->crashed = false;
    d->shutdown_code = 0;
    d->shutdown_code_given = false;
    lock_drop(&d->lock);
    if (!was)
        return -XEN_EINVAL;
    sched_shutdown(d, false);
    return 0;
}

/* ---- watchdogs ------------------------------------------------------------------------------ */

static void watchdog_bites(void *arg)
{
    struct domain *d = arg;

    log_guest(d, LOG_WARN, "its watchdog has bitten\n");
    dom_shutdown(d, SHUTDOWN_watchdog);
}

void dom_life_init(struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_init(&d->watchdog[i].timer, watchdog_bites, d);
}

void dom_life_destroy(struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_stop(&d->watchdog[i].timer);
}

/* Without d->lock: a bite takes it. The calling vcpu keeps d alive. */
int dom_watchdog(struct domain *d, uint32_t id, uint32_t timeout)
{
    if (id > ARRAY_SIZE(d->watchdog))
        return -XEN_EINVAL;
    if (id == 0) {
        if (!timeout)
            return -XEN_EINVAL;
        for (id = 1; id <= ARRAY_SIZE(d->watchdog); id++)
            if (!__atomic_exchange_n(&d->watchdog[id - 1].in_use, true, __ATOMIC_ACQ_REL))
                break;
        if (id > ARRAY_SIZE(d->watchdog))
            return -XEN_ENOSPC;
        timer_set(&d->watchdog[id - 1].timer, now() + (ns_t)timeout * NS_PER_SEC);
        return (int)id;
    }
    struct dom_watchdog *w = &d->watchdog[id - 1];
    if (!__atomic_load_n(&w->in_use, __ATOMIC_ACQUIRE))
        return -XEN_EINVAL;
    if (timeout) {
        timer_set(&w->timer, now() + (ns_t)timeout * NS_PER_SEC);
    } else {
        timer_stop(&w->timer);
        __atomic_store_n(&w->in_use, false, __ATOMIC_RELEASE);
    }
    return 0;
}
