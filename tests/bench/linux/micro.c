/*
 * What stock Linux pays for what its programs do most: one line "bench linux_NAME COUNT" each.
 * Under QEMU's -icount a nanosecond of the clock is an instruction, so that the counts are of
 * instructions, kernel's and hypervisor's included. usage: micro [PREFIX] (default: linux)
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BIG (1u << 20) /* bytes of the mappings: 256 pages */

static const char *self;
static int to_child[2], from_child[2];
static char *area;

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void getpid_once(void)
{
    syscall(SYS_getpid);
}

static void wait_for(pid_t child)
{
    int status;

    must(child > 0, "fork");
    must(waitpid(child, &status, 0) == child && !status, "a child's end");
}

static void fork_once(void)
{
    pid_t child = fork();

    if (!child)
        _exit(0);
    wait_for(child);
}

static void exec_once(void)
{
    pid_t child = fork();

    if (!child) {
        execl(self, self, "-", (char *)NULL);
        _exit(1);
    }
    wait_for(child);
}

static void pipe_once(void)
{
    char c = 'x';

    must(write(to_child[1], &c, 1) == 1 && read(from_child[0], &c, 1) == 1, "pipe");
}

static void mmap_once(void)
{
    char *p = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(p != MAP_FAILED, "mmap");
    for (unsigned int i = 0; i < BIG; i += 4096)
        *(volatile char *)(p + i) = 1;
    munmap(p, BIG);
}

static void mprotect_once(void)
{
    must(!mprotect(area, BIG, PROT_READ), "mprotect");
    must(!mprotect(area, BIG, PROT_READ | PROT_WRITE), "mprotect");
    for (unsigned int i = 0; i < BIG; i += 4096)
        *(volatile char *)(area + i) = 2;
}

/* The least of several runs: what interrupts and daemons add differs. */
static void bench(const char *prefix, const char *name, void (*once)(void), unsigned int n)
{
    uint64_t least = UINT64_MAX;

    for (unsigned int run = 0; run < 7; run++) {
        uint64_t from = now(), took;

        for (unsigned int i = 0; i < n; i++)
            once();
        took = (now() - from) / n;
        if (took < least)
            least = took;
    }
    printf("bench %s_%s %lu\n", prefix, name, (unsigned long)least);
    fflush(stdout);
}

static void echo_child(void)
{
    char c;

    must(!pipe(to_child) && !pipe(from_child), "pipe");
    if (fork())
        return;
    close(to_child[1]);
    while (read(to_child[0], &c, 1) == 1)
        must(write(from_child[1], &c, 1) == 1, "pipe");
    _exit(0);
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "linux";

    if (!strcmp(prefix, "-"))
        return 0; /* what exec starts */
    self = argv[0];
    area = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(area != MAP_FAILED, "mmap");
    memset(area, 1, BIG);
    bench(prefix, "getpid", getpid_once, 1000);
    bench(prefix, "fork", fork_once, 10);
    bench(prefix, "exec", exec_once, 10);
    echo_child();
    bench(prefix, "pipe_round_trip", pipe_once, 100);
    bench(prefix, "mmap_touch_256_pages", mmap_once, 5);
    bench(prefix, "mprotect_256_pages", mprotect_once, 5);
    return 0;
}
