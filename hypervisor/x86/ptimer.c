/* HPET, ACPI PM timer and PIT as counters. The PIT (16 bits, 55 ms) is only good for measuring the
 * TSC at boot on machines that have neither of the others. */
#include "x86/ptimer.h"
#include "port/lock.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/muldiv.h"

/* IA-PC HPET specification 1.0a, 2.3. */
#define HPET_PERIOD     0x004 /* femtoseconds */
#define HPET_CAPS       0x000
#define HPET_CAPS_64BIT (1u << 13)
#define HPET_CONFIG     0x010
#define HPET_ENABLE     1u
#define HPET_LEGACY     2u
#define HPET_COUNTER    0x0f0
#define PM_HZ           3579545u
#define PIT_HZ          1193182u
#define FS_PER_SEC      1000000000000000ull

enum ptimer_kind ptimer_kind;
uint64_t ptimer_hz, ptimer_mask;

static volatile uint8_t *hpet;
static uint64_t hpet_maddr;
static uint16_t pm_port;
static struct lock lock = LOCK_INIT(RANK_MACHINE, "platform timer");
static uint64_t last, total; /* counter at the last look; ticks since start. lock */

static uint32_t hpet_read(uint32_t reg)
{
    return *(volatile uint32_t *)(hpet + reg);
}

static bool hpet_start(const struct machine_info *m)
{
    if (!m->hpet_maddr)
        return false;
    hpet = io_map(m->hpet_maddr, 1024, PTE_PCD | PTE_PWT);
    if (!hpet)
        return false;
    uint32_t period = hpet_read(HPET_PERIOD);
    if (period == 0 || period > 100000000) {
        log_warn("hpet: period of %u fs makes no sense: not used\n", period);
        return false;
    }
    hpet_maddr = m->hpet_maddr;
    *(volatile uint32_t *)(hpet + HPET_CONFIG) =
        (hpet_read(HPET_CONFIG) & ~HPET_LEGACY) | HPET_ENABLE;
    ptimer_kind = PTIMER_HPET;
    ptimer_hz = FS_PER_SEC / period;
    ptimer_mask = hpet_read(HPET_CAPS) & HPET_CAPS_64BIT ? UINT64_MAX : UINT32_MAX;
    return true;
}

static bool pm_start(const struct machine_info *m)
{
    if (!m->pm_timer_port)
        return false;
    pm_port = (uint16_t)m->pm_timer_port;
    ptimer_kind = PTIMER_PM;
    ptimer_hz = PM_HZ;
    ptimer_mask = m->pm_timer_32bit ? UINT32_MAX : 0xffffff;
    return true;
}

/* Channel 2 counts down from 65535 with its gate open and the speaker off. */
static void pit_start(void)
{
    outb(0x61, (uint8_t)((inb(0x61) & ~2) | 1));
    outb(0x43, 0xb4); /* channel 2, both bytes, rate generator */
    outb(0x42, 0xff);
    outb(0x42, 0xff);
    ptimer_kind = PTIMER_PIT;
    ptimer_hz = PIT_HZ;
    ptimer_mask = UINT16_MAX;
}

static uint64_t pit_read(void)
{
    outb(0x43, 0x80); /* latch channel 2 */
    uint8_t low = inb(0x42);
    return (uint16_t)(UINT16_MAX - (low | inb(0x42) << 8));
}

/* The counter must move. */
static bool alive(void)
{
    uint64_t start = ptimer_read();

    for (unsigned int i = 0; i < 10000; i++)
        if (ptimer_read() != start)
            return true;
    log_warn("%s: does not count: not used\n", ptimer_name());
    return false;
}

void ptimer_init(const struct machine_info *m, enum ptimer_kind want)
{
    if (!((want == PTIMER_NONE || want == PTIMER_HPET) && hpet_start(m) && alive()) &&
        !((want != PTIMER_PIT) && pm_start(m) && alive()) &&
        !((want == PTIMER_PM) && hpet_start(m) && alive()))
        pit_start();
    last = ptimer_read();
    log_info("time: platform timer %s, %lu Hz\n", ptimer_name(), ptimer_hz);
}

uint64_t ptimer_read(void)
{
    switch (ptimer_kind) {
    case PTIMER_HPET:
        if (ptimer_mask == UINT32_MAX)
            return hpet_read(HPET_COUNTER);
        return *(volatile uint64_t *)(hpet + HPET_COUNTER);
    case PTIMER_PM:
        return inl(pm_port) & ptimer_mask;
    case PTIMER_PIT:
        return pit_read();
    default:
        return 0;
    }
}

ns_t ptimer_ns(uint64_t counter)
{
    uint64_t ticks;

    lock_take(&lock);
    uint64_t delta = (counter - last) & ptimer_mask;
    if (delta <= ptimer_mask / 2) {
        last = counter;
        total += delta;
        ticks = total;
    } else {
        /* Another CPU has looked later than the caller. */
        ticks = total - ((last - counter) & ptimer_mask);
    }
    lock_drop(&lock);
    return (ns_t)muldiv(ticks, (uint64_t)NS_PER_SEC, ptimer_hz);
}

const char *ptimer_name(void)
{
    static const char *const names[] = {"none", "HPET", "ACPI PM timer", "PIT"};

    return names[ptimer_kind];
}

bool ptimer_frame(mfn_t frame)
{
    return hpet_maddr && hpet_maddr >> FRAME_SHIFT == frame.n;
}
