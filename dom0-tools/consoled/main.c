/* argon-consoled: keeps every guest's console (docs/man/argon-consoled.8). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "consoled/client.h"
#include "consoled/console.h"
#include "consoled/guard.h"
#include "consoled/slot.h"
#include "dkit/daemon.h"
#include "dkit/gnt.h"

struct options {
    const char *log_dir, *log, *run_dir, *pid_file;
    unsigned long log_size, log_keep;
    bool foreground, no_pty;
};

static void usage(FILE *to)
{
    fputs("usage: argon-consoled [options]\n"
          "  -F, --foreground        stay in the foreground, log to stderr\n"
          "  -d, --log-dir DIR       guests' logs (/var/log/xen)\n"
          "  -s, --log-size KIB      turn a log over at this size (1024)\n"
          "  -k, --log-keep N        old logs kept of each guest (4)\n"
          "  -l, --log FILE          the daemon's own log (syslog; - is stderr)\n"
          "  -r, --run-dir DIR       socket and positions (/run/xen)\n"
          "  -p, --pid-file FILE\n"
          "  -P, --no-pty            no ptys for `xl console`\n",
          to);
}

/* A number of 1 (0 if so said) to max, or the end. */
static unsigned long number(const char *text, unsigned long min, unsigned long max)
{
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);
    if (*text >= '0' && *text <= '9' && !*rest && n >= min && n <= max)
        return n;
    fprintf(stderr, "argon-consoled: '%s' is not a number from %lu to %lu\n", text, min, max);
    exit(2);
}

static void read_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"foreground", no_argument, NULL, 'F'},     {"log-dir", required_argument, NULL, 'd'},
        {"log-size", required_argument, NULL, 's'}, {"log-keep", required_argument, NULL, 'k'},
        {"log", required_argument, NULL, 'l'},      {"run-dir", required_argument, NULL, 'r'},
        {"pid-file", required_argument, NULL, 'p'}, {"no-pty", no_argument, NULL, 'P'},
        {"help", no_argument, NULL, 'h'},           {0}};
    int c;
    while ((c = getopt_long(argc, argv, "Fd:s:k:l:r:p:Ph", longs, NULL)) != -1) {
        switch (c) {
        case 'F':
            o->foreground = true;
            break;
        case 'd':
            o->log_dir = optarg;
            break;
        case 's':
            o->log_size = number(optarg, 4, 1u << 20);
            break;
        case 'k':
            o->log_keep = number(optarg, 0, 99);
            break;
        case 'l':
            o->log = optarg;
            break;
        case 'r':
            o->run_dir = optarg;
            break;
        case 'p':
            o->pid_file = optarg;
            break;
        case 'P':
            o->no_pty = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
}

static void must(int rc, const char *what)
{
    if (!rc)
        return;
    log_line("%s: %s", what, rc == -EBUSY ? "another argon-consoled is running" : strerror(-rc));
    exit(1);
}

int main(int argc, char **argv)
{
    struct options o = {
        .log_dir = "/var/log/xen", .run_dir = "/run/xen", .log_size = 1024, .log_keep = 4};
    char path[512];
    read_options(argc, argv, &o);
    tzset();
    int rc = log_open("argon-consoled", o.log ? o.log : o.foreground ? "-" : NULL);
    if (rc)
        fprintf(stderr, "argon-consoled: log %s: %s\n", o.log, strerror(-rc));
    if (!o.foreground)
        daemon_background();
    mkdir(o.run_dir, 0755);
    snprintf(path, sizeof path, "%s/argon-consoled.state", o.run_dir);
    must(slot_open(path), path);
    must(logfile_dir(o.log_dir, (uint32_t)o.log_size << 10, (unsigned)o.log_keep), o.log_dir);
    daemon_many_files();
    must(loop_open(), "epoll");
    must(daemon_signals(), "signals");
    must(evt_open(), "/dev/xen/evtchn (is this a control domain?)");
    must(gnt_open(), "/dev/xen/gntdev (is this a control domain?)");
    must(xb_open(), "xenstore");
    snprintf(path, sizeof path, "%s/argon-consoled.sock", o.run_dir);
    must(client_listen(path), path);
    daemon_pid_file(o.pid_file);
    must(guard(logfile_dir_fd()), "confinement");
    must(console_start(!o.no_pty), "xenstore");
    daemon_ready();
    loop_run();
    console_stop();
    return 0;
}
