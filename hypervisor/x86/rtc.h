/* The CMOS clock. */
#ifndef X86_RTC_H
#define X86_RTC_H

#include "base/num.h"

struct rtc_time {
    uint32_t year, month, day, hour, minute, second;
};

/* Reads it and sets the wall clock. Boot CPU, after time_init(). */
void rtc_init(void);

/* From the registers' coding to numbers; false: no valid time. century: as read, 0 for none. */
bool rtc_decode(struct rtc_time *t, uint8_t status_b, uint32_t century);
/* Seconds since 1970. */
uint64_t rtc_seconds(const struct rtc_time *t);

#endif
