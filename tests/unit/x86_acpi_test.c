/*
 * The ACPI parser: a small machine's tables, then the same tables damaged at random, which must
 * never be read outside their memory (ASan) nor give more than the arrays hold.
 */
#include "check.h"
#include "port/log.h"
#include "x86/acpi.h"

#include <stdarg.h>
#include <stdlib.h>

void log_at(enum log_level level, const char *fmt, ...)
{
    (void)level, (void)fmt;
}

/* Machine memory of the test: 64 KiB at BASE, nothing elsewhere. Reads go to exact-size copies. */
#define BASE 0x10000u
static uint8_t memory[0x10000];
static void *copies[4096];
static unsigned int n_copies;

static const void *map(uint64_t maddr, uint64_t len)
{
    void *copy;

    if (maddr < BASE || maddr - BASE > sizeof(memory) || len > sizeof(memory) - (maddr - BASE) ||
        n_copies == 4096)
        return NULL;
    copy = malloc(len);
    memcpy(copy, memory + (maddr - BASE), len);
    copies[n_copies++] = copy;
    return copy;
}

static void drop_copies(void)
{
    while (n_copies)
        free(copies[--n_copies]);
}

static void put(uint8_t *p, uint64_t v, unsigned int size)
{
    memcpy(p, &v, size);
}

static void seal(uint8_t *p, uint32_t len, unsigned int at)
{
    uint8_t sum = 0;

    p[at] = 0;
    for (uint32_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + p[i]);
    p[at] = (uint8_t)-sum;
}

static uint8_t *table(uint32_t at, const char *name, uint32_t len)
{
    uint8_t *p = memory + at;

    memset(p, 0, len);
    memcpy(p, name, 4);
    put(p + 4, len, 4);
    return p;
}

static uint8_t rsdp[36];

#define MADT     0x1000
#define FADT     0x2000
#define HPET     0x3000
#define MCFG     0x4000
#define RSDT     0x5000
#define MADT_LEN (44 + 8 + 8 + 8 + 16 + 12 + 10)

static void build(void)
{
    uint8_t *p, *e;

    memset(memory, 0, sizeof(memory));
    p = table(MADT, "APIC", MADT_LEN);
    put(p + 36, 0xfee00000, 4);
    put(p + 40, 1, 4);
    e = p + 44;
    memcpy(e, (uint8_t[]){0, 8, 0, 0, 1, 0, 0, 0}, 8);
    e += 8;
    memcpy(e, (uint8_t[]){0, 8, 1, 2, 1, 0, 0, 0}, 8);
    e += 8;
    memcpy(e, (uint8_t[]){0, 8, 2, 4, 0, 0, 0, 0}, 8); /* disabled */
    e += 8;
    memcpy(e, (uint8_t[]){9, 16, 0, 0, 0x10, 1, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0}, 16);
    e += 16;
    memcpy(e, (uint8_t[]){1, 12, 5, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0}, 12);
    e += 12;
    memcpy(e, (uint8_t[]){2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0}, 10); /* ISA 9: low, level */
    seal(p, MADT_LEN, 9);

    p = table(FADT, "FACP", 244);
    put(p + 46, 9, 2);
    put(p + 64, 0x604, 4);
    put(p + 76, 0x608, 4);
    p[91] = 4;
    put(p + 112, 1u << 10 | 1u << 8, 4);
    p[116] = 1;
    put(p + 120, 0xcf9, 8);
    p[128] = 6;
    seal(p, 244, 9);

    p = table(HPET, "HPET", 56);
    put(p + 44, 0xfed00000, 8);
    seal(p, 56, 9);

    p = table(MCFG, "MCFG", 60);
    put(p + 44, 0xb0000000, 8);
    p[55] = 255;
    seal(p, 60, 9);

    p = table(RSDT, "RSDT", 36 + 16);
    put(p + 36, BASE + MADT, 4);
    put(p + 40, BASE + FADT, 4);
    put(p + 44, BASE + HPET, 4);
    put(p + 48, BASE + MCFG, 4);
    seal(p, 52, 9);

    memset(rsdp, 0, sizeof(rsdp));
    memcpy(rsdp, "RSD PTR ", 8);
    put(rsdp + 16, BASE + RSDT, 4);
    seal(rsdp, 20, 8);
}

