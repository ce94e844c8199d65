/*
 * What one operation on a xenstore daemon costs, by the socket: whichever daemon runs.
 *
 * Each line: BENCH name, cost of one operation seen by the client, the daemon's own processor time
 * of it, both in ns. With QEMU's -icount shift=0 a ns is an instruction. Trees of 10 and of 1,000
 * guests are built first; an operation's cost must not depend on their number.
 *
 * usage: xenstore_bench PID-OF-DAEMON [OPERATIONS]
 */
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

static char daemon_stat[64];
enum { ROUNDS = 4 };
static long operations = 500; /* of a round */
static int watchers[32];

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/var/run/xenstored/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))) {
        perror("connect");
        exit(1);
    }
    return fd;
}

static void get(int fd, void *to, size_t len)
{
    if (len && recv(fd, to, len, MSG_WAITALL) != (ssize_t)len) {
        perror("recv");
        exit(1);
    }
}

static char answer[XENSTORE_PAYLOAD_MAX + 1];

static uint32_t hear(int fd)
{
    struct xsd_sockmsg h;
    get(fd, &h, sizeof(h));
    get(fd, answer, h.len);
    answer[h.len] = 0;
    return h.type;
}

static uint32_t ask(int fd, uint32_t type, uint32_t tx, const void *data, size_t len)
{
    char msg[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg h = {.type = type, .tx_id = tx, .len = (uint32_t)len};
    memcpy(msg, &h, sizeof(h));
    memcpy(msg + sizeof(h), data, len);
    if (send(fd, msg, sizeof(h) + len, 0) != (ssize_t)(sizeof(h) + len)) {
        perror("send");
        exit(1);
    }
    uint32_t got;
    while ((got = hear(fd)) == XS_WATCH_EVENT)
        ;
    if (got != type) {
        fprintf(stderr, "request %u: %s\n", type, answer);
        exit(1);
    }
    return got;
}

static void write_node(int fd, const char *path, const char *value)
{
    char data[256];
    size_t n = strlen(path) + 1, m = strlen(value);
    memcpy(data, path, n);
    memcpy(data + n, value, m);
    ask(fd, XS_WRITE, 0, data, n + m);
}

/* --- operations ------------------------------------------------------------------------------ */

static const char node[] = "/local/domain/3/device/vif/0/state";
static const char dir[] = "/local/domain/3/device/vif/0";

static void op_read(int fd)
{
    ask(fd, XS_READ, 0, node, sizeof(node));
}

static void op_write(int fd)
{
    write_node(fd, node, "4");
}

static void op_directory(int fd)
{
    ask(fd, XS_DIRECTORY, 0, dir, sizeof(dir));
}

static void op_transaction(int fd)
{
    char data[64];
    ask(fd, XS_TRANSACTION_START, 0, "", 1);
    uint32_t tx = (uint32_t)atoi(answer);
    ask(fd, XS_READ, tx, node, sizeof(node));
    memcpy(data, node, sizeof(node));
    data[sizeof(node)] = '5';
    ask(fd, XS_WRITE, tx, data, sizeof(node) + 1);
    ask(fd, XS_TRANSACTION_END, tx, "T", 2);
}

static void op_fan_out(int fd)
{
    write_node(fd, "/fan/x", "1");
    for (size_t i = 0; i < sizeof(watchers) / sizeof(watchers[0]); i++)
        if (hear(watchers[i]) != XS_WATCH_EVENT)
            exit(1);
}

static void op_make_remove(int fd)
{
    write_node(fd, "/local/domain/3/data/new", "1");
    ask(fd, XS_RM, 0, "/local/domain/3/data/new", 25);
}

/* --- measuring ------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double daemon_time(void)
{
    double ns = 0;
    FILE *f = fopen(daemon_stat, "r");
    if (!f || fscanf(f, "%lf", &ns) != 1)
        ns = 0;
    if (f)
        fclose(f);
    return ns;
}

/* The least of ROUNDS: a tick or another process's turn may fall into one. */
static void measure(int fd, const char *name, int guests, void (*op)(int fd))
{
    double least = 0, least_daemon = 0;
    for (int i = 0; i < 5; i++)
        op(fd);
    for (int round = 0; round < ROUNDS; round++) {
        double d = daemon_time(), t = now();
        for (long i = 0; i < operations; i++)
            op(fd);
        t = (now() - t) / (double)operations;
        d = (daemon_time() - d) / (double)operations;
        if (!round || t < least)
            least = t;
        if (!round || d < least_daemon)
            least_daemon = d;
    }
    printf("BENCH %s-%d %.0f %.0f\n", name, guests, least, least_daemon);
}

static void make_guests(int fd, int from, int to)
{
    static const char *const names[] = {"name",
                                        "memory/target",
                                        "control/shutdown",
                                        "device/vbd/51712/state",
                                        "device/vif/0/state",
                                        "device/vif/0/mac",
                                        "device/vif/0/backend",
                                        "console/ring-ref",
                                        "store/port",
                                        "vm"};
    char path[128], perm[64];
    for (int i = from; i < to; i++) {
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            snprintf(path, sizeof(path), "/local/domain/%d/%s", i, names[k]);
            write_node(fd, path, "some value");
        }
        int n = snprintf(perm, sizeof(perm), "/local/domain/%d%cn0%cr0", i, 0, 0);
        ask(fd, XS_SET_PERMS, 0, perm, (size_t)n + 1);
        snprintf(path, sizeof(path), "/local/domain/%d/device%ctoken", i, 0);
        ask(fd, XS_WATCH, 0, path, strlen(path) + 7);
    }
}

/*
 * SCHED_FIFO: the daemon runs as soon as it is asked. Left to the fair scheduler it does so at
 * times only, and where the client sleeps first an operation costs a sixth more. The fan-out is
 * left to the fair scheduler, as in life: its cost does not jump.
 */
static void schedule(const char *daemon, int policy)
{
    struct sched_param p = {.sched_priority = policy == SCHED_FIFO};
    if (sched_setscheduler(atoi(daemon), policy, &p))
        perror("sched_setscheduler");
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (argc > 2)
        operations = atol(argv[2]);
    snprintf(daemon_stat, sizeof(daemon_stat), "/proc/%s/schedstat", argv[1]);
    int fd = dial(), others = dial(), done = 1;
    static const int sizes[] = {10, 1000};
    for (size_t i = 0; i < sizeof(watchers) / sizeof(watchers[0]); i++) {
        watchers[i] = dial();
        ask(watchers[i], XS_WATCH, 0, "/fan\0t", 7);
        hear(watchers[i]);
    }
    make_guests(others, done, sizes[0] + 1);
    done = sizes[0] + 1;
    for (int i = 0; i < 1000; i++)
        op_read(fd);
    for (int k = 0; k < 2; k++) {
        make_guests(others, done, sizes[k] + 1);
        done = sizes[k] + 1;
        schedule(argv[1], SCHED_FIFO);
        measure(fd, "read", sizes[k], op_read);
        measure(fd, "write", sizes[k], op_write);
        measure(fd, "directory", sizes[k], op_directory);
        measure(fd, "make-remove", sizes[k], op_make_remove);
        measure(fd, "transaction", sizes[k], op_transaction);
        schedule(argv[1], SCHED_OTHER);
        measure(fd, "fan-out-32", sizes[k], op_fan_out);
    }
    return 0;
}
