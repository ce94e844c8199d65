/* The fake machine of native tests. */
#include "fake.h"

#include <stdarg.h>
#include <string.h>

#include "abi/abi.h"
#include "core/frame/page.h"
#include "port/log.h"

_Thread_local unsigned int fake_cpu;
_Thread_local uint32_t fake_ranks;
_Thread_local unsigned int fake_locks;
_Thread_local struct vcpu *fake_current;

ns_t fake_now;
ns_t fake_armed[64];
cpumask_t fake_resched;
unsigned int fake_kicks;
unsigned int fake_preempt_in;
cpumask_t cpus_online = 1;

ns_t now(void)
{
    return fake_now;
}

void clock_arm(ns_t deadline)
{
    fake_armed[fake_cpu] = deadline;
}

bool preempt_wanted(void)
{
    CHECK(fake_locks == 0);
    return fake_preempt_in && --fake_preempt_in == 0;
}

unsigned int cpu_id(void)
{
    return fake_cpu;
}

void cpu_resched(unsigned int cpu)
{
    __atomic_fetch_or(&fake_resched, (cpumask_t)1 << cpu, __ATOMIC_RELAXED);
}

void cpu_kick_vcpu(struct vcpu *v)
{
    (void)v;
    __atomic_fetch_add(&fake_kicks, 1, __ATOMIC_RELAXED);
}

void tlb_serve(void)
{
}

/* --- RAM
 * ------------------------------------------------------------------------------------------ */

uint8_t *fake_ram;
uint64_t fake_ram_frames;
uint64_t *fake_m2p;
unsigned int fake_page_fail_in;
unsigned int fake_pages_out;
static uint8_t *page_used;

void fake_ram_init(uint64_t frames)
{
    free(fake_ram);
    free(fake_m2p);
    free(page_used);
    fake_ram = aligned_alloc(FRAME_SIZE, frames * FRAME_SIZE);
    fake_m2p = calloc(frames, sizeof(*fake_m2p));
    page_used = calloc(frames, 1);
    CHECK(fake_ram && fake_m2p && page_used);
    memset(fake_ram, 0, frames * FRAME_SIZE);
    fake_ram_frames = frames;
    fake_pages_out = 0;
}

/* Weak: tests of core/frame bring the real ones. */
__attribute__((weak)) void *hv_page_alloc(void)
{
    static uint64_t next;

    if (fake_page_fail_in && --fake_page_fail_in == 0)
        return NULL;
    for (uint64_t i = 1; i < fake_ram_frames; i++) {
        uint64_t n = 1 + (next + i) % (fake_ram_frames - 1);
        if (page_used[n])
            continue;
        page_used[n] = 1;
        next = n;
        fake_pages_out++;
        return memset(mfn_ptr(mfn(n)), 0, FRAME_SIZE);
    }
    return NULL;
}

__attribute__((weak)) void hv_page_free(void *page)
{
    if (!page)
        return;
    uint64_t n = ptr_mfn(page).n;
    CHECK(n > 0 && n < fake_ram_frames && page_used[n]);
    page_used[n] = 0;
    fake_pages_out--;
    memset(page, 0xdb, FRAME_SIZE);
}

/* --- guest memory
 * --------------------------------------------------------------------------------- */

uint8_t fake_guest[FAKE_GUEST_BYTES];
static uint8_t guest_seen[FAKE_GUEST_BYTES];
bool fake_two_faced;

void fake_guest_call(void)
{
    memset(guest_seen, 0, sizeof(guest_seen));
}

static bool in_guest(uint64_t va, size_t len)
{
    return va >= FAKE_GUEST_VA && len <= FAKE_GUEST_BYTES &&
           va - FAKE_GUEST_VA <= FAKE_GUEST_BYTES - len;
}

int guest_read(void *to, uint64_t va, size_t len)
{
    uint8_t *out = to;

    if (!in_guest(va, len))
        return -XEN_EFAULT;
    for (size_t i = 0; i < len; i++) {
        uint64_t at = va - FAKE_GUEST_VA + i;
        out[i] = fake_guest[at];
        if (fake_two_faced && guest_seen[at])
            out[i] = (uint8_t)~out[i];
        guest_seen[at] = 1;
    }
    return 0;
}

int guest_write(uint64_t va, const void *from, size_t len)
{
    if (!in_guest(va, len))
        return -XEN_EFAULT;
    memcpy(&fake_guest[va - FAKE_GUEST_VA], from, len);
    return 0;
}

int guest_read32(uint32_t *to, uint64_t va)
{
    return guest_read(to, va, sizeof(*to));
}

int guest_read64(uint64_t *to, uint64_t va)
{
    return guest_read(to, va, sizeof(*to));
}

int guest_write16(uint64_t va, uint16_t value)
{
    return guest_write(va, &value, sizeof(value));
}

int guest_write64(uint64_t va, uint64_t value)
{
    return guest_write(va, &value, sizeof(value));
}

/* --- log, stop
 * ------------------------------------------------------------------------------------- */

void log_at(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    if (level > LOG_WARN && !getenv("TEST_LOG"))
        return;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

void log_guest(const struct domain *d, enum log_level level, const char *fmt, ...)
{
    va_list ap;

    (void)d, (void)level;
    if (!getenv("TEST_LOG"))
        return;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

_Noreturn void stop(const char *why)
{
    fprintf(stderr, "stop: %s\n", why);
    abort();
}

uint64_t fake_seed = 1;

uint64_t fake_random(void)
{
    /* xorshift64* */
    fake_seed ^= fake_seed >> 12;
    fake_seed ^= fake_seed << 25;
    fake_seed ^= fake_seed >> 27;
    return fake_seed * 0x2545f4914f6cdd1dULL;
}
