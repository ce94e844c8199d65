/*
 * argon-netd: guests' network interfaces in user space (docs/man/argon-netd.8).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dkit/daemon.h"
#include "dkit/log.h"
#include "netd/kept.h"
#include "netd/vif.h"

static const char usage[] =
    "usage: argon-netd [options]\n"
    "  -N, --no-fork         stay in the foreground, log to stderr\n"
    "  -F, --pid-file FILE   write the daemon's process id to FILE\n"
    "  -l, --log FILE        log to FILE (- is stderr) in place of syslog\n"
    "  -q, --max-queues N    queues that a guest may have for each interface, 1 to 8\n"
    "                        (default: as many as there are processors)\n"
    "      --state-dir DIR   keep the interfaces' state in DIR (default /run/argon-netd)\n"
    "      --no-confine      keep privileges (for debugging)\n"
    "      --help, --version\n";

static const struct option longs[] = {
    {"no-fork", 0, NULL, 'N'},    {"pid-file", 1, NULL, 'F'},  {"log", 1, NULL, 'l'},
    {"max-queues", 1, NULL, 'q'}, {"state-dir", 1, NULL, 'S'}, {"no-confine", 0, NULL, 'C'},
    {"help", 0, NULL, 'h'},       {"version", 0, NULL, 'V'},   {NULL, 0, NULL, 0},
};

static struct vif_options opt = {.state_dir = "/run/argon-netd"};
static const char *pid_file, *log_file;
static bool foreground;

static unsigned queue_number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || end == text || n < 1 || n > KEPT_QUEUES) {
        fprintf(stderr, "argon-netd: --max-queues is a number of 1 to %d, not '%s'\n", KEPT_QUEUES,
                text);
        exit(2);
    }
    return (unsigned)n;
}

static void parse(int argc, char **argv)
{
    int o;
    while ((o = getopt_long(argc, argv, "NF:l:q:h", longs, NULL)) != -1) {
        switch (o) {
        case 'N':
            foreground = true;
            break;
        case 'F':
            pid_file = optarg;
            break;
        case 'l':
            log_file = optarg;
            break;
        case 'q':
            opt.max_queues = queue_number(optarg);
            break;
        case 'S':
            opt.state_dir = optarg;
            break;
        case 'C':
            opt.no_confine = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        case 'V':
            puts("argon-netd (Argon)");
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "argon-netd: unexpected argument '%s'\n", argv[optind]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    opt.max_queues = cpus < 1 ? 1 : cpus > KEPT_QUEUES ? KEPT_QUEUES : (unsigned)cpus;
    parse(argc, argv);
    if (!foreground)
        daemon_background();
    daemon_must(log_open("argon-netd", log_file ? log_file : foreground ? "-" : NULL), log_file);
    daemon_many_files();
    daemon_must(loop_open(), "epoll");
    daemon_must(daemon_signals(), "signals");
    daemon_must(daemon_only_one("/run/argon-netd.lock"), "/run/argon-netd.lock (is one running?)");
    daemon_must(xb_open(), "xenstored's socket");
    daemon_must(vifs_start(&opt), "watching /local/domain/0/backend");
    daemon_pid_file(pid_file);
    daemon_ready();
    loop_run();
    return 0;
}
