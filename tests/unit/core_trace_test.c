/* Trace rings: off costs nothing, on keeps the newest records in order, no memory is an error. */
#include "core/trace/ring.h"

#include <stdio.h>
#include <stdlib.h>

#include "abi/abi.h"
#include "fake.h"

int main(void)
{
    struct trace_record t;

    fake_ram_init(8);
    trace(TRACE_IRQ, 1, 2);
    CHECK(!trace_get(0, 0, &t));

    fake_page_fail_in = 1;
    CHECK_EQ(trace_enable(TRACE_IRQ, 2), -XEN_ENOMEM);
    fake_page_fail_in = 0;
    CHECK_EQ(trace_enable(TRACE_IRQ, 2), 0);
    trace(TRACE_SCHED, 1, 2);
    CHECK(!trace_get(0, 0, &t));
    for (uint64_t i = 0; i < 1000; i++) {
        fake_now = (ns_t)i * 10;
        trace(TRACE_IRQ, i, 7);
    }
    for (unsigned int n = 0; n < TRACE_RECORDS; n++) {
        CHECK(trace_get(0, n, &t));
        CHECK_EQ(t.a, 999 - n);
        CHECK_EQ(t.time, (999 - n) * 10);
        CHECK_EQ(t.what, TRACE_IRQ);
    }
    CHECK(!trace_get(0, TRACE_RECORDS, &t));
    CHECK(!trace_get(99, 0, &t));
    CHECK_EQ(trace_enable(0, 2), 0);
    trace(TRACE_IRQ, 5, 5);
    CHECK(trace_get(0, 0, &t));
    CHECK_EQ(t.a, 999);
    printf("trace: ok\n");
    return 0;
}
