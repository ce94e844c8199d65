/* physdev_op: a guest's I/O privilege, and dom0's interrupt lines, messages and PCI functions. */
#include "core/frame/frame.h"
#include "hc/hc.h"
#include "port/pirq.h"

/* A new page of bits where the guest finds which pirqs want an EOI. One per domain, for good. */
static long eoi_frame(struct domain *d, uint64_t gmfn)
{
    mfn_t m = mfn(gmfn), none = mfn(0);
    long result = page_get_use(m, d, PGT_WRITABLE);

    if (result)
        return result;
    /* Two callers at once: one wins. */
    if (!__atomic_compare_exchange_n(&d->arch.pirq_eoi_frame.n, &none.n, gmfn, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        page_put_use(m);
        return -XEN_EBUSY;
    }
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

static long map_pirq(struct domain *caller, struct physdev_map_pirq *map)
{
    struct domain *d = dom_get_for(caller, map->domid);

    if (!d)
        return -XEN_ESRCH;
    long result = d->dying ? -XEN_EINVAL : map_one(d, map, &map->pirq);
    dom_put(d);
    return result;
}

static long unmap_pirq(struct domain *caller, const struct physdev_unmap_pirq *unmap)
{
    struct domain *d = dom_get_for(caller, unmap->domid);

    if (!d)
        return -XEN_ESRCH;
    long result = unmap->pirq < 0 ? -XEN_EINVAL : pirq_unmap(d, (uint32_t)unmap->pirq);
    dom_put(d);
    return result;
}

/* Lines are Argon's: dom0 has setup_gsi for what it knows of them. */
static long apic_write(const struct physdev_apic *op)
{
    uint32_t value;

    return ioapic_register(op->apic_physbase, 0, &value) ? -XEN_EINVAL : -XEN_EPERM;
}

static long alloc_vector(struct physdev_irq *op)
{
    op->vector = op->irq;
    return op->irq < PIRQ_MAX ? 0 : -XEN_EINVAL;
}

static long setup_gsi(const struct physdev_setup_gsi *op)
{
    if (op->gsi < 0 || op->triggering > 1 || op->polarity > 1)
        return -XEN_EINVAL;
    return gsi_setup((uint32_t)op->gsi, op->triggering, op->polarity);
}

static long get_free_pirq(struct domain *d, uint32_t *pirq)
{
    int free = pirq_get_free(d);

    *pirq = (uint32_t)free;
    return free < 0 ? free : 0;
}

/* dom0's own. */
static long privileged(struct domain *d, uint32_t cmd, uint64_t va)
{
    uint8_t any;

    switch (cmd) {
        ROW_IN_OUT(PHYSDEVOP_apic_read, physdev_apic,
                   ioapic_register(op.apic_physbase, op.reg, &op.value));
        ROW_IN(PHYSDEVOP_apic_write, physdev_apic, apic_write(&op));
        ROW_IN_OUT(PHYSDEVOP_alloc_irq_vector, physdev_irq, alloc_vector(&op));
        ROW_IN(PHYSDEVOP_setup_gsi, physdev_setup_gsi, setup_gsi(&op));
        ROW_IN_OUT(PHYSDEVOP_get_free_pirq, physdev_get_free_pirq, get_free_pirq(d, &op.pirq));
        ROW_IN(PHYSDEVOP_restore_msi, physdev_restore_msi,
               msi_restore(0, (uint16_t)(op.bus << 8 | op.devfn)));
        ROW_IN(PHYSDEVOP_restore_msi_ext, physdev_pci_device,
               msi_restore(op.seg, (uint16_t)(op.bus << 8 | op.devfn)));
    case PHYSDEVOP_manage_pci_add:
    case PHYSDEVOP_manage_pci_add_ext:
    case PHYSDEVOP_manage_pci_remove:
    case PHYSDEVOP_pci_device_add:
    case PHYSDEVOP_pci_device_remove:
    case PHYSDEVOP_pci_mmcfg_reserved:
    case PHYSDEVOP_prepare_msix:
    case PHYSDEVOP_release_msix:
        /* Told for an IOMMU's and MSI's sake; Argon looks at config space when it has to. */
        return guest_get(&any, va) ? -XEN_EFAULT : 0;
    default:
        return -XEN_ENOSYS;
    }
}

static long set_iopl(struct vcpu *v, uint32_t iopl)
{
    if (iopl > 3)
        return -XEN_EINVAL;
    v->arch.iopl = (uint8_t)iopl;
    return 0;
}

static long set_iobitmap(struct vcpu *v, const struct physdev_set_iobitmap *op)
{
    if (op->nr_ports > 65536 || !gaddr_ok(HANDLE(op->bitmap), (op->nr_ports + 7) / 8))
        return -XEN_EINVAL;
    v->arch.io_bitmap_va = HANDLE(op->bitmap);
    v->arch.io_bitmap_ports = op->nr_ports;
    return 0;
}

/* Which of them truly need it is in the page of bits. */
static long irq_status(struct physdev_irq_status_query *op)
{
    op->flags = XENIRQSTAT_needs_eoi;
    return op->irq < PIRQ_MAX ? 0 : -XEN_EINVAL;
}

static long physdev(struct vcpu *v, uint32_t cmd, uint64_t va)
{
    struct domain *d = v->dom;

    switch (cmd) {
        ROW_IN_OUT(PHYSDEVOP_map_pirq, physdev_map_pirq,
                   d->is_dom0 ? map_pirq(d, &op) : -XEN_EPERM);
        ROW_IN(PHYSDEVOP_unmap_pirq, physdev_unmap_pirq,
               d->is_dom0 ? unmap_pirq(d, &op) : -XEN_EPERM);
        ROW_IN(PHYSDEVOP_set_iopl, physdev_set_iopl, set_iopl(v, op.iopl));
        ROW_IN(PHYSDEVOP_set_iobitmap, physdev_set_iobitmap, set_iobitmap(v, &op));
        ROW_IN(PHYSDEVOP_eoi, physdev_eoi, pirq_eoi(d, op.irq));
        ROW_IN(PHYSDEVOP_pirq_eoi_gmfn_v2, physdev_pirq_eoi_gmfn, eoi_frame(d, op.gmfn));
        ROW_IN_OUT(PHYSDEVOP_irq_status_query, physdev_irq_status_query, irq_status(&op));
    default:
        return d->is_dom0 ? privileged(d, cmd, va) : -XEN_EPERM;
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
