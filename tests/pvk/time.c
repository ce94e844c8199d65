/* Time as a PV guest computes it: version-protected parameters and the TSC. */
#include "pvk.h"

uint64_t time_now(void)
{
    volatile struct vcpu_time_info *t = &vcpu_info()->time;
    uint32_t version;
    uint64_t ns;

    do {
        version = t->version;
        barrier();
        uint64_t delta = rdtsc() - t->tsc_timestamp;
        if (t->tsc_shift < 0)
            delta >>= -t->tsc_shift;
        else
            delta <<= t->tsc_shift;
        ns = t->system_time + (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
        barrier();
    } while ((version & 1) || version != t->version);
    return ns;
}
