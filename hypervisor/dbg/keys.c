/* The debug keys: a table, and what each prints. */
#include "core/dom/create.h"
#include "core/dom/domain.h"
#include "core/frame/frame.h"
#include "core/pgtype/pgtype.h"
#include "core/trace/ring.h"
#include "dbg/counters.h"
#include "dbg/dbg.h"
#include "dbg/watchdog.h"
#include "hc/control.h"
#include "port/clock.h"
#include "port/kick.h"
#include "port/log.h"
#include "port/stop.h"

struct key {
    char key;
    const char *help;
    void (*fn)(void);
    void (*each)(struct domain *); /* in place of fn: for every domain */
};

static void help(void);

struct cpu_counters counters[64];

static void counters_dump(void)
{
    log_err("interrupts:       timer         kick       device\n");
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzll(left);

        log_err("  cpu%-2u %12lu %12lu %12lu\n", cpu, counters[cpu].n[COUNT_TIMER],
                counters[cpu].n[COUNT_KICK], counters[cpu].n[COUNT_DEVICE]);
    }
}

static void all_registers(void)
{
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzll(left);

        if (cpu != cpu_id())
            x86_nmi_report(cpu);
    }
    dbg_this_cpu();
}

static const char *state_of(const struct domain *d)
{
    return d->dying ? "dying" : d->crashed ? "crashed" : d->shut_down ? "shut down" : "alive";
}

/* Every domain in turn, held while fn looks at it; none is taken apart meanwhile. False: not now.
 */
static bool for_all(void (*fn)(struct domain *))
{
    if (!control_begin()) {
        log_err("a domain is being made or ended: once more, please\n");
        return false;
    }
    for (struct domain *d = dom_get_next(0), *next; d; d = next) {
        fn(d);
        next = dom_get_next((domid_t)(d->id + 1));
        dom_put(d);
    }
    control_end();
    return true;
}

static void domain(struct domain *d)
{
    static const char *const states[] = {"running", "runnable", "blocked", "offline"};

    log_err("d%u: %s, %lu pages of %lu, %u refs, %u vcpus, pauses %u\n", d->id, state_of(d),
            d->mem.pages, d->mem.max_pages, d->refs, d->max_vcpus, d->control_pauses);
    for_each_vcpu (v, d) {
        log_err("  v%u: %s on cpu%u, held by %x, upcall pending %u mask %u\n", v->id,
                states[v->sched.runstate & 3], v->sched.cpu, v->sched.reasons,
                v->info->evtchn_upcall_pending, v->info->evtchn_upcall_mask);
    }
}

static void timers(void)
{
    log_err("now %ld, this CPU's next deadline %ld\n", (long)now(), (long)timer_next_deadline());
}

static void reboot(void)
{
    machine_reboot();
}

static void crash(void)
{
    stop("asked for by a debug key");
}

static void trace_toggle(void)
{
    uint32_t to = trace_classes ? 0 : TRACE_SCHED | TRACE_IRQ | TRACE_TIMER;

    if (trace_enable(to, 64u - (unsigned int)__builtin_clzll(cpus_online)))
        log_err("no memory for trace rings\n");
    else
        log_err("trace is %s\n", to ? "on" : "off");
}

static unsigned int faults;

static void audit_domain(struct domain *d)
{
    faults += evt_audit(d) + gnt_audit(d);
}

static void audit(void)
{
    faults = frame_audit() + pgt_audit() + sched_audit();
    if (for_all(audit_domain))
        log_err("audit: %u violations\n", faults);
}

static const struct key keys[] = {
    {'h', "this list", .fn = help},
    {'0', "registers and stack of every CPU", .fn = all_registers},
    {'d', "the same", .fn = all_registers},
    {'q', "domains and vcpus", .each = domain},
    {'r', "run queue", .fn = sched_dump},
    {'e', "event ports", .each = evt_dump},
    {'g', "grants", .each = gnt_dump},
    {'m', "memory", .fn = frame_dump},
    {'a', "timers", .fn = timers},
    {'i', "device interrupts", .fn = dbg_irqs},
    {'c', "counters", .fn = counters_dump},
    {'t', "the newest trace records", .fn = dbg_trace_dump},
    {'T', "trace on or off", .fn = trace_toggle},
    {'A', "audit everything", .fn = audit},
    {'C', "stop the machine with a report, as after a fault", .fn = crash},
    {'R', "reboot", .fn = reboot},
};

static const struct key *find(char key)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].key == key)
            return &keys[i];
    return NULL;
}

static void help(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
        log_err("  %c  %s\n", keys[i].key, keys[i].help);
}

UNGUIDED_CALLS void key_pressed(char key)
{
    const struct key *k = find(key);

    if (!k) {
        log_err("no key '%c'; h for help\n", key >= ' ' && key < 127 ? key : '?');
        return;
    }
    log_err("key '%c': %s\n", key, k->help);
    if (k->each)
        for_all(k->each);
    else
        k->fn();
}

void dbg_trace_dump(void)
{
    for (cpumask_t left = cpus_online; left; left &= left - 1) {
        unsigned int cpu = (unsigned int)__builtin_ctzll(left);
        struct trace_record t;

        for (unsigned int n = 16; n--;)
            if (trace_get(cpu, n, &t))
                log_err("  trace cpu%u %lu who %x class %x a %lx b %lx\n", cpu, t.time, t.who,
                        t.what, t.a, t.b);
    }
}
