/* Property 'spin': stays in guest code for ever, so that the machine can be looked at from outside
 * while it runs (tests/boot/xpti/run). */
#include "pvk.h"

static void run(void)
{
    tell("spins at %lx", U(run));
    for (;;)
        barrier();
}

PROPERTY_FLAGS(spin, "spin", run, PROPERTY_ALONE);
