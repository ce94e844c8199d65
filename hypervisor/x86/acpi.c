/* Reads the ACPI tables that the machine side needs: MADT, FADT, HPET, MCFG (ACPI 6.4, chapter 5).
 *
 * Firmware is no attacker but often wrong: every length and checksum is checked before use, fields
 * are read through load_le*() since tables have any alignment, and a bad table counts as absent. */
#include "x86/acpi.h"
#include "base/bits.h"
#include "base/string.h"
#include "port/log.h"

#define HEADER_SIZE 36
#define TABLE_MAX   (1u << 20)
#define LAPIC_USUAL 0xfee00000u

struct machine_info machine_info;

static bool sum_is_zero(const uint8_t *p, uint64_t n)
{
    uint8_t sum = 0;

    while (n--)
        sum = (uint8_t)(sum + *p++);
    return sum == 0;
}

static bool is_rsdp(const uint8_t *p)
{
    return !memcmp(p, "RSD PTR ", 8) && sum_is_zero(p, 20);
}

const void *acpi_find_rsdp(acpi_map_fn *map)
{
    const uint8_t *ebda_pointer = map(0x40e, 2);
    uint64_t ebda = ebda_pointer ? (uint64_t)load_le16(ebda_pointer) << 4 : 0;
    const struct {
        uint64_t start, len;
    } areas[] = {{ebda, ebda >= 0x80000 && ebda <= 0x9fc00 ? 1024 : 0}, {0xe0000, 0x20000}};

    for (unsigned int a = 0; a < ARRAY_SIZE(areas); a++) {
        const uint8_t *p = areas[a].len ? map(areas[a].start, areas[a].len) : NULL;

        for (uint64_t at = 0; p && at + 36 <= areas[a].len; at += 16)
            if (is_rsdp(p + at))
                return p + at;
    }
    return NULL;
}

/* A whole table with a good checksum, or NULL. */
static const uint8_t *table_at(uint64_t maddr, uint32_t *len, acpi_map_fn *map)
{
    const uint8_t *p = maddr ? map(maddr, HEADER_SIZE) : NULL;

    if (!p)
        return NULL;
    *len = load_le32(p + 4);
    if (*len < HEADER_SIZE || *len > TABLE_MAX) {
        log_warn("acpi: table at %lx has length %u: ignored\n", maddr, *len);
        return NULL;
    }
    p = map(maddr, *len);
    if (p && !sum_is_zero(p, *len)) {
        log_warn("acpi: table %.4s has a bad checksum: ignored\n", (const char *)p);
        return NULL;
    }
    return p;
}

/* One entry into the list unless another entry (x2APIC beside APIC) named that CPU already. */
static void add_cpu(struct machine_info *m, uint32_t apic_id, uint32_t acpi_id, uint32_t flags)
{
    if (!(flags & 1)) {
        m->cpus_disabled++;
        return;
    }
    for (unsigned int i = 0; i < m->cpus; i++)
        if (m->cpu[i].apic_id == apic_id)
            return;
    if (m->cpus == MAX_CPUS) {
        m->cpus_left_out++;
        return;
    }
    m->cpu[m->cpus++] = (struct cpu_entry){apic_id, acpi_id};
}

static void add_override(struct machine_info *m, const uint8_t *e)
{
    uint16_t flags = load_le16(e + 8);

    if (e[2] != 0 || e[3] >= ISA_IRQS)
        return;
    struct isa_irq *irq = &m->isa[e[3]];
    irq->gsi = load_le32(e + 4);
    irq->low = (flags & 3) == 3;
    irq->level = (flags >> 2 & 3) == 3;
}

static void madt_entry(struct machine_info *m, const uint8_t *e, uint8_t len)
{
    switch (e[0]) {
    case 0: /* processor local APIC */
        if (len >= 8)
            add_cpu(m, e[3], e[2], load_le32(e + 4));
        break;
    case 1: /* IO-APIC */
        if (len >= 12 && m->ioapics < MAX_IOAPICS)
            m->ioapic[m->ioapics++] =
                (struct ioapic_entry){e[2], load_le32(e + 8), load_le32(e + 4)};
        break;
    case 2: /* interrupt source override */
        if (len >= 10)
            add_override(m, e);
        break;
    case 5: /* local APIC address, 64 bits */
        if (len >= 12)
            m->lapic_maddr = load_le64(e + 4);
        break;
    case 9: /* processor local x2APIC */
        if (len >= 16)
            add_cpu(m, load_le32(e + 4), load_le32(e + 12), load_le32(e + 8));
        break;
    default:
        break;
    }
}

