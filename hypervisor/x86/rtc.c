/* The wall clock: read once from the CMOS clock, then set by dom0, and told to every domain as the
 * wall time of system time 0. */
#include "base/bits.h"
#include "core/dom/create.h"
#include "core/dom/domain.h"
#include "port/clock.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/rtc.h"
#include "x86/time.h"

#define RTC_SECOND 0
#define RTC_MINUTE 2
#define RTC_HOUR   4
#define RTC_DAY    7
#define RTC_MONTH  8
#define RTC_YEAR   9
#define RTC_A      10
#define RTC_A_UIP  0x80
#define RTC_B      11
#define RTC_B_24H  0x02
#define RTC_B_BIN  0x04

static uint64_t wall_base; /* ns since 1970 at system time 0; written under wall_lock */
static struct lock wall_lock = LOCK_INIT(RANK_MACHINE, "wall clock");

static uint8_t cmos(uint8_t index)
{
    outb(0x70, index);
    return inb(0x71);
}

uint64_t rtc_seconds(const struct rtc_time *t)
{
    /* Days from 1970-01-01, counting years from March so that the leap day is last. */
    uint32_t y = t->year - (t->month <= 2), m = (t->month + 9) % 12;
    uint64_t days =
        365ull * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + (t->day - 1u) - 719468u;

    return days * 86400 + t->hour * 3600u + t->minute * 60u + t->second;
}

bool rtc_decode(struct rtc_time *t, uint8_t status_b, uint32_t century)
{
    uint32_t *field[] = {&t->second, &t->minute, &t->hour, &t->day, &t->month, &t->year};
    bool afternoon = !(status_b & RTC_B_24H) && t->hour & 0x80;

    if (afternoon)
        t->hour &= 0x7f;
    for (unsigned int i = 0; i < ARRAY_SIZE(field) && !(status_b & RTC_B_BIN); i++)
        *field[i] = (*field[i] >> 4) * 10 + (*field[i] & 15);
    if (!(status_b & RTC_B_BIN))
        century = (century >> 4) * 10 + (century & 15);
    if (!(status_b & RTC_B_24H))
        t->hour = t->hour % 12 + (afternoon ? 12 : 0);
    if (century >= 19 && century <= 29)
        t->year += century * 100;
    else
        t->year += t->year < 70 ? 2000 : 1900;
    return t->second < 61 && t->minute < 60 && t->hour < 24 && t->day >= 1 && t->day <= 31 &&
           t->month >= 1 && t->month <= 12;
}

static struct rtc_time read_fields(void)
{
    return (struct rtc_time){cmos(RTC_YEAR), cmos(RTC_MONTH),  cmos(RTC_DAY),
                             cmos(RTC_HOUR), cmos(RTC_MINUTE), cmos(RTC_SECOND)};
}

static uint64_t read_clock(void)
{
    uint8_t century_at = machine_info.rtc_century;
    struct rtc_time t = {0};

    /* An update takes 2 ms at most; the fields hold still for 244 us after it. */
    for (unsigned int tries = 0; tries < 1000; tries++) {
        for (unsigned int i = 0; i < 20000 && cmos(RTC_A) & RTC_A_UIP; i++)
            cpu_relax();
        t = read_fields();
        if (!(cmos(RTC_A) & RTC_A_UIP) && cmos(RTC_SECOND) == t.second)
            break;
    }
    if (!rtc_decode(&t, cmos(RTC_B), century_at >= 14 && century_at < 128 ? cmos(century_at) : 0)) {
        log_warn("rtc: holds no valid time; dom0 has to set the clock\n");
        return 0;
    }
    return rtc_seconds(&t);
}

void rtc_init(void)
{
    wall_base = read_clock() * (uint64_t)NS_PER_SEC - (uint64_t)now();
}

void wall_publish(struct domain *d)
{
    struct shared_info *s = d->shared;

    if (!s || d->dying)
        return;
    lock_take(&wall_lock);
    uint64_t base = wall_base + (uint64_t)d->time_offset_seconds * (uint64_t)NS_PER_SEC;
    uint64_t secs = base / (uint64_t)NS_PER_SEC;
    uint32_t version = (s->wc_version & ~1u) + 1;
    __atomic_store_n(&s->wc_version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    s->wc_sec = (uint32_t)secs;
    s->wc_sec_hi = (uint32_t)(secs >> 32);
    s->wc_nsec = (uint32_t)(base % (uint64_t)NS_PER_SEC);
    __atomic_store_n(&s->wc_version, version + 1, __ATOMIC_RELEASE);
    lock_drop(&wall_lock);
}

void wall_set(uint64_t secs, uint32_t nsecs, ns_t at)
{
    lock_take(&wall_lock);
    wall_base = secs * (uint64_t)NS_PER_SEC + nsecs - (uint64_t)at;
    lock_drop(&wall_lock);
    for (struct domain *d = dom_get_next(0), *next; d; d = next) {
        wall_publish(d);
        next = dom_get_next((domid_t)(d->id + 1));
        dom_put(d);
    }
}
