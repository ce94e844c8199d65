/*
 * xenstored-lite: gather resources with privilege, give it up, then serve.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "dkit/confine.h"
#include "dkit/daemon.h"
#include "dkit/log.h"
#include "io/daemon.h"
#include "io/options.h"
#include "io/state.h"
#include "io/xen.h"
#include "wire/host.h"

struct daemon d;

/* Beside what every daemon may: clients come by socket, the state file grows, daemon_ready(). */
static const int more[] = {SCMP_SYS(accept4), SCMP_SYS(pread64),  SCMP_SYS(pwrite64),
                           SCMP_SYS(mlock),   SCMP_SYS(munlock),  SCMP_SYS(fallocate),
                           SCMP_SYS(dup2),    SCMP_SYS(ftruncate)};

static void start_store(const struct options *o)
{
    uint64_t secret;
    bool found = false;
    daemon_must(getrandom(&secret, sizeof(secret), 0) == (ssize_t)sizeof(secret) ? 0 : -errno,
                "random numbers");
    path_seed(secret);
    daemon_must(xs_init(&d.xs), "the store");
    if (o->state_dir) {
        daemon_must(state_open(o->state_dir, o->journal), o->state_dir);
        daemon_must(state_load(&d.xs, &found), "the state file");
    }
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        if (!found || o->quota_given[i])
            d.xs.quota.max[i] = o->quota.max[i];
    if (found)
        log_line("going on with %u nodes, %u watches", d.xs.st.nodes, d.xs.watches.watches);
}

static void start_domains(void)
{
    const char *what = "";
    int rc = xen_open(&what);
    daemon_must(rc, what);
    ring_restore();
    rc = ring_start(&what);
    daemon_must(rc, what);
}

static void start_trace(const char *file)
{
    int rc = file ? host_log_file(file) : 0;
    if (rc)
        log_line("trace file %s: %s", file, strerror(-rc));
}

int main(int argc, char **argv)
{
    struct options o;
    options_parse(&o, argc, argv);
    if (!o.no_fork)
        daemon_background();
    daemon_must(log_open("xenstored-lite", o.no_fork ? "-" : NULL), "log");
    start_trace(o.trace_file);
    daemon_many_files();
    d.no_domains = o.no_domains;
    d.xs.trace = false;
    daemon_must(loop_open(), "epoll");
    daemon_must(daemon_signals(), "signals");
    start_store(&o);
    d.xs.trace = o.trace_file != NULL;
    if (!d.no_domains)
        start_domains();
    daemon_must(sock_listen(o.socket), o.socket);
    daemon_pid_file(o.pid_file);
    if (o.print_pid) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
    }
    if (!o.no_confine)
        daemon_must(confine_alone(more, ARRAY_SIZE(more)), "confinement");
    daemon_ready();
    ring_catch_up();
    turn_later();
    loop_run();
    return 0;
}
