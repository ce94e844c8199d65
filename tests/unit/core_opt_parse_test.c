/*
 * Command line options: every form of value, every report, and lines of noise.
 */
#include <stdlib.h>

#include "core/opt/opt.h"
#include "port/log.h"
#include "tests/unit/check.h"

static unsigned reports[3];
static char last_word[300];
static struct options o;

static void report(void *arg, enum opt_report what, const char *word, const char *text)
{
    CHECK(arg == &o);
    CHECK((text == NULL) == (what == OPT_UNKNOWN));
    reports[what]++;
    snprintf(last_word, sizeof(last_word), "%s", word);
}

void log_at(enum log_level level, const char *fmt, ...)
{
    (void)fmt;
    reports[level == LOG_INFO ? OPT_UNUSED : OPT_UNKNOWN]++;
}

static void parse(const char *line)
{
    memset(reports, 0, sizeof(reports));
    opt_parse_into(&o, line, report, &o);
}

static void test_values(void)
{
    parse("placeholder dom0_mem=512M,max:1G console=com1,vga com1=115200,8n1 loglvl=all "
          "guest_loglvl=error/warning dom0_max_vcpus=2 noreboot no-real-mode edd=off");
    CHECK_EQ(o.dom0_mem, 512 << 20);
    CHECK_EQ(o.dom0_mem_max, 1 << 30);
    CHECK_STR(o.console, "com1,vga");
    CHECK_STR(o.com1, "115200,8n1");
    CHECK_STR(o.loglvl, "all");
    CHECK_STR(o.guest_loglvl, "error/warning");
    CHECK(o.com2 == NULL && o.clocksource == NULL);
    CHECK_EQ(o.dom0_max_vcpus, 2);
    CHECK(o.noreboot);
    CHECK_EQ(reports[OPT_UNUSED], 3);
    CHECK_EQ(reports[OPT_UNKNOWN] + reports[OPT_BAD_VALUE], 0);

    parse("dom0-mem=min:64M,2G,max:4G\tnosmp watchdog=force smap=off no-smep x2apic "
          "dom0_max_vcpus=2-6 gnttab_max_frames=0x40 clocksource=hpet");
    CHECK_EQ(o.dom0_mem_min, 64 << 20);
    CHECK_EQ(o.dom0_mem, 2ul << 30);
    CHECK_EQ(o.maxcpus, 1);
    CHECK_EQ(o.dom0_max_vcpus, 6);
    CHECK(o.watchdog && o.no_smap && o.no_smep && !o.no_x2apic);
    CHECK_EQ(o.gnttab_max_frames, 64);
    CHECK_STR(o.clocksource, "hpet");
    CHECK_EQ(reports[0] + reports[1] + reports[2], 0);

    parse("watchdog no-watchdog maxcpus=3 maxcpus=4 dom0_mem=1048576 no-com2 -- quiet  ro");
    CHECK(!o.watchdog);
    CHECK_EQ(o.maxcpus, 4);
    CHECK_EQ(o.dom0_mem, 1 << 30);
    CHECK_STR(o.com2, "no");
    CHECK_STR(o.dom0_extra, "quiet  ro");
    CHECK_EQ(reports[0] + reports[1] + reports[2], 0);
}

static void test_reports(void)
{
    static const char *const bad[] = {
        "dom0_mem=",
        "dom0_mem=12Q",
        "dom0_mem=12M5",
        "dom0_mem=mid:12M",
        "dom0_mem=-1",
        "dom0_mem=99999999999999999999",
        "dom0_mem=18446744073709551615G",
        "no-dom0_mem",
        "dom0_mem=min:2G,max:1G",
        "dom0_max_vcpus=0",
        "dom0_max_vcpus=4-2",
        "dom0_max_vcpus=x",
        "noreboot=perhaps",
        "maxcpus=0",
        "maxcpus=0x",
        "maxcpus",
        "no-maxcpus=3",
        "watchdog=2",
        "smap=sometimes",
        "nosmp=3",
        "dom0=pvh",
        "dom0_mem=1111111111111111111111111111111111111111111111111",
    };
    static const char *const unknown[] = {
        "dom0_memory=1G", "no-", "no-no-watchdog", "=3", "foo", "watchdo", "watchdogs", "no"};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        parse(bad[i]);
        if (!CHECK_EQ(reports[OPT_BAD_VALUE], 1) || !CHECK_EQ(reports[OPT_UNKNOWN], 0))
            printf("  %s\n", bad[i]);
        CHECK_STR(last_word, bad[i]);
        CHECK(o.dom0_mem == 0 && o.maxcpus == 0 && !o.noreboot);
    }
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        parse(unknown[i]);
        if (!CHECK_EQ(reports[OPT_UNKNOWN], 1) || !CHECK_EQ(reports[OPT_BAD_VALUE], 0))
            printf("  %s\n", unknown[i]);
    }

    /* Words and strings without end. */
    char *line = malloc(5000);
    memset(line, 'x', 4999);
    line[4999] = 0;
    parse(line);
    CHECK_EQ(reports[OPT_UNKNOWN], 1);
    memcpy(line, "console=", 8);
    parse(line);
    CHECK_EQ(reports[OPT_BAD_VALUE], 1);
    CHECK(o.console == NULL);
    for (unsigned i = 0; i < 4999; i++)
        line[i] = "console=abcdefghijklmnopqrstuvwxyz "[i % 35];
    parse(line);
    CHECK(reports[OPT_BAD_VALUE] > 0 && o.console != NULL);
    free(line);

    memset(reports, 0, sizeof(reports));
    opt_parse("nonsense noreboot maxcpus=no edd=off");
    CHECK(options.noreboot);
    CHECK_EQ(reports[OPT_UNKNOWN], 2);
    CHECK_EQ(reports[OPT_UNUSED], 1);
}

static void test_noise(void)
{
    static const char *const parts[] = {
        "dom0_mem", "=",  ",",  "min:", "max:",           " ",    "no-", "1", "9G", "com1",
        "watchdog", "--", "0x", "\t",   "dom0_max_vcpus", "\xff", "-",   "_"};
    srand(7);
    for (unsigned round = 0; round < 20000; round++) {
        char line[400] = "";
        for (int n = rand() % 30; n > 0; n--)
            strcat(line, parts[(unsigned)rand() % (sizeof(parts) / sizeof(*parts))]);
        char *exact = strdup(line);
        parse(exact);
        free(exact);
    }
    CHECK(true);
}

int main(void)
{
    test_values();
    test_reports();
    test_noise();
    return check_result();
}
