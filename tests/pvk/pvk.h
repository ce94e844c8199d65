/*
 * The test kernel's framework: what a property under tests/boot/ may use.
 *
 * A property is a function registered by PROPERTY(). It prints numbered transcript lines with
 * say(), which must not depend on the machine (no frame numbers, no times), because the same image
 * runs on stock Xen and the two transcripts must be equal. What may differ goes through note(),
 * marked '~'. A check() that fails is a FAILURE on either hypervisor. The worst outcome sticks and
 * is printed at the end.
 */
#ifndef PVK_H
#define PVK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include <xen/domctl.h>
#include <xen/sysctl.h>

#include "asm_defs.h"

#define PAGE_SIZE     4096UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))

/* ---- outcome and transcript (print.c) ---- */
enum outcome { SUCCESS, SKIP, ERROR, FAILURE };

void outcome_raise(enum outcome o);
enum outcome outcome_worst(void);
/* One numbered line that is compared between hypervisors. */
void say(const char *format, ...) PRINTF(1, 2);
/* The same, but the first value after the format is computed before the others, which may look at
 * what it changed. */
#define SAY(format, first, ...)                                                                    \
    do {                                                                                           \
        const char *first_ = (first);                                                              \
        say(format, first_, ##__VA_ARGS__);                                                        \
    } while (0)
/* One line that is not compared. */
void note(const char *format, ...) PRINTF(1, 2);
/* A line of the framework itself. */
void tell(const char *format, ...) PRINTF(1, 2);
bool check_at(bool ok, const char *file, int line, const char *what);
#define check(condition) check_at((condition), __FILE__, __LINE__, #condition)
/* Ends the run: the test kernel itself is at fault or met something it cannot survive. */
_Noreturn void panic(const char *format, ...) PRINTF(1, 2);
/* "0", a decimal number, or an errno's name. Valid until eight more calls. */
const char *rc_name(long rc);
void transcript_begin(const char *property);
int format_text(char *out, size_t size, const char *format, va_list args);
int text_print(char *out, size_t size, const char *format, ...) PRINTF(3, 4);

struct property {
    const char *name;
    void (*run)(void);
    unsigned int flags;
};
#define PROPERTY_ALONE 1 /* runs only when named: it ends the machine, or takes long */
#define PROPERTY_FLAGS(id, text, function, flag)                                                   \
    static const struct property property_##id                                                     \
        __attribute__((used, section(".properties"), aligned(8))) = {text, function, flag}
#define PROPERTY(id, text, function) PROPERTY_FLAGS(id, text, function, 0)

extern struct start_info *start_info;
static inline bool is_dom0(void)
{
    return start_info->flags & SIF_INITDOMAIN;
}

/* ---- small library (lib.c) ---- */
void *memset(void *to, int byte, size_t size);
void *memcpy(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
/* The value of option "name=" on the command line, or the default. */
uint64_t option_number(const char *name, uint64_t otherwise);

/* ---- hypercalls ---- */
static inline long hypercall(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                             uint64_t a5)
{
    register uint64_t r10 __asm__("r10") = a4;
    register uint64_t r8 __asm__("r8") = a5;
    __asm__ volatile("call hypercall_entry"
                     : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                     :
                     : "memory", "cc");
    return (long)number;
}
#define U(x)                        ((uint64_t)(x))
#define HC_(nr, a, b, c, d, e, ...) hypercall(nr, U(a), U(b), U(c), U(d), U(e))
/* HC(number, up to five arguments) */
#define HC(nr, ...) HC_(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#define BAD_POINTER          0x1000UL             /* never mapped */
#define HV_POINTER           0xffff820000000000UL /* the hypervisor's own range */
#define NONCANONICAL_POINTER 0x8000000000000000UL

/* ---- processor ---- */
struct regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

#define FLAG_CF   0x1UL
#define FLAG_TF   0x100UL
#define FLAG_IF   0x200UL
#define FLAG_IOPL 0x3000UL
#define FLAG_NT   0x4000UL
#define FLAG_AC   0x40000UL
#define FLAG_ID   0x200000UL

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
static inline uint64_t read_flags(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return flags;
}
#define barrier()   __asm__ volatile("" ::: "memory")
#define cpu_relax() __asm__ volatile("pause" ::: "memory")

/* ---- vCPUs (vcpu.c) ---- */
struct context {
    uint64_t words[8];
};
int context_save(struct context *c) __attribute__((returns_twice));
_Noreturn void context_load(struct context *c, int value);
_Noreturn void frame_load(const struct regs *frame);

/* The last trap that a probe took: vector -1 means none. */
struct fault {
    long vector;
    uint64_t error, cr2, rip;
    unsigned int count;
    struct regs regs;
};

struct cpu {
    unsigned int id;
    struct fault fault;
    uint64_t probe_resume; /* where to go on after a fault anywhere, if not 0 */
    bool in_user;
    struct context user_caller;
    struct regs user_regs;
    uint64_t user_cr2;
    void (*work)(void *);
    void *work_argument;
    volatile unsigned int work_done, work_given;
};

struct vcpu_area {
    struct cpu cpu;
    uint8_t rest[VCPU_AREA_SIZE - sizeof(struct cpu)];
} __attribute__((aligned(VCPU_AREA_SIZE)));
#define MAX_VCPUS 4
extern struct vcpu_area vcpu_areas[MAX_VCPUS];

static inline struct cpu *this_cpu(void)
{
    uint64_t rsp;
    __asm__ volatile("mov %%rsp, %0" : "=r"(rsp));
    return (struct cpu *)(rsp & ~(uint64_t)(VCPU_AREA_SIZE - 1));
}
/* How many vCPUs this domain may have, up to MAX_VCPUS. */
unsigned int vcpus_allowed(void);
/* Brings a vCPU up (once); it then serves vcpu_run(). 0 or the hypercall's error. */
long vcpu_start(unsigned int id);
/* Has another vCPU call work(argument); vcpu_wait() waits for its end. */
void vcpu_give(unsigned int id, void (*work)(void *), void *argument);
void vcpu_wait(unsigned int id);
/* Fills a context as a new vCPU's; the caller may change it before VCPUOP_initialise. */
void vcpu_context(unsigned int id, struct vcpu_guest_context *context);

/* ---- traps (trap.c) ---- */
/* Returns true when it dealt with the trap; regs may be changed. */
typedef bool (*trap_hook)(struct regs *regs);
#define VECTORS 0x110
extern trap_hook trap_hooks[VECTORS];
extern uint64_t entry_regs[24], failsafe_selectors[4];
extern const uint64_t trap_entries[35];
void traps_init(void);
/* The framework's table, to be put back after a property registered its own. */
const struct trap_info *traps_table(void);
void callbacks_register(void);
void fault_reset(void);
/* "none" or "#PF(error) ..." of the last probe on this vCPU. Valid until eight more calls. */
const char *fault_name(void);
const char *vector_name(uint64_t vector);

void entry_event(void);
void entry_syscall(void);
void entry_syscall32(void);
void entry_sysenter(void);
void entry_nmi(void);
void entry_failsafe(void);

/*
 * Runs one instruction that may fault: PROBE("mov ...", outputs : inputs : clobbers) with the usual
 * colons. After a fault execution goes on behind it; fault_name() and this_cpu()->fault tell.
 */
#define EXTABLE(from, to) ".pushsection .ex_table, \"a\"\n.quad " from ", " to "\n.popsection\n"
#define PROBE(code, ...)                                                                           \
    do {                                                                                           \
        fault_reset();                                                                             \
        __asm__ volatile("661: " code "\n662:\n" EXTABLE("661b", "662b") __VA_ARGS__);             \
    } while (0)

/* ---- memory (mem.c) ---- */
#define PTE_P            0x1UL
#define PTE_W            0x2UL
#define PTE_U            0x4UL
#define PTE_PWT          0x8UL
#define PTE_PCD          0x10UL
#define PTE_A            0x20UL
#define PTE_D            0x40UL
#define PTE_PS           0x80UL
#define PTE_G            0x100UL
#define PTE_NX           (1UL << 63)
#define PTE_FRAME        0x000ffffffffff000UL
#define PTE_GUEST_KERNEL (1UL << 52)
#define PTE_TABLE        (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RW           (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RO           (PTE_P | PTE_U | PTE_A)

extern struct start_info *start_info;
extern struct shared_info *shared_info;
extern uint64_t *kernel_l4;

void memory_init(void);
/* A zeroed page of the kernel's own, mapped read-write; pages come back by page_put(). */
void *page_get(void);
void page_put(void *page);
uint64_t va_to_mfn(const volatile void *va);
uint64_t va_to_maddr(const volatile void *va);
/* The address of a frame of our own inside the kernel's mapping. */
void *mfn_to_va(uint64_t mfn);
uint64_t *m2p_entry(uint64_t mfn);
/* The entry that maps va in the current kernel tables at a level (1..4), or NULL. Read-only to us.
 */
uint64_t *pte_of(const void *va, unsigned int level);
/* Sets the leaf entry of va by update_va_mapping; panics when refused. */
void pte_set(const void *va, uint64_t pte);
long pte_try(const void *va, uint64_t pte, uint64_t flags);
void page_protect(const void *va);   /* our mapping becomes read-only */
void page_unprotect(const void *va); /* and read-write again */
/* One mmuext_op for ourselves; one mmu_update for ourselves. */
long mmuext(unsigned int cmd, uint64_t arg1, uint64_t arg2);
long mmu_set(uint64_t maddr, uint64_t value);
/* PTE bits without frame, accessed, dirty and global (Xen marks user pages so): what may be
 * compared. */
uint64_t pte_flags(uint64_t pte);
/* Builds unpinned tables for va under an L4 page, all pages writable; returns the L1 entry. */
uint64_t *tables_extend(uint64_t *l4, uint64_t va);
/* Makes the tables of `l4` below slot 256 read-only to us, so that they can be pinned. */
void tables_protect(uint64_t *l4);
void tables_release(uint64_t *l4);

/* ---- events (event.c) ---- */
typedef void (*event_handler)(unsigned int port);
void events_init(void);
/* The handler called for a port's upcall; NULL: count only. */
void event_handle(unsigned int port, event_handler handler);
extern volatile unsigned int event_counts[4096];
extern volatile unsigned int upcalls;
void event_upcall(struct regs *regs);
long evtchn(int cmd, void *arg);
void event_mask(unsigned int port);
void event_unmask(unsigned int port);
bool event_pending(unsigned int port);
struct vcpu_info *vcpu_info(void);
extern struct vcpu_info *vcpu_infos[MAX_VCPUS];
void upcalls_enable(void); /* delivers what is pending at once */
void upcalls_disable(void);
/* Waits with SCHEDOP_block until *word changes from was. */
void block_until(volatile unsigned int *word, unsigned int was);

/* ---- user mode (user.c) ---- */
#define USER_TEXT       0x10000000000UL
#define USER_DATA       0x10000100000UL
#define USER_DATA_PAGES 4
#define USER_STACK      (USER_DATA + USER_DATA_PAGES * PAGE_SIZE)
extern uint64_t *user_l4;
extern uint8_t *user_data; /* the kernel's own mapping of the first page at USER_DATA */
void user_init(void);
/* The user-space address of a symbol in section .user. */
uint64_t user_address(const void *symbol);
/* Runs user code until its first trap or system call; the registers then are in
 * this_cpu()->user_regs. */
void user_run(const struct regs *start);
/* Frame for user_run with flat selectors, a stack, and up to three arguments in rdi, rsi, rdx. */
struct regs user_frame(const void *entry, uint64_t a1, uint64_t a2, uint64_t a3);

/* ---- time (time.c) ---- */
/* Nanoseconds since the hypervisor booted, by vcpu_time_info and the TSC. */
uint64_t time_now(void);

/* ---- grants (grant.c) ---- */
extern struct grant_entry_v1 *grant_table;
long grants_init(void); /* maps one frame of our grant table */

_Noreturn void pvk_shutdown(unsigned int reason);

#endif
