/* MSI and MSI-X: Argon writes the messages (which CPU, which vector), since only it knows vectors;
 * dom0 switches the capability on and off and may not write the message while it is set here. */
#include "x86/msi.h"
#include "abi/abi.h"
#include "port/pirq.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/irq_private.h"
#include "x86/pci.h"

#define MESSAGE_ADDRESS 0xfee00000u

#define MSI_CONTROL   2
#define MSI_ENABLE    0x0001u
#define MSI_MANY      0x0070u /* number of messages in use */
#define MSI_WIDE      0x0080u
#define MSI_MASKABLE  0x0100u
#define MSI_ADDRESS   4
#define MSIX_CONTROL  2
#define MSIX_ENABLE   0x8000u
#define MSIX_MASK_ALL 0x4000u
#define MSIX_SIZE     0x07ffu
#define MSIX_TABLE    4 /* BAR in bits 0-2, offset in it in the others */
#define ENTRY_MASKED  1u

struct entry { /* of an MSI-X table */
    uint32_t address, address_high, data, control;
};

struct msi {
    bool used, msix;
    uint8_t vector;
    uint16_t segment, bdf;
    uint32_t index;
    uint32_t target;
    struct msi_cap cap;
    uint64_t table; /* machine address of the MSI-X table */
    uint32_t table_len;
    volatile struct entry *entries;
};

static struct msi msis[DEVICE_VECTORS];

static struct msi *find(uint16_t segment, uint16_t bdf, bool msix, uint32_t index)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++)
        if (msis[i].used && msis[i].segment == segment && msis[i].bdf == bdf &&
            msis[i].msix == msix && msis[i].index == index)
            return &msis[i];
    return NULL;
}

static uint32_t read(const struct msi *m, unsigned int reg, unsigned int size)
{
    return pci_read(m->segment, m->bdf, m->cap.at + reg, size);
}

static void write(const struct msi *m, unsigned int reg, unsigned int size, uint32_t v)
{
    pci_write(m->segment, m->bdf, m->cap.at + reg, size, v);
}

/* A message: physical destination, fixed delivery, edge (Intel SDM vol. 3, 10.11). */
static void write_message(const struct msi *m)
{
    uint32_t address = MESSAGE_ADDRESS | m->target << 12;

    if (m->msix) {
        m->entries[m->index].address = address;
        m->entries[m->index].address_high = 0;
        m->entries[m->index].data = m->vector;
        return;
    }
    write(m, MSI_ADDRESS, 4, address);
    if (m->cap.wide)
        write(m, MSI_ADDRESS + 4, 4, 0);
    pci_write(m->segment, m->bdf, msi_cap_data(&m->cap), 2, m->vector);
}

static void set_mask(const struct msi *m, bool masked)
{
    if (m->msix)
        m->entries[m->index].control = masked ? ENTRY_MASKED : 0;
    else if (m->cap.maskable)
        pci_write(m->segment, m->bdf, msi_cap_mask(&m->cap), 4, masked ? UINT32_MAX : ~1u);
}

