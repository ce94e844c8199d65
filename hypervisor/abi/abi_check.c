/* Pins the sizes, offsets and versions of the Xen ABI that other code takes for granted: an update
 * of the packaged headers that moves one of them fails the build here. */
#include "abi/abi.h"

#define SIZE(type, n)           _Static_assert(sizeof(type) == (n), #type)
#define OFFSET(type, member, n) _Static_assert(offsetof(type, member) == (n), #type "." #member)
#define VALUE(name, n)          _Static_assert((name) == (n), #name)

SIZE(struct start_info, 1168);
OFFSET(struct start_info, nr_pages, 32);
OFFSET(struct start_info, shared_info, 40);
OFFSET(struct start_info, flags, 48);
OFFSET(struct start_info, store_mfn, 56);
OFFSET(struct start_info, console, 72);
OFFSET(struct start_info, pt_base, 88);
OFFSET(struct start_info, mfn_list, 104);
OFFSET(struct start_info, mod_start, 112);
OFFSET(struct start_info, cmd_line, 128);
OFFSET(struct start_info, first_p2m_pfn, 1152);

SIZE(struct shared_info, 3136);
SIZE(struct vcpu_info, 64);
OFFSET(struct shared_info, evtchn_pending, 2048);
OFFSET(struct shared_info, evtchn_mask, 2560);
OFFSET(struct shared_info, wc_version, 3072);
SIZE(struct vcpu_time_info, 32);
SIZE(struct vcpu_runstate_info, 48);
SIZE(struct vcpu_guest_context, 5168);
SIZE(struct trap_info, 16);
SIZE(struct iret_context, 72);
SIZE(struct multicall_entry, 64);
SIZE(struct mmu_update, 16);
SIZE(struct mmuext_op, 24);

SIZE(grant_entry_v1_t, 8);
SIZE(grant_entry_v2_t, 16);
SIZE(struct gnttab_map_grant_ref, 32);
SIZE(struct gnttab_copy, 40);
SIZE(struct evtchn_status, 24);
SIZE(struct evtchn_fifo_control_block, 72);

SIZE(struct xen_domctl, 144);
SIZE(struct xen_sysctl, 136);
SIZE(struct xen_platform_op, 136);
SIZE(xen_cpuid_leaf_t, 24);
SIZE(xen_msr_entry_t, 16);
VALUE(XEN_DOMCTL_INTERFACE_VERSION, 0x15);
VALUE(XEN_SYSCTL_INTERFACE_VERSION, 0x15);
VALUE(XENPF_INTERFACE_VERSION, 0x03000001);
VALUE(__HYPERVISOR_VIRT_START, 0xffff800000000000UL);
VALUE(__HYPERVISOR_VIRT_END, 0xffff880000000000UL);
VALUE(MACH2PHYS_VIRT_START, 0xffff800000000000UL);