static void parse_madt(struct machine_info *m, const uint8_t *t, uint32_t len)
{
    if (len < 44)
        return;
    m->lapic_maddr = load_le32(t + 36);
    for (uint32_t at = 44; at + 2 <= len;) {
        uint8_t size = t[at + 1];

        if (size < 2 || size > len - at) {
            log_warn("acpi: MADT entry at %u has length %u: rest ignored\n", at, size);
            return;
        }
        madt_entry(m, t + at, size);
        at += size;
    }
}

/* Port of a FADT block: the 32-bit field, or the generic address where that is in I/O space. */
static uint32_t fadt_port(const uint8_t *t, uint32_t len, uint32_t old, uint32_t generic)
{
    if (len >= generic + 12 && t[generic] == 1 && load_le64(t + generic + 4) &&
        load_le64(t + generic + 4) <= 0xffff)
        return load_le32(t + generic + 4);
    return load_le32(t + old) <= 0xffff ? load_le32(t + old) : 0;
}

static void parse_fadt(struct machine_info *m, const uint8_t *t, uint32_t len)
{
    if (len < 116)
        return;
    uint32_t flags = load_le32(t + 112);
    m->pm1a_control = fadt_port(t, len, 64, 172);
    m->pm1b_control = fadt_port(t, len, 68, 184);
    m->rtc_century = t[108];
    if (t[91] >= 4)
        m->pm_timer_port = fadt_port(t, len, 76, 208);
    m->pm_timer_32bit = flags >> 8 & 1;
    if (len >= 129 && flags >> 10 & 1 && (t[116] == 0 || t[116] == 1)) {
        m->reset.address = load_le64(t + 120);
        m->reset.memory = t[116] == 0;
        m->reset.value = t[128];
        m->reset.present = m->reset.address && (m->reset.memory || m->reset.address <= 0xffff);
    }
}

static void parse_hpet(struct machine_info *m, const uint8_t *t, uint32_t len)
{
    if (len >= 56 && t[40] == 0)
        m->hpet_maddr = load_le64(t + 44);
}

static void parse_mcfg(struct machine_info *m, const uint8_t *t, uint32_t len)
{
    for (uint32_t at = 44; at + 16 <= len && m->mcfgs < MAX_MCFG; at += 16) {
        struct mcfg_entry e = {load_le64(t + at), load_le16(t + at + 8), t[at + 10], t[at + 11]};

        if (e.first_bus <= e.last_bus && e.maddr && is_aligned(e.maddr, 1 << 20))
            m->mcfg[m->mcfgs++] = e;
    }
}

static void parse_table(struct machine_info *m, uint64_t maddr, acpi_map_fn *map)
{
    uint32_t len;
    const uint8_t *t = table_at(maddr, &len, map);

    if (!t)
        return;
    if (!memcmp(t, "APIC", 4))
        parse_madt(m, t, len);
    else if (!memcmp(t, "FACP", 4))
        parse_fadt(m, t, len);
    else if (!memcmp(t, "HPET", 4))
        parse_hpet(m, t, len);
    else if (!memcmp(t, "MCFG", 4))
        parse_mcfg(m, t, len);
}

static void set_defaults(struct machine_info *m)
{
    *m = (struct machine_info){.lapic_maddr = LAPIC_USUAL};
    for (unsigned int i = 0; i < ISA_IRQS; i++)
        m->isa[i].gsi = i;
}

/* RSDT (4-byte pointers) or XSDT (8). */
static bool parse_root(struct machine_info *m, uint64_t maddr, unsigned int size, const char *name,
                       acpi_map_fn *map)
{
    uint32_t len;
    const uint8_t *t = table_at(maddr, &len, map);

    if (!t || memcmp(t, name, 4))
        return false;
    for (uint32_t at = HEADER_SIZE; at + size <= len; at += size)
        parse_table(m, size == 8 ? load_le64(t + at) : load_le32(t + at), map);
    return true;
}

bool acpi_parse(struct machine_info *m, const void *rsdp, acpi_map_fn *map)
{
    const uint8_t *p = rsdp;

    set_defaults(m);
    if (!p || !is_rsdp(p))
        return false;
    if (p[15] >= 2 && load_le64(p + 24) && sum_is_zero(p, 36) &&
        parse_root(m, load_le64(p + 24), 8, "XSDT", map))
        return true;
    return parse_root(m, load_le32(p + 16), 4, "RSDT", map);
}
