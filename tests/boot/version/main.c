/*
 * Property: every sub-operation of xen_version, with good and bad arguments. What names the build
 * (extra version, compiler, build id) may differ; sizes, return values and the feature map may not.
 */
#include "pvk.h"

static long version(int cmd, void *arg)
{
    return HC(__HYPERVISOR_xen_version, cmd, arg);
}

/* Text is terminated inside its field and the rest of the page is left alone. */
static void text(const char *what, int cmd, size_t size)
{
    char *page = page_get();

    memset(page, 0x55, PAGE_SIZE);
    long rc = version(cmd, page);
    size_t n = strlen(page);
    say("%s: %s, terminated in its %lu bytes: %d, wrote past them: %d", what, rc_name(rc), size,
        n < size, page[size] != 0x55);
    note("%s '%s'", what, page);
    say("%s to a bad pointer: %s, into the hypervisor: %s", what,
        rc_name(version(cmd, (void *)BAD_POINTER)), rc_name(version(cmd, (void *)HV_POINTER)));
    page_put(page);
}

static void features(void)
{
    struct xen_feature_info f = {.submap_idx = 0};

    say("get_features(0): %s", rc_name(version(XENVER_get_features, &f)));
    static const struct {
        unsigned int bit;
        const char *name;
    } bits[] = {
        {XENFEAT_writable_page_tables, "writable_page_tables"},
        {XENFEAT_writable_descriptor_tables, "writable_descriptor_tables"},
        {XENFEAT_auto_translated_physmap, "auto_translated_physmap"},
        {XENFEAT_supervisor_mode_kernel, "supervisor_mode_kernel"},
        {XENFEAT_pae_pgdir_above_4gb, "pae_pgdir_above_4gb"},
        {XENFEAT_mmu_pt_update_preserve_ad, "mmu_pt_update_preserve_ad"},
        {XENFEAT_highmem_assist, "highmem_assist"},
        {XENFEAT_gnttab_map_avail_bits, "gnttab_map_avail_bits"},
        {XENFEAT_hvm_callback_vector, "hvm_callback_vector"},
        {XENFEAT_dom0, "dom0"},
        {XENFEAT_memory_op_vnode_supported, "memory_op_vnode_supported"},
        {XENFEAT_linux_rsdp_unrestricted, "linux_rsdp_unrestricted"},
        {XENFEAT_not_direct_mapped, "not_direct_mapped"},
        {XENFEAT_direct_mapped, "direct_mapped"},
    };
    for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++)
        say("feature %s: %u", bits[i].name, f.submap >> bits[i].bit & 1);
    note("submap %x", f.submap);
    f.submap_idx = 1;
    say("get_features(1): %s", rc_name(version(XENVER_get_features, &f)));
    f.submap_idx = 0xffffffff;
    say("get_features(-1): %s", rc_name(version(XENVER_get_features, &f)));
    say("get_features to a bad pointer: %s",
        rc_name(version(XENVER_get_features, (void *)BAD_POINTER)));
}

static void run(void)
{
    struct xen_platform_parameters p = {0};
    struct xen_build_id id = {.len = 0};
    xen_domain_handle_t handle;

    say("version: %lx", version(XENVER_version, NULL));
    say("version ignores its argument: %lx", version(XENVER_version, (void *)BAD_POINTER));
    text("extraversion", XENVER_extraversion, sizeof(xen_extraversion_t));
    text("compile_info", XENVER_compile_info, sizeof(struct xen_compile_info));
    text("capabilities", XENVER_capabilities, sizeof(xen_capabilities_info_t));
    text("changeset", XENVER_changeset, sizeof(xen_changeset_info_t));
    long rc = version(XENVER_platform_parameters, &p);
    say("platform_parameters: %s, virt_start %lx", rc_name(rc), p.virt_start);
    say("platform_parameters to a bad pointer: %s",
        rc_name(version(XENVER_platform_parameters, (void *)BAD_POINTER)));
    features();
    say("pagesize: %ld, with an argument: %s", version(XENVER_pagesize, NULL),
        rc_name(version(XENVER_pagesize, &p)));
    memset(handle, 0xff, sizeof(handle));
    rc = version(XENVER_guest_handle, &handle);
    uint8_t any = 0;
    for (unsigned int i = 0; i < sizeof(handle); i++)
        any |= ((uint8_t *)&handle)[i];
    say("guest_handle: %s, dom0's is zero: %d", rc_name(rc), !any);
    text("commandline", XENVER_commandline, sizeof(xen_commandline_t));
    rc = version(XENVER_build_id, NULL);
    say("build_id length known: %d", rc > 0 && rc < 64);
    say("build_id into no room: %s", rc_name(version(XENVER_build_id, &id)));
    say("build_id to a bad pointer: %s", rc_name(version(XENVER_build_id, (void *)BAD_POINTER)));
    say("unknown: %s, negative: %s", rc_name(version(11, &p)), rc_name(version(-1, &p)));
}
PROPERTY(version, "version", run);
