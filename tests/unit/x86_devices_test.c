/* The texts and codings of devices: serial options, CMOS clock. */
#include "check.h"
#include "core/dom/create.h"
#include "x86/acpi.h"
#include "x86/console.h"
#include "x86/rtc.h"

#include <time.h>

struct machine_info machine_info;

struct domain *dom_get_next(domid_t id)
{
    (void)id;
    return NULL;
}

void dom_put(struct domain *d)
{
    (void)d;
}

static bool parses(const char *text, struct uart *u)
{
    *u = (struct uart){.io = 0x3f8, .irq = 4};
    return uart_parse(u, text) == 0;
}

static void uart(void)
{
    struct uart u;

    CHECK(parses("115200,8n1", &u));
    CHECK_EQ(u.baud, 115200);
    CHECK_EQ(u.format, 3);
    CHECK_EQ(u.io, 0x3f8);
    CHECK_EQ(u.irq, 4);
    CHECK(parses("9600,7e2,0x2f8,3", &u));
    CHECK_EQ(u.format, 2 | 0x18 | 4);
    CHECK_EQ(u.io, 0x2f8);
    CHECK_EQ(u.irq, 3);
    CHECK(parses("auto", &u));
    CHECK_EQ(u.baud, 0);
    CHECK(parses("38400/1843200,8n1,0x3e8,0", &u));
    CHECK_EQ(u.irq, -1);
    static const char *const wrong[] = {
        "",           "0",           "115200,9n1",           "115200,8x1",
        "115200,8n3", "115200,8n1,", "115200,8n1,0x3f8,999", "115200 ",
        "banana",     "99999999999", "115200,8n1,0x3f8,4,x", "115200,8n1,pci"};
    for (unsigned int i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        check_that(!parses(wrong[i], &u), __FILE__, __LINE__, wrong[i]);
}

static void rtc(void)
{
    /* BCD, 24 hours, no century. */
    struct rtc_time t = {0x26, 0x11, 0x23, 0x20, 0x54, 0x09};

    CHECK(rtc_decode(&t, 0x02, 0));
    CHECK_EQ(t.year, 2026);
    CHECK_EQ(t.hour, 20);
    /* Binary, 12 hours, afternoon. */
    t = (struct rtc_time){26, 11, 23, 0x80 | 12, 54, 9};
    CHECK(rtc_decode(&t, 0x04, 20));
    CHECK_EQ(t.hour, 12);
    t = (struct rtc_time){0x26, 0x13, 0x23, 0x20, 0x54, 0x09};
    CHECK(!rtc_decode(&t, 0x02, 0x20));
    for (time_t at = 0; at < 4102444800; at += 86400 * 13 + 12345) {
        struct tm tm;

        gmtime_r(&at, &tm);
        t = (struct rtc_time){(uint32_t)tm.tm_year + 1900, (uint32_t)tm.tm_mon + 1,
                              (uint32_t)tm.tm_mday,        (uint32_t)tm.tm_hour,
                              (uint32_t)tm.tm_min,         (uint32_t)tm.tm_sec};
        CHECK_EQ(rtc_seconds(&t), at);
    }
}

int main(void)
{
    uart();
    rtc();
    return check_result();
}
