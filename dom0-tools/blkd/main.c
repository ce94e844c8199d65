/*
 * argon-blkd: guests' disks in user space (docs/man/argon-blkd.8).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkd/state.h"
#include "blkd/vbd.h"
#include "dkit/daemon.h"
#include "dkit/log.h"
#include "dkit/loop.h"
#include "dkit/xb.h"

static const char usage[] =
    "usage: argon-blkd [options]\n"
    "  -N, --no-fork         stay in the foreground, log to stderr\n"
    "  -F, --pid-file FILE   write the daemon's process id to FILE\n"
    "  -l, --log FILE        log to FILE (- is stderr) in place of syslog\n"
    "  -q, --max-queues N    rings that a guest may have for each disk, 1 to 4 (default 4)\n"
    "  -o, --max-order N     pages of a ring, as a power of 2, 0 to 4 (default 4)\n"
    "      --state-dir DIR   keep the devices' state in DIR (default /run/argon-blkd)\n"
    "      --no-confine      keep privileges (for debugging)\n"
    "      --help, --version\n";

static const struct option longs[] = {
    {"no-fork", 0, NULL, 'N'},    {"pid-file", 1, NULL, 'F'},  {"log", 1, NULL, 'l'},
    {"max-queues", 1, NULL, 'q'}, {"max-order", 1, NULL, 'o'}, {"state-dir", 1, NULL, 'S'},
    {"no-confine", 0, NULL, 'C'}, {"help", 0, NULL, 'h'},      {"version", 0, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static struct vbd_options opt = {
    .state_dir = "/run/argon-blkd", .max_queues = STATE_QUEUES, .max_order = STATE_ORDER};
static const char *pid_file, *log_file;
static bool foreground;

static unsigned number(const char *text, unsigned least, unsigned most, const char *what)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*end || end == text || n < least || n > most) {
        fprintf(stderr, "argon-blkd: %s is a number of %u to %u, not '%s'\n", what, least, most,
                text);
        exit(2);
    }
    return (unsigned)n;
}

static void parse(int argc, char **argv)
{
    int o;
    while ((o = getopt_long(argc, argv, "NF:l:q:o:h", longs, NULL)) != -1) {
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
            opt.max_queues = number(optarg, 1, STATE_QUEUES, "--max-queues");
            break;
        case 'o':
            opt.max_order = number(optarg, 0, STATE_ORDER, "--max-order");
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
            puts("argon-blkd (Argon)");
            exit(0);
        default:
            exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "argon-blkd: unexpected argument '%s'\n", argv[optind]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    if (!foreground)
        daemon_background();
    daemon_must(log_open("argon-blkd", log_file ? log_file : foreground ? "-" : NULL), log_file);
    daemon_many_files();
    daemon_must(loop_open(), "epoll");
    daemon_must(daemon_signals(), "signals");
    daemon_must(daemon_only_one("/run/argon-blkd.lock"), "/run/argon-blkd.lock (is one running?)");
    daemon_must(xb_open(), "xenstored's socket");
    daemon_must(vbds_start(&opt), "watching /local/domain/0/backend");
    daemon_pid_file(pid_file);
    daemon_ready();
    loop_run();
    return 0;
}
