/* Drives the IO-APICs (Intel 82093AA). Callers hold the lock of x86/irq.c. */
#include "x86/ioapic.h"
#include "abi/abi.h"
#include "port/log.h"
#include "x86/acpi.h"
#include "x86/asm.h"
#include "x86/cpu.h"

#define REG_SELECT  0
#define REG_WINDOW  4 /* in 32-bit words */
#define REG_VERSION 1
#define REG_ROUTE   0x10

#define ROUTE_NMI    (4u << 8)
#define ROUTE_LOW    (1u << 13)
#define ROUTE_LEVEL  (1u << 15)
#define ROUTE_MASKED (1u << 16)

struct ioapic {
    volatile uint32_t *regs;
    uint64_t maddr;
    unsigned int gsi_base, lines;
    uint32_t low[256]; /* low words of the routes as written, so masking needs no read */
};

static struct ioapic ioapics[MAX_IOAPICS];
static unsigned int count, gsis;

static uint32_t reg_read(struct ioapic *a, uint32_t reg)
{
    a->regs[REG_SELECT] = reg;
    return a->regs[REG_WINDOW];
}

static void reg_write(struct ioapic *a, uint32_t reg, uint32_t v)
{
    a->regs[REG_SELECT] = reg;
    a->regs[REG_WINDOW] = v;
}

static struct ioapic *find(unsigned int gsi, unsigned int *line)
{
    for (unsigned int i = 0; i < count; i++) {
        *line = gsi - ioapics[i].gsi_base;
        if (*line < ioapics[i].lines)
            return &ioapics[i];
    }
    return NULL;
}

static void set_low(struct ioapic *a, unsigned int line, uint32_t v)
{
    a->low[line] = v;
    reg_write(a, REG_ROUTE + 2 * line, v);
}

void pic_mask(void)
{
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}

void ioapic_init(const struct machine_info *m)
{
    for (unsigned int i = 0; i < m->ioapics; i++) {
        struct ioapic *a = &ioapics[count];

        a->maddr = m->ioapic[i].maddr;
        a->gsi_base = m->ioapic[i].gsi_base;
        a->regs = io_map(a->maddr, FRAME_SIZE, PTE_PCD | PTE_PWT);
        if (!a->regs || a->gsi_base > 1024)
            continue;
        a->lines = (reg_read(a, REG_VERSION) >> 16 & 0xff) + 1;
        if (a->lines > 240)
            continue;
        for (unsigned int line = 0; line < a->lines; line++)
            set_low(a, line, ROUTE_MASKED);
        if (a->gsi_base + a->lines > gsis)
            gsis = a->gsi_base + a->lines;
        log_info("ioapic %u: GSI %u-%u\n", m->ioapic[i].id, a->gsi_base,
                 a->gsi_base + a->lines - 1);
        count++;
    }
}

unsigned int ioapic_gsis(void)
{
    return gsis;
}

bool ioapic_has(unsigned int gsi)
{
    unsigned int line;

    return find(gsi, &line) != NULL;
}

/* Each writes the route of a line that is there. */
static void set_target(struct ioapic *a, unsigned int line, uint32_t apic_id)
{
    reg_write(a, REG_ROUTE + 2 * line + 1, apic_id << 24);
}

void ioapic_route(unsigned int gsi, uint8_t vector, bool level, bool low, uint32_t apic_id)
{
    unsigned int line;
    struct ioapic *a = find(gsi, &line);

    if (!a)
        return;
    set_low(a, line, ROUTE_MASKED);
    set_target(a, line, apic_id);
    set_low(a, line, vector | ROUTE_MASKED | (level ? ROUTE_LEVEL : 0) | (low ? ROUTE_LOW : 0));
}

void ioapic_route_nmi(unsigned int gsi, uint32_t apic_id)
{
    unsigned int line;
    struct ioapic *a = find(gsi, &line);

    if (!a)
        return;
    set_target(a, line, apic_id);
    set_low(a, line, ROUTE_NMI);
}

void ioapic_mask(unsigned int gsi, bool masked)
{
    unsigned int line;
    struct ioapic *a = find(gsi, &line);

    if (a)
        set_low(a, line, masked ? a->low[line] | ROUTE_MASKED : a->low[line] & ~ROUTE_MASKED);
}

void ioapic_target(unsigned int gsi, uint32_t apic_id)
{
    unsigned int line;
    struct ioapic *a = find(gsi, &line);

    if (a)
        set_target(a, line, apic_id);
}

int ioapic_register(uint64_t maddr, uint32_t reg, uint32_t *value)
{
    for (unsigned int i = 0; i < count; i++) {
        if (ioapics[i].maddr != maddr)
            continue;
        if (reg >= REG_ROUTE + 2 * ioapics[i].lines)
            return -XEN_EINVAL;
        *value = reg_read(&ioapics[i], reg);
        return 0;
    }
    return -XEN_EINVAL;
}

bool ioapic_frame(mfn_t frame)
{
    for (unsigned int i = 0; i < count; i++)
        if (ioapics[i].maddr >> FRAME_SHIFT == frame.n)
            return true;
    return false;
}
