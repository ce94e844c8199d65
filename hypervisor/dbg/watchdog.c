/* Each CPU beats once a second and looks at the next one's beat. One that has missed its time-out
 * is sent an NMI, which prints where it is; if it has not moved after another time-out, the machine
 * stops. So a CPU that was only slow (a busy host takes processors away) costs a message. */
#include "dbg/watchdog.h"
#include "core/time/timer.h"
#include "dbg/dbg.h"
#include "port/clock.h"
#include "port/console.h"
#include "port/kick.h"
#include "port/log.h"
#include "port/stop.h"

#define EVERY           NS_PER_SEC
#define DEFAULT_TIMEOUT 20

struct beat {
    struct timer timer;
    ns_t last;   /* written by its own CPU, read by the one before it */
    ns_t warned; /* when its watcher sent the NMI, 0: it has not */
} __attribute__((aligned(64)));

static struct beat beats[64];
static ns_t timeout = DEFAULT_TIMEOUT * NS_PER_SEC;
static bool by_ticks;

/* The next online CPU after this one. */
static unsigned int neighbour(unsigned int cpu)
{
    cpumask_t after = cpus_online & ~((2ull << cpu) - 1);

    return (unsigned int)__builtin_ctzll(after ? after : cpus_online);
}

static void look_at(unsigned int cpu, ns_t t)
{
    struct beat *b = &beats[cpu];
    ns_t last = __atomic_load_n(&b->last, __ATOMIC_RELAXED);

    if (!last || t - last < timeout) {
        b->warned = 0;
        return;
    }
    if (!b->warned) {
        b->warned = t; /* first: should the log hang, we come here again */
        log_err("watchdog: cpu%u has not been seen for %lu s\n", cpu,
                (unsigned long)((t - last) / NS_PER_SEC));
        x86_nmi_report(cpu);
    } else if (t - b->warned > timeout) {
        stop("watchdog: a CPU hangs (reported above)");
    }
}

static void tick(void *arg)
{
    struct beat *b = arg;
    unsigned int cpu = cpu_id(), other = neighbour(cpu);
    ns_t t = now();

    __atomic_store_n(&b->last, t, __ATOMIC_RELAXED);
    if (other != cpu)
        look_at(other, t);
    if (cpu == 0)
        log_notify();
    timer_set(&b->timer, t + EVERY);
}

void watchdog_look(void)
{
    if (neighbour(cpu_id()) != cpu_id())
        look_at(neighbour(cpu_id()), now());
}

void watchdog_cpu_start(void)
{
    struct beat *b = &beats[cpu_id()];

    timer_init(&b->timer, tick, b);
    __atomic_store_n(&b->last, now(), __ATOMIC_RELAXED);
    timer_set(&b->timer, now() + EVERY);
}

void watchdog_start(bool asked, uint32_t seconds)
{
    if (seconds)
        timeout = seconds * NS_PER_SEC;
    watchdog_cpu_start();
    if (neighbour(0) != 0)
        return;
    if (!asked)
        return;
    if (x86_nmi_ticks())
        log_warn("watchdog: one processor, and no timer that could send it NMIs: not watched\n");
    else
        by_ticks = true;
}

bool watchdog_nmi(const struct guest_regs *r)
{
    const struct beat *b = &beats[cpu_id()];
    ns_t since = now() - b->last;

    if (!by_ticks)
        return false;
    if (b->last && since > 2 * timeout)
        stop_with("watchdog: the only CPU hangs", r);
    return true;
}
