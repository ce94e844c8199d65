/* The machine that native tests of the core run on; tests script and inspect it through this. */
#ifndef TESTS_PORT_FAKE_H
#define TESTS_PORT_FAKE_H

#include "port/clock.h"
#include "port/frame.h"
#include "port/guestmem.h"
#include "port/kick.h"
#include "port/lock.h"
#include "port/stop.h"

/* --- time and CPUs --- */
extern ns_t fake_now;                /* what now() says */
extern ns_t fake_armed[64];          /* by clock_arm(), per CPU */
extern cpumask_t fake_resched;       /* CPUs that cpu_resched() has asked; tests clear bits */
extern unsigned int fake_kicks;      /* calls of cpu_kick_vcpu() */
extern unsigned int fake_preempt_in; /* preempt_wanted() says yes at the n-th call; 0: never */

/* --- machine memory --- */
/* frames of RAM, all zero; frame 0 is not used. Twice: starts again. */
void fake_ram_init(uint64_t frames);
/* hv_page_alloc() fails at its n-th call from now on (1: the next); 0: never. */
extern unsigned int fake_page_fail_in;
extern unsigned int fake_pages_out; /* pages not given back */

/* --- guest memory --- */
#define FAKE_GUEST_VA    0x10000000UL
#define FAKE_GUEST_BYTES 0x40000UL
extern uint8_t fake_guest[FAKE_GUEST_BYTES];
extern bool fake_two_faced;
void fake_guest_call(void); /* a new hypercall: every byte may be read once again */

/* --- assertions of tests --- */
#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #x);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        long long check_a = (long long)(a), check_b = (long long)(b);                              \
        if (check_a != check_b) {                                                                  \
            fprintf(stderr, "%s:%d: %s is %lld, not %s = %lld\n", __FILE__, __LINE__, #a, check_a, \
                    #b, check_b);                                                                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A seeded random walk: same seed, same numbers. */
extern uint64_t fake_seed;
uint64_t fake_random(void);
static inline uint32_t fake_below(uint32_t n)
{
    return (uint32_t)(fake_random() >> 16) % n;
}

#endif
