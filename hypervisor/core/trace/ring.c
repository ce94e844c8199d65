/* Trace rings. Each is written by its own CPU alone, with interrupts off. */
#include "core/trace/ring.h"
#include "core/dom/domain.h"
#include "core/frame/page.h"
#include "port/clock.h"

_Static_assert(sizeof(struct trace_record) == 32, "a record is 32 bytes");
_Static_assert(sizeof(struct trace_record) * TRACE_RECORDS <= FRAME_SIZE, "a ring is one frame");

uint32_t trace_classes;

static struct {
    struct trace_record *records; /* NULL: never enabled. Stored with release */
    uint32_t next;                /* free-running */
} rings[TRACE_CPUS];

void trace_put(enum trace_class what, uint64_t a, uint64_t b)
{
    const struct vcpu *v = current_vcpu();
    unsigned int cpu = cpu_id();
    struct trace_record *records = __atomic_load_n(&rings[cpu].records, __ATOMIC_ACQUIRE);

    if (!records)
        return;
    records[rings[cpu].next++ % TRACE_RECORDS] = (struct trace_record){
        .time = (uint64_t)now(),
        .what = (uint16_t)what,
        .cpu = (uint16_t)cpu,
        .who = v ? (uint32_t)v->dom->id << 16 | v->id : ~0u,
        .a = a,
        .b = b,
    };
}

int trace_enable(uint32_t classes, unsigned int cpus)
{
    for (unsigned int cpu = 0; classes && cpu < cpus && cpu < TRACE_CPUS; cpu++) {
        if (rings[cpu].records)
            continue;
        struct trace_record *page = hv_page_alloc();
        if (!page)
            return -XEN_ENOMEM;
        __atomic_store_n(&rings[cpu].records, page, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&trace_classes, classes, __ATOMIC_RELAXED);
    return 0;
}

bool trace_get(unsigned int cpu, unsigned int n, struct trace_record *out)
{
    uint32_t next;

    if (cpu >= TRACE_CPUS || !rings[cpu].records)
        return false;
    next = __atomic_load_n(&rings[cpu].next, __ATOMIC_RELAXED);
    if (n >= TRACE_RECORDS || n >= next)
        return false;
    *out = rings[cpu].records[(next - 1 - n) % TRACE_RECORDS];
    return true;
}
