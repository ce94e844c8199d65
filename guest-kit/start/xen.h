/*
 * The door to Xen's public headers for the kit's own files, and the hypercalls.
 */
#ifndef START_XEN_H
#define START_XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/callback.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ADDRESS(x)    ((uint64_t)(x))

/* The page's stubs keep every register but rax. `nr` is a constant. */
#define KIT_CALL(nr, ...)                                                                          \
    __asm__ volatile("call gk_hypercall_page + %c[number] * 32"                                    \
                     : "=a"(rc_), ##__VA_ARGS__                                                    \
                     : [number] "i"(nr)                                                            \
                     : "memory", "cc")

#define HC1(nr, a)                                                                                 \
    ({                                                                                             \
        long rc_;                                                                                  \
        uint64_t a1_ = ADDRESS(a);                                                                 \
        KIT_CALL(nr, "+D"(a1_));                                                                   \
        rc_;                                                                                       \
    })
#define HC2(nr, a, b)                                                                              \
    ({                                                                                             \
        long rc_;                                                                                  \
        uint64_t a1_ = ADDRESS(a), a2_ = ADDRESS(b);                                               \
        KIT_CALL(nr, "+D"(a1_), "+S"(a2_));                                                        \
        rc_;                                                                                       \
    })
#define HC3(nr, a, b, c)                                                                           \
    ({                                                                                             \
        long rc_;                                                                                  \
        uint64_t a1_ = ADDRESS(a), a2_ = ADDRESS(b), a3_ = ADDRESS(c);                             \
        KIT_CALL(nr, "+D"(a1_), "+S"(a2_), "+d"(a3_));                                             \
        rc_;                                                                                       \
    })
#define HC4(nr, a, b, c, d)                                                                        \
    ({                                                                                             \
        long rc_;                                                                                  \
        uint64_t a1_ = ADDRESS(a), a2_ = ADDRESS(b), a3_ = ADDRESS(c);                             \
        register uint64_t a4_ __asm__("r10") = ADDRESS(d);                                         \
        KIT_CALL(nr, "+D"(a1_), "+S"(a2_), "+d"(a3_), "+r"(a4_));                                  \
        rc_;                                                                                       \
    })

static inline long hc_evtchn(unsigned int cmd, void *arg)
{
    return HC2(__HYPERVISOR_event_channel_op, cmd, arg);
}

static inline long hc_memory(unsigned int cmd, void *arg)
{
    return HC2(__HYPERVISOR_memory_op, cmd, arg);
}

static inline long hc_sched(unsigned int cmd, void *arg)
{
    return HC2(__HYPERVISOR_sched_op, cmd, arg);
}

static inline long hc_grant(unsigned int cmd, void *arg, unsigned int count)
{
    return HC3(__HYPERVISOR_grant_table_op, cmd, arg, count);
}

static inline long hc_va(const void *va, uint64_t pte, uint64_t flags)
{
    return HC3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

static inline long hc_mmu(struct mmu_update *updates, unsigned int count, uint16_t foreign)
{
    return HC4(__HYPERVISOR_mmu_update, updates, count, 0, foreign);
}

static inline long hc_mmuext(struct mmuext_op *op)
{
    return HC4(__HYPERVISOR_mmuext_op, op, 1, 0, DOMID_SELF);
}

/* Orders what both ends of a ring, or hypervisor and guest, see. */
#define kit_barrier() __asm__ volatile("" ::: "memory")
#define kit_mb()      __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define kit_rmb()     __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define kit_wmb()     __atomic_thread_fence(__ATOMIC_RELEASE)

#endif
