/*
 * count: a plugin of QEMU that counts the instructions which a guest of the kit executes itself on
 * its way from one place to the next. Only code between the guest-kit's addresses is looked at,
 * where nothing of dom0 lies, so that the machine runs at its usual speed.
 *
 * -plugin FILE,out=RESULTS,path=FROM-VIA-...-TO[,path=...]: hexadecimal addresses of blocks'
 * beginnings. The paths are gone one after another; for each its count is a line of RESULTS. At
 * FROM counting begins, and begins again. A block of code counts whole, also where it is left
 * half-way.
 *
 * No package has the header of this interface, so what is used of it is declared here (version 1 of
 * it, which QEMU 5.1 to 8 take).
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

struct qemu_plugin_tb;
typedef void (*block_fn)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*run_fn)(unsigned int cpu, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, block_fn translated);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, run_fn run, int registers,
                                          void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
SHOWN extern int qemu_plugin_version;
SHOWN int qemu_plugin_install(uint64_t id, const void *qemu, int argc, char **argv);

int qemu_plugin_version = 1;

enum { NO_REGISTERS = 0, PATHS = 4, PLACES = 8 };
#define LOW  UINT64_C(0x40000000)
#define HIGH UINT64_C(0x41000000)

static struct path {
    uint64_t place[PLACES];
    int places;
} paths[PATHS];
static int n_paths, now; /* the path under way */
static int reached;      /* of its places */
static uint64_t count;
static FILE *out;

/* What a block needs is in the pointer itself: where it begins, above LOW, and how long it is. */
static void *pack(uint64_t at, size_t n)
{
    return (void *)(uintptr_t)((at - LOW) << 16 | n);
}

static void run(unsigned int cpu, void *data)
{
    uint64_t at = ((uintptr_t)data >> 16) + LOW, n = (uintptr_t)data & 0xffff;
    const struct path *p = &paths[now];

    (void)cpu;
    if (now == n_paths)
        return;
    if (at == p->place[0]) {
        count = 0;
        reached = 1;
    }
    if (!reached)
        return;
    count += n;
    if (at != p->place[reached] || ++reached < p->places)
        return;
    fprintf(out, "%" PRIu64 "\n", count);
    fflush(out);
    now++;
    reached = 0;
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    uint64_t at = qemu_plugin_tb_vaddr(block);

    (void)id;
    if (at >= LOW && at < HIGH)
        qemu_plugin_register_vcpu_tb_exec_cb(block, run, NO_REGISTERS,
                                             pack(at, qemu_plugin_tb_n_insns(block)));
}

static int read_path(char *s)
{
    struct path *p = &paths[n_paths++];

    if (n_paths > PATHS)
        return -1;
    for (char *one = strtok(s, "-"); one; one = strtok(NULL, "-")) {
        if (p->places == PLACES)
            return -1;
        p->place[p->places++] = strtoull(one, NULL, 16);
    }
    return p->places > 1 ? 0 : -1;
}

int qemu_plugin_install(uint64_t id, const void *qemu, int argc, char **argv)
{
    int rc = 0;

    (void)qemu;
    for (int i = 0; i < argc && !rc; i++)
        if (!strncmp(argv[i], "path=", 5))
            rc = read_path(argv[i] + 5);
        else if (!strncmp(argv[i], "out=", 4))
            out = fopen(argv[i] + 4, "w");
        else
            rc = -1;
    if (rc || !out || !n_paths) {
        fprintf(stderr, "count: out=FILE and path=FROM-TO... are wanted\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