/* The table, mapped once for all entries of a function as long as its BAR stays where it is. */
static int map_table(struct msi *m)
{
    uint32_t where = read(m, MSIX_TABLE, 4);
    uint64_t bar = pci_bar(m->segment, m->bdf, where & 7);

    if (!bar || !(pci_read(m->segment, m->bdf, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return -XEN_ENXIO;
    m->table = bar + (where & ~7u);
    m->table_len = ((read(m, MSIX_CONTROL, 2) & MSIX_SIZE) + 1) * (uint32_t)sizeof(struct entry);
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++)
        if (msis[i].entries && msis[i].table == m->table && msis[i].table_len == m->table_len) {
            m->entries = msis[i].entries;
            return 0;
        }
    m->entries = io_map(m->table, m->table_len, PTE_PCD | PTE_PWT);
    return m->entries ? 0 : -XEN_ENOMEM;
}

static int setup_msix(struct msi *m)
{
    uint32_t control = read(m, MSIX_CONTROL, 2);

    if (m->index > (control & MSIX_SIZE))
        return -XEN_EINVAL;
    int result = map_table(m);
    if (result)
        return result;
    /* Entries may only be written while they are masked or all are. */
    write(m, MSIX_CONTROL, 2, control | MSIX_ENABLE | MSIX_MASK_ALL);
    set_mask(m, true);
    write_message(m);
    write(m, MSIX_CONTROL, 2,
          control & MSIX_ENABLE ? control : (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    return 0;
}

static int setup_msi(struct msi *m)
{
    uint32_t control = read(m, MSI_CONTROL, 2);

    if (m->index > 0)
        return -XEN_EINVAL;
    m->cap.wide = control & MSI_WIDE;
    m->cap.maskable = control & MSI_MASKABLE;
    write(m, MSI_CONTROL, 2, control & ~(MSI_ENABLE | MSI_MANY));
    set_mask(m, true);
    write_message(m);
    write(m, MSI_CONTROL, 2, (control & ~MSI_MANY) | MSI_ENABLE);
    return 0;
}

int msi_setup(const struct msi_request *want, uint8_t vector, uint32_t target)
{
    struct msi new = {
        .used = true,
        .msix = want->msix,
        .vector = vector,
        .segment = want->segment,
        .bdf = want->bdf,
        .index = want->entry,
        .target = target,
    };
    unsigned int i = 0;
    int result;

    if (find(want->segment, want->bdf, want->msix, want->entry))
        return -XEN_EEXIST;
    while (i < ARRAY_SIZE(msis) && msis[i].used)
        i++;
    if (i == ARRAY_SIZE(msis))
        return -XEN_ENOSPC;
    new.cap.at = pci_find_cap(want->segment, want->bdf, want->msix ? PCI_CAP_MSIX : PCI_CAP_MSI);
    if (!new.cap.at)
        return -XEN_ENODEV;
    if (!new.msix) {
        /* A free record keeps its last mapping for map_table() to find. */
        new.table = msis[i].table;
        new.table_len = msis[i].table_len;
        new.entries = msis[i].entries;
    }
    result = new.msix ? setup_msix(&new) : setup_msi(&new);
    if (result)
        return result;
    msis[i] = new;
    return (int)i;
}

void msi_remove(int msi)
{
    struct msi *m = &msis[msi];
    bool last = true;

    set_mask(m, true);
    m->used = false;
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++)
        if (msis[i].used && msis[i].segment == m->segment && msis[i].bdf == m->bdf &&
            msis[i].msix == m->msix)
            last = false;
    if (last)
        write(m, MSI_CONTROL, 2, read(m, MSI_CONTROL, 2) & ~(m->msix ? MSIX_ENABLE : MSI_ENABLE));
}

void msi_mask(int msi, bool masked)
{
    set_mask(&msis[msi], masked);
}

void msi_target(int msi, uint32_t target)
{
    struct msi *m = &msis[msi];

    if (m->target == target)
        return;
    m->target = target;
    /* An MSI-X entry must not be live while its parts change. */
    if (m->msix)
        set_mask(m, true);
    write_message(m);
    if (m->msix)
        set_mask(m, irq_of(m->vector)->masked);
}

bool msi_config_write_ok(uint16_t segment, uint16_t bdf, unsigned int reg, unsigned int size)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++) {
        const struct msi *m = &msis[i];

        if (!m->used || m->msix || m->segment != segment || m->bdf != bdf)
            continue;
        unsigned int from = m->cap.at + MSI_ADDRESS;
        unsigned int to = m->cap.maskable ? msi_cap_mask(&m->cap) + 4u : msi_cap_data(&m->cap) + 2u;
        if (reg < to && reg + size > from)
            return false;
    }
    return true;
}

bool msi_table_frame(mfn_t frame)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++)
        if (msis[i].used && msis[i].msix && frame.n >= msis[i].table >> FRAME_SHIFT &&
            frame.n <= (msis[i].table + msis[i].table_len - 1) >> FRAME_SHIFT)
            return true;
    return false;
}

int msi_restore(uint16_t segment, uint16_t bdf)
{
    lock_take(&irq_lock);
    for (unsigned int i = 0; i < ARRAY_SIZE(msis); i++) {
        struct msi *m = &msis[i];

        if (!m->used || m->segment != segment || m->bdf != bdf)
            continue;
        uint32_t control = read(m, MSI_CONTROL, 2);
        if (m->msix) {
            write(m, MSIX_CONTROL, 2, control | MSIX_ENABLE | MSIX_MASK_ALL);
            set_mask(m, true);
        }
        write_message(m);
        set_mask(m, irq_of(m->vector)->masked);
        write(m, MSI_CONTROL, 2,
              m->msix ? (control | MSIX_ENABLE) & ~MSIX_MASK_ALL
                      : (control & ~MSI_MANY) | MSI_ENABLE);
    }
    lock_drop(&irq_lock);
    return 0;
}
