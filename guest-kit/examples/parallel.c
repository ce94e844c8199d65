/*
 * parallel: work on several vCPUs, and whether all of it is right.
 *
 *   vcpus=N     how many to ask for (8)          rounds=N    of all that follows, at least 4 (4)
 *   ms=N        pause between rounds (20)
 *
 * The first rounds have 1, 2, 4 and 8 vCPUs, as far as there are so many. Each round: one thread a
 * vCPU meets all others while none of them gives way, which takes all vCPUs at once; then they sum
 * up a buffer in pieces that they take from a heap under a mutex; pass tokens around by semaphores
 * and a condition; use the heap and timers all at the same time; and visit each vCPU by name. Ends
 * with code 0 if every result was right.
 */
#include <gk/err.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/suspend.h>
#include <gk/time.h>
#include <gk/vcpu.h>

#define BYTES  (1UL << 20)
#define PIECE  (16UL << 10)
#define PASSES 200U

static unsigned int vcpus, faults;

static void fault(const char *what, unsigned long have, unsigned long want)
{
    gk_printf("parallel: %s: %lu, not %lu\n", what, have, want);
    __atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
}

static void same(const char *what, unsigned long have, unsigned long want)
{
    if (have != want)
        fault(what, have, want);
}

/* One thread a vCPU, all apart; returns when the last has ended. The argument is its number. */
static void everywhere(void (*run)(void *number))
{
    struct gk_thread *thread[GK_VCPUS_MAX];

    for (unsigned int i = 0; i < vcpus; i++) {
        thread[i] = gk_thread_create_apart("worker", run, (void *)(uintptr_t)i, GK_STACK_DEFAULT);
        if (!thread[i])
            gk_panic("no memory for a thread");
    }
    for (unsigned int i = 0; i < vcpus; i++)
        gk_thread_join(thread[i]);
}

/* --- all at once --- */

static unsigned int arrived, seen;

static void meet(void *number)
{
    (void)number;
    __atomic_or_fetch(&seen, 1U << gk_vcpu_self(), __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < vcpus)
        __builtin_ia32_pause();
}

/* --- a sum, piece by piece --- */

static uint8_t *buffer;
static struct gk_mutex mutex;
static size_t next_piece;
static uint64_t total;

static uint64_t sum(size_t from, size_t to)
{
    uint64_t s = 0;

    for (size_t i = from; i < to; i++)
        s += (s << 5 ^ buffer[i]) * (i + 1);
    return s;
}

static void sum_pieces(void *number)
{
    (void)number;
    for (;;) {
        gk_mutex_lock(&mutex);
        size_t from = next_piece;
        next_piece += PIECE;
        gk_mutex_unlock(&mutex);
        if (from >= BYTES)
            return;
        uint64_t s = sum(from, from + PIECE);
        gk_mutex_lock(&mutex);
        total += s;
        gk_mutex_unlock(&mutex);
    }
}

/* --- tokens: each thread waits for its own semaphore and ups the next one's --- */

static struct gk_sem token[GK_VCPUS_MAX];
static struct gk_cond all_here;
static unsigned int here, passed;

static void pass(void *number)
{
    unsigned int self = (unsigned int)(uintptr_t)number;

    gk_mutex_lock(&mutex);
    if (++here == vcpus)
        gk_cond_broadcast(&all_here);
    while (here < vcpus)
        gk_cond_wait(&all_here, &mutex, GK_FOREVER);
    gk_mutex_unlock(&mutex);
    for (unsigned int i = 0; i < PASSES; i++) {
        if (!gk_sem_down(&token[self], gk_time_mono() + 600 * GK_S))
            fault("a token's wait", i, PASSES);
        passed++; /* only who has the token is here */
        gk_sem_up(&token[(self + 1) % vcpus]);
    }
}

/* --- the heap, timers, every vCPU by name --- */

static void allocate(void *number)
{
    uint8_t fill = (uint8_t)(uintptr_t)number;
    uint8_t *block[16] = {NULL};

    for (unsigned int i = 0; i < 400; i++) {
        uint8_t **b = &block[i * 7 % 16];
        size_t size = 16 + i * 37 % 3000;
        if (*b && (*b)[0] != fill)
            fault("a block's byte", (*b)[0], fill);
        gk_free(*b);
        *b = gk_alloc(size);
        if (*b)
            (*b)[0] = fill;
    }
    for (unsigned int i = 0; i < 16; i++)
        gk_free(block[i]);
    for (unsigned int i = 0; i < 3; i++) {
        uint64_t deadline = gk_time_mono() + GK_MS * (1 + fill);
        gk_sleep_until(deadline);
        if (gk_time_mono() < deadline)
            fault("a sleep ends early, ns", gk_time_mono(), deadline);
    }
}

static void visit(void *number)
{
    unsigned int at = (unsigned int)(uintptr_t)number;

    for (unsigned int i = 0; i < vcpus; i++, at = (at + 1) % vcpus) {
        same("gk_vcpu_pin", (unsigned long)gk_vcpu_pin((int)at), 0);
        same("the vCPU pinned to", gk_vcpu_self(), at);
        gk_yield();
        same("the vCPU pinned to, later", gk_vcpu_self(), at);
    }
    gk_vcpu_pin(GK_VCPU_ANY);
}

static void round_run(unsigned int number, uint64_t want)
{
    arrived = seen = here = passed = 0;
    next_piece = total = 0;
    everywhere(meet);
    same("vCPUs that ran at once, as a mask", seen, (1UL << vcpus) - 1);
    everywhere(sum_pieces);
    same("the sum", total, want);
    token[0].count = 1;
    everywhere(pass);
    same("tokens passed", passed, vcpus * PASSES);
    token[0].count = 0;
    everywhere(allocate);
    everywhere(visit);
    gk_printf("parallel: round %u: %u vCPUs, mask %x, sum %lx, %u passes, %u faults\n", number,
              vcpus, seen, total, passed, faults);
}

/* Returns how many vCPUs run. */
static unsigned int more(unsigned int wanted)
{
    int rc = gk_vcpu_start(wanted);

    if (rc < 0)
        gk_panic("gk_vcpu_start: %s", gk_err_name(rc));
    return (unsigned int)rc;
}

static void resumed(void *unused, bool cancelled)
{
    (void)unused;
    gk_printf("parallel: %s\n", cancelled ? "stayed here" : "woke up elsewhere");
}

int main(void)
{
    static struct gk_suspend_hook hook = {.resume = resumed};
    uint64_t want = 0;
    unsigned int rounds = (unsigned int)gk_option_u64("rounds", 4);
    unsigned int most = (unsigned int)gk_option_u64("vcpus", GK_VCPUS_MAX);

    gk_suspend_register(&hook);
    buffer = gk_alloc(BYTES);
    if (!buffer)
        gk_panic("no memory");
    for (size_t i = 0; i < BYTES; i++)
        buffer[i] = (uint8_t)(i * 2654435761U >> 13);
    for (size_t i = 0; i < BYTES; i += PIECE)
        want += sum(i, i + PIECE);
    for (unsigned int i = 1; i <= rounds; i++) {
        unsigned int wanted = i <= 4 ? 1U << (i - 1) : most;
        vcpus = more(wanted < most ? wanted : most);
        round_run(i, want);
        gk_sleep(GK_MS * gk_option_u64("ms", 20));
    }
    gk_printf("parallel: done, %u faults\n", faults);
    return faults != 0;
}
