/* From TSC ticks to nanoseconds, as <xen/xen.h> says of struct vcpu_time_info. Pure. */
#include "time/clock.h"

uint64_t clock_scaled(const struct clock_scale *s, uint64_t tsc)
{
    uint64_t delta = tsc - s->tsc;

    delta = s->shift < 0 ? delta >> -s->shift : delta << s->shift;
    return s->system + (uint64_t)((unsigned __int128)delta * s->mul >> 32);
}
