/* physdev_op: a guest's I/O privilege, and dom0's interrupt lines, messages and PCI functions. */
#include "core/frame/frame.h"
#include "hc/hc.h"
#include "port/pirq.h"

/* A new page of bits where the guest finds which pirqs want an EOI. One per domain, for good. */
static long eoi_frame(struct domain *d, uint64_t gmfn)
{
    mfn_t m = mfn(gmfn);

    if (d->arch.pirq_eoi_frame.n)
        return -XEN_EBUSY;
    long result = page_get_use(m, d, PGT_WRITABLE);
    if (result)
        return result;
    d->arch.pirq_eoi_frame = m;
    pirq_eoi_bits(d, mfn_ptr(m));
    return 0;
}

static long map_one(struct domain *d, const struct physdev_map_pirq *map, int *pirq)
{
    uint16_t segment = (uint16_t)((uint32_t)map->bus >> 16);
    uint16_t bdf = (uint16_t)((uint32_t)map->bus << 8 | ((uint32_t)map->devfn & 0xff));
    bool msix = map->table_base != 0;

    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        if (map->index < 0)
            return -XEN_EINVAL;
        return pirq_map_gsi(d, (uint32_t)map->index, pirq);
    case MAP_PIRQ_TYPE_MSI:
        segment = 0;
        break;
    case MAP_PIRQ_TYPE_MSI_SEG:
        break;
    default:
        /* Several messages of one MSI: callers go back to one. */
        return -XEN_EINVAL;
    }
    if (msix && map->entry_nr < 0)
        return -XEN_EINVAL;
    return pirq_map_msi(d, segment, bdf, msix, msix ? (uint32_t)map->entry_nr : 0, pirq);
}

static long map_pirq(struct domain *caller, uint64_t at)
{
    struct physdev_map_pirq map;

    if (guest_get(&map, at))
        return -XEN_EFAULT;
    if (!caller->is_dom0)
        return -XEN_EPERM;
    struct domain *d = dom_get_for(caller, map.domid);
    if (!d)
        return -XEN_ESRCH;
    long result = d->dying ? -XEN_EINVAL : map_one(d, &map, &map.pirq);
    dom_put(d);
    if (!result && guest_put(at, &map))
        return -XEN_EFAULT;
    return result;
}

static long unmap_pirq(struct domain *caller, uint64_t at)
{
    struct physdev_unmap_pirq unmap;

    if (guest_get(&unmap, at))
        return -XEN_EFAULT;
    if (!caller->is_dom0)
        return -XEN_EPERM;
    struct domain *d = dom_get_for(caller, unmap.domid);
    if (!d)
        return -XEN_ESRCH;
    long result = unmap.pirq < 0 ? -XEN_EINVAL : pirq_unmap(d, (uint32_t)unmap.pirq);
    dom_put(d);
    return result;
}

static long apic_read(uint64_t at)
{
    struct physdev_apic op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    long result = ioapic_register(op.apic_physbase, op.reg, &op.value);
    return result ? result : guest_put(at, &op);
}

/* Lines are Argon's: dom0 has setup_gsi for what it knows of them. */
static long apic_write(uint64_t at)
{
    struct physdev_apic op;
    uint32_t value;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    return ioapic_register(op.apic_physbase, 0, &value) ? -XEN_EINVAL : -XEN_EPERM;
}

static long alloc_vector(uint64_t at)
{
    struct physdev_irq op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    if (op.irq >= PIRQ_MAX)
        return -XEN_EINVAL;
    op.vector = op.irq;
    return guest_put(at, &op);
}

static long setup_gsi(uint64_t at)
{
    struct physdev_setup_gsi op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    if (op.gsi < 0 || op.triggering > 1 || op.polarity > 1)
        return -XEN_EINVAL;
    return gsi_setup((uint32_t)op.gsi, op.triggering, op.polarity);
}

static long get_free_pirq(struct domain *d, uint64_t at)
{
    struct physdev_get_free_pirq op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    int pirq = pirq_get_free(d);
    if (pirq < 0)
        return pirq;
    op.pirq = (uint32_t)pirq;
    return guest_put(at, &op);
}

static long restore_msi(uint64_t at)
{
    struct physdev_restore_msi op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    return msi_restore(0, (uint16_t)(op.bus << 8 | op.devfn));
}

