/*
 * xenstored-lite: gather resources with privilege, give it up, then serve.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/daemon.h"
#include "io/options.h"
#include "io/state.h"
#include "io/xen.h"
#include "store/log.h"

struct daemon d;
static struct source signals;
static int ready_pipe = -1; /* the waiting parent reads one byte when we serve */

static _Noreturn void fail(const char *what, int rc)
{
    log_line("%s: %s", what, strerror(-rc));
    exit(1);
}

static void must(int rc, const char *what)
{
    if (rc < 0)
        fail(what, rc);
}

/* The parent ends when the child serves, so that an init script may go on; or when it dies. */
static void go_to_background(void)
{
    int p[2];
    char byte;
    must(pipe2(p, O_CLOEXEC) ? -errno : 0, "pipe");
    pid_t pid = fork();
    must(pid < 0 ? -errno : 0, "fork");
    if (pid) {
        close(p[1]);
        _exit(read(p[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(p[0]);
    ready_pipe = p[1];
    setsid();
    if (chdir("/"))
        log_line("chdir: %s", strerror(errno));
}

static void detach_output(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3 && fd >= 0; i++)
        dup2(fd, i);
}

static void write_pid(const struct options *o)
{
    if (o->print_pid) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
    }
    if (!o->pid_file)
        return;
    FILE *f = fopen(o->pid_file, "we");
    if (!f || fprintf(f, "%d\n", (int)getpid()) < 0 || fclose(f))
        log_line("pid file %s: %s", o->pid_file, strerror(errno));
}

static void signal_ready(struct source *s, uint32_t events)
{
    struct signalfd_siginfo info;
    (void)events;
    if (read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        log_line("signal %u: end; a new daemon goes on from here", info.ssi_signo);
        d.stop = true;
    }
}

static void take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signals = (struct source){.ready = signal_ready,
                              .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
    must(signals.fd < 0 ? -errno : loop_add(&signals, EPOLLIN), "signals");
}

static void allow_many_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return;
    r.rlim_cur = r.rlim_max = r.rlim_max < 65536 ? 65536 : r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r) && !getrlimit(RLIMIT_NOFILE, &r)) {
        r.rlim_cur = r.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &r))
            log_line("cannot raise the number of files: %s", strerror(errno));
    }
}

static void start_store(const struct options *o)
{
    uint64_t secret;
    bool found = false;
    must(getrandom(&secret, sizeof(secret), 0) == (ssize_t)sizeof(secret) ? 0 : -errno,
         "random numbers");
    path_seed(secret);
    must(xs_init(&d.xs), "the store");
    if (o->state_dir) {
        must(state_open(o->state_dir, o->journal), o->state_dir);
        must(state_load(&d.xs, &found), "the state file");
    }
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        if (!found || o->quota_given[i])
            d.xs.quota.max[i] = o->quota.max[i];
    if (found)
        log_line("going on with %u nodes, %u watches", d.xs.st.nodes, d.xs.watches.watches);
}

int main(int argc, char **argv)
{
    struct options o;
    const char *what = "";
    options_parse(&o, argc, argv);
    if (!o.no_fork)
        go_to_background();
    log_open(o.no_fork, o.trace_file);
    allow_many_files();
    d.no_domains = o.no_domains;
    d.xs.trace = false;
    d.epoll = epoll_create1(EPOLL_CLOEXEC);
    must(d.epoll < 0 ? -errno : 0, "epoll");
    take_signals();
    start_store(&o);
    d.xs.trace = o.trace_file != NULL;
    if (!d.no_domains) {
        int rc = xen_open(&what);
        must(rc, what);
        ring_restore();
        rc = ring_start(&what);
        must(rc, what);
    }
    must(sock_listen(o.socket), o.socket);
    write_pid(&o);
    if (!o.no_fork)
        detach_output();
    if (!o.no_confine)
        must(confine(), "confinement");
    if (ready_pipe >= 0 && write(ready_pipe, "", 1) == 1)
        close(ready_pipe);
    ring_catch_up();
    loop_run();
    return 0;
}
