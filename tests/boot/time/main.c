/*
 * Property: time. The version protocol; time that never goes back, over blocks and yields; the
 * scale agrees with the hypervisor's own timer; the wall clock, and setting it.
 */
#include "pvk.h"

static uint64_t wall(void)
{
    uint32_t version;
    uint64_t ns;
    volatile struct shared_info *s = shared_info;

    do {
        version = s->wc_version;
        barrier();
        ns = ((uint64_t)s->wc_sec_hi << 32 | s->wc_sec) * 1000000000UL + s->wc_nsec;
        barrier();
    } while ((version & 1) || version != s->wc_version);
    return ns;
}

static long settime(uint64_t secs, uint32_t nsecs, uint64_t system_time, uint32_t mbz)
{
    struct xen_platform_op op = {.cmd = XENPF_settime64,
                                 .interface_version = XENPF_INTERFACE_VERSION};
    op.u.settime64.secs = secs;
    op.u.settime64.nsecs = nsecs;
    op.u.settime64.system_time = system_time;
    op.u.settime64.mbz = mbz;
    return HC(__HYPERVISOR_platform_op, &op);
}

static void run(void)
{
    uint64_t last = time_now(), back = 0;

    for (unsigned int i = 0; i < 20000; i++) {
        uint64_t now = time_now();
        back += now < last;
        last = now;
    }
    say("steps back in 20000 reads: %lu", back);
    for (unsigned int i = 0; i < 50; i++) {
        struct sched_poll p = {.timeout = time_now() + 100000};
        HC(__HYPERVISOR_sched_op, i & 1 ? SCHEDOP_yield : SCHEDOP_poll, i & 1 ? NULL : &p);
        uint64_t now = time_now();
        back += now < last;
        last = now;
    }
    say("steps back over blocks and yields: %lu", back);
    uint64_t now = time_now();
    say("more than a tenth of a second and less than an hour since boot: %d",
        now > 100000000UL && now < 3600000000000UL);
    uint64_t w = wall();
    say("wall clock after 2020 and before 2100: %d",
        w + now > 1577836800000000000UL && w + now < 4102444800000000000UL);
    uint32_t version = shared_info->wc_version;
    long rc = settime(2000000000, 5, time_now(), 0);
    say("settime64: %s, the version moved %d", rc_name(rc), shared_info->wc_version != version);
    uint64_t was = wall() + time_now();
    say("wall clock then about 2000000000 s: %d",
        was >= 2000000000000000000UL && was < 2000000060000000000UL);
    say("settime64 with mbz set: %s", rc_name(settime(2000000000, 5, time_now(), 1)));
    note("settime64 with nsecs too many: %s",
         rc_name(settime(2000000000, 2000000000, time_now(), 0)));
    rc = settime((w + now) / 1000000000UL, (uint32_t)((w + now) % 1000000000UL), now, 0);
    say("and back: %s", rc_name(rc));
    volatile struct vcpu_time_info *t = &vcpu_info()->time;
    say("tsc_to_system_mul has its top bit: %d", t->tsc_to_system_mul >> 31);
}
PROPERTY(time, "time", run);
