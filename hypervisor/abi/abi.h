/* The one door to Xen's public headers (Debian's libxen-dev, 4.17), which include no stdint.h of
 * their own. Drivers of a shared ring also include <xen/io/...>, after this. */
#ifndef ABI_ABI_H
#define ABI_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The hypervisor and its tools see the headers as tools do. Not as the hypervisor (__XEN__): that
 * view needs a header which is not packaged and hides shared_info_t. A guest (guest-kit) defines
 * __XEN_INTERFACE_VERSION__ itself and gets no domctl, sysctl. */
#if !defined(__XEN_TOOLS__) && !defined(__XEN_INTERFACE_VERSION__)
#define __XEN_TOOLS__ 1
#endif

#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/version.h>
#include <xen/features.h>
#include <xen/elfnote.h>
#include <xen/memory.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/callback.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/pmu.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/arch-x86/cpuid.h>
#include <xen/arch-x86/cpufeatureset.h>

#ifdef __XEN_TOOLS__
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/platform.h>
#include <xen/arch-x86/xen-mca.h>
#include <xen/trace.h>
#endif

#endif
