/* Bench kernel: measuring one operation, and the guest's shortest handlers for it. */
#ifndef BENCH_H
#define BENCH_H

#include "pvk.h"

/* Runs the operation n times. */
typedef void (*bench_batch)(unsigned int n);

/*
 * Prints "bench NAME COUNT": ticks of one operation, the loop's own subtracted, least of several
 * batches (a timer interrupt falls into some). Under -icount a tick is an instruction.
 */
void bench(const char *name, bench_batch batch, unsigned int n);
void bench_print(const char *name, uint64_t ticks, unsigned int n);
/* Ticks of n rounds of an empty loop. */
uint64_t bench_loop(unsigned int n);

/* A hypercall without call and return: what a kernel that inlines SYSCALL pays. Xen changes r9. */
static inline long raw_hypercall(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
                                 uint64_t a4)
{
    register uint64_t r10 __asm__("r10") = a4;
    __asm__ volatile("syscall"
                     : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10)
                     :
                     : "rcx", "r8", "r9", "r11", "memory", "cc");
    return (long)number;
}

void bench_fault_iretq(void);
void bench_fault_hypercall(void);
void bench_syscall(void);
void bench_syscall_sysret(void);
void bench_event(void);
void bench_touch(unsigned int n, const void *unmapped);
extern uint64_t bench_event_tsc, *bench_event_word;
extern struct vcpu_info *bench_vcpu_info;
extern const uint8_t bench_user_syscalls[], bench_user_touches[], bench_user_loop[];

/* Replaces the handler of one exception; NULL puts the framework's back. */
void bench_trap(uint8_t vector, void (*entry)(void));
void bench_callback(unsigned int type, void (*entry)(void));
#define must(rc) bench_must((rc), #rc)
void bench_must(long rc, const char *what);

#endif
