/* xen_version: who we are, in the words of Xen 4.17, whose ABI this is. */
#include "hc/hc.h"
#include "port/build.h"

#define VERSION       (4u << 16 | 17u)
#define EXTRA_VERSION ".0-argon"
#define CAPABILITIES  "xen-3.0-x86_64 "

#define FEATURE(name) (1u << XENFEAT_##name)

/* Fills the whole field, so that nothing of ours goes out behind the text. */
static void set_text(char *field, size_t size, const char *text)
{
    size_t n = 0;

    for (; n + 1 < size && text[n]; n++)
        field[n] = text[n];
    for (; n < size; n++)
        field[n] = '\0';
}

static long put_text(uint64_t to, size_t size, const char *text)
{
    char field[1024];

    set_text(field, size, text);
    return guest_write(to, field, size);
}

static long compile_info(uint64_t to)
{
    struct xen_compile_info info;

    set_text(info.compiler, sizeof(info.compiler), "C " __VERSION__);
    set_text(info.compile_by, sizeof(info.compile_by), "argon");
    set_text(info.compile_domain, sizeof(info.compile_domain), "localdomain");
    /* No date: the same sources give the same image. */
    set_text(info.compile_date, sizeof(info.compile_date), "unknown");
    return guest_put(to, &info);
}

static uint32_t features(const struct domain *d)
{
    uint32_t map = FEATURE(mmu_pt_update_preserve_ad) | FEATURE(highmem_assist) |
                   FEATURE(gnttab_map_avail_bits) | FEATURE(memory_op_vnode_supported) |
                   FEATURE(direct_mapped);

    if (d->is_dom0)
        map |= FEATURE(dom0);
    if (d->is_dom0 || d->vm_assist >> VMASST_TYPE_pae_extended_cr3 & 1)
        map |= FEATURE(pae_pgdir_above_4gb);
    return map;
}

static long get_build_id(uint64_t at)
{
    struct xen_build_id want;
    uint32_t len;
    const uint8_t *id = build_id(&len);

    if (at) {
        if (guest_get(&want, at))
            return -XEN_EFAULT;
        if (!want.len)
            return -XEN_EINVAL;
    }
    if (!len)
        return -XEN_ENODATA;
    if (!at)
        return len;
    if (want.len < len)
        return -XEN_ENOBUFS;
    return guest_write(at + offsetof(struct xen_build_id, buf), id, len) ? -XEN_EFAULT : (long)len;
}

static __attribute__((noinline)) long other_than_version(struct vcpu *v, uint64_t *arg)
{
    struct domain *d = v->dom;
    uint64_t va = arg[1];

    switch ((uint32_t)arg[0]) {
        ROW(XENVER_extraversion, put_text(va, sizeof(xen_extraversion_t), EXTRA_VERSION));
        ROW(XENVER_compile_info, compile_info(va));
        ROW(XENVER_capabilities, put_text(va, sizeof(xen_capabilities_info_t), CAPABILITIES));
        ROW(XENVER_changeset, put_text(va, sizeof(xen_changeset_info_t), ""));
    case XENVER_platform_parameters: {
        struct xen_platform_parameters p = {.virt_start = HV_VIRT_START};

        return guest_put(va, &p);
    }
        ROW_IN_OUT(XENVER_get_features, xen_feature_info,
                   (op.submap = features(d), op.submap_idx ? -XEN_EINVAL : 0));
        ROW(XENVER_pagesize, va ? -XEN_EINVAL : (long)FRAME_SIZE);
        ROW(XENVER_guest_handle, guest_write(va, d->handle, sizeof(d->handle)));
    case XENVER_commandline:
        return put_text(va, sizeof(xen_commandline_t),
                        d->is_dom0 ? build_command_line() : "<denied>");
        ROW(XENVER_build_id, d->is_dom0 ? get_build_id(va) : -XEN_EPERM);
    default:
        return -XEN_ENOSYS;
    }
}

/* The number alone is what kernels ask to see whether an event is due. */
long hc_xen_version(struct vcpu *v, uint64_t *arg)
{
    return likely((uint32_t)arg[0] == XENVER_version) ? (long)VERSION : other_than_version(v, arg);
}