static void good(void)
{
    static struct machine_info m;

    build();
    CHECK(acpi_parse(&m, rsdp, map));
    CHECK_EQ(m.cpus, 3);
    CHECK_EQ(m.cpu[1].apic_id, 2);
    CHECK_EQ(m.cpu[1].acpi_id, 1);
    CHECK_EQ(m.cpu[2].apic_id, 0x110);
    CHECK_EQ(m.cpus_disabled, 1);
    CHECK_EQ(m.ioapics, 1);
    CHECK_EQ(m.ioapic[0].maddr, 0xfec00000);
    CHECK_EQ(m.isa[9].level, 1);
    CHECK_EQ(m.isa[9].low, 1);
    CHECK_EQ(m.isa[4].level, 0);
    CHECK_EQ(m.pm_timer_port, 0x608);
    CHECK_EQ(m.pm_timer_32bit, 1);
    CHECK_EQ(m.pm1a_control, 0x604);
    CHECK_EQ(m.reset.present, 1);
    CHECK_EQ(m.reset.address, 0xcf9);
    CHECK_EQ(m.hpet_maddr, 0xfed00000);
    CHECK_EQ(m.mcfgs, 1);
    CHECK_EQ(m.mcfg[0].last_bus, 255);
    drop_copies();
}

static void bad(void)
{
    static struct machine_info m;

    CHECK(!acpi_parse(&m, NULL, map));
    CHECK_EQ(m.lapic_maddr, 0xfee00000);
    build();
    memory[HPET + 50] ^= 1; /* checksum */
    CHECK(acpi_parse(&m, rsdp, map));
    CHECK_EQ(m.hpet_maddr, 0);
    CHECK_EQ(m.cpus, 3);
    rsdp[20 - 1] ^= 1;
    CHECK(!acpi_parse(&m, rsdp, map));
    /* More processors than there is room for. */
    build();
    uint32_t len = 44 + 8 * 200;
    uint8_t *p = table(0x8000, "APIC", len);
    for (unsigned int i = 0; i < 200; i++)
        memcpy(p + 44 + 8 * i, (uint8_t[]){0, 8, (uint8_t)i, (uint8_t)i, 1, 0, 0, 0}, 8);
    seal(p, len, 9);
    put(memory + RSDT + 36, BASE + 0x8000, 4);
    seal(memory + RSDT, 52, 9);
    CHECK(acpi_parse(&m, rsdp, map));
    CHECK_EQ(m.cpus, MAX_CPUS);
    CHECK_EQ(m.cpus_left_out, 200 - MAX_CPUS);
    drop_copies();
}

static void damaged(void)
{
    static const uint32_t starts[] = {MADT, FADT, HPET, MCFG, RSDT};
    static const uint32_t lengths[] = {MADT_LEN, 244, 56, 60, 52};
    static struct machine_info m;

    srand(1);
    for (unsigned int round = 0; round < 20000; round++) {
        unsigned int t = (unsigned int)rand() % 5;

        build();
        for (unsigned int i = 0; i < 1 + (unsigned int)rand() % 4; i++)
            memory[starts[t] + (unsigned int)rand() % lengths[t]] = (uint8_t)rand();
        uint32_t len;
        memcpy(&len, memory + starts[t] + 4, 4);
        if (len <= 0x8000)
            seal(memory + starts[t], len, 9);
        (void)acpi_parse(&m, rsdp, map);
        check_that(m.cpus <= MAX_CPUS && m.ioapics <= MAX_IOAPICS && m.mcfgs <= MAX_MCFG, __FILE__,
                   __LINE__, "counts within their arrays");
        drop_copies();
    }
}

int main(void)
{
    good();
    bad();
    damaged();
    return check_result();
}