static long restore_msi_ext(uint64_t at)
{
    struct physdev_pci_device op;

    if (guest_get(&op, at))
        return -XEN_EFAULT;
    return msi_restore(op.seg, (uint16_t)(op.bus << 8 | op.devfn));
}

/* dom0's own. */
static long privileged(struct domain *d, uint32_t cmd, uint64_t at)
{
    uint8_t any;

    switch (cmd) {
        ROW(PHYSDEVOP_apic_read, apic_read(at));
        ROW(PHYSDEVOP_apic_write, apic_write(at));
        ROW(PHYSDEVOP_alloc_irq_vector, alloc_vector(at));
        ROW(PHYSDEVOP_setup_gsi, setup_gsi(at));
        ROW(PHYSDEVOP_get_free_pirq, get_free_pirq(d, at));
        ROW(PHYSDEVOP_restore_msi, restore_msi(at));
        ROW(PHYSDEVOP_restore_msi_ext, restore_msi_ext(at));
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_add_ext:
    case PHYSDEVOP_manage_pci_remove:
    case PHYSDEVOP_pci_device_add:
    case PHYSDEVOP_pci_device_remove:
    case PHYSDEVOP_pci_mmcfg_reserved:
    case PHYSDEVOP_prepare_msix:
    case PHYSDEVOP_release_msix:
        /* Told for an IOMMU's and MSI's sake; Argon looks at config space when it has to. */
        return guest_get(&any, at) ? -XEN_EFAULT : 0;
    default:
        return -XEN_ENOSYS;
    }
}

static long physdev(struct vcpu *v, uint32_t cmd, uint64_t at)
{
    union {
        struct physdev_set_iopl iopl;
        struct physdev_set_iobitmap bitmap;
        struct physdev_eoi eoi;
        struct physdev_pirq_eoi_gmfn eoi_gmfn;
        struct physdev_irq_status_query query;
    } op;

    switch (cmd) {
        ROW(PHYSDEVOP_map_pirq, map_pirq(v->dom, at));
        ROW(PHYSDEVOP_unmap_pirq, unmap_pirq(v->dom, at));
    case PHYSDEVOP_set_iopl:
        if (guest_get(&op.iopl, at))
            return -XEN_EFAULT;
        if (op.iopl.iopl > 3)
            return -XEN_EINVAL;
        v->arch.iopl = (uint8_t)op.iopl.iopl;
        return 0;
    case PHYSDEVOP_set_iobitmap:
        if (guest_get(&op.bitmap, at))
            return -XEN_EFAULT;
        if (op.bitmap.nr_ports > 65536 ||
            !gaddr_ok(HANDLE(op.bitmap.bitmap), (op.bitmap.nr_ports + 7) / 8))
            return -XEN_EINVAL;
        v->arch.io_bitmap_va = HANDLE(op.bitmap.bitmap);
        v->arch.io_bitmap_ports = op.bitmap.nr_ports;
        return 0;
        ROW(PHYSDEVOP_eoi, guest_get(&op.eoi, at) ? -XEN_EFAULT : pirq_eoi(v->dom, op.eoi.irq));
        ROW(PHYSDEVOP_pirq_eoi_gmfn_v2,
            guest_get(&op.eoi_gmfn, at) ? -XEN_EFAULT : eoi_frame(v->dom, op.eoi_gmfn.gmfn));
    case PHYSDEVOP_irq_status_query:
        if (guest_get(&op.query, at))
            return -XEN_EFAULT;
        if (op.query.irq >= PIRQ_MAX)
            return -XEN_EINVAL;
        /* Which of them truly do is in the page of bits. */
        op.query.flags = XENIRQSTAT_needs_eoi;
        return guest_put(at, &op.query);
    default:
        return v->dom->is_dom0 ? privileged(v->dom, cmd, at) : -XEN_EPERM;
    }
}

long hc_physdev_op(struct vcpu *v, uint64_t *arg)
{
    return physdev(v, (uint32_t)arg[0], arg[1]);
}

/* The form before 0x00030202: the command lies in front of its argument. */
long hc_physdev_op_compat(struct vcpu *v, uint64_t *arg)
{
    uint32_t cmd;

    if (guest_read(&cmd, arg[0], sizeof(cmd)))
        return -XEN_EFAULT;
    if (cmd < PHYSDEVOP_irq_status_query || cmd > PHYSDEVOP_alloc_irq_vector)
        return -XEN_ENOSYS;
    return physdev(v, cmd, arg[0] + offsetof(struct physdev_op, u));
}
