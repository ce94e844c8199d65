/*
 * The command line: Debian's xenstored's options where they mean something here.
 */
#include "io/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "xenstored-lite"

enum { OPT_SOCKET = 256, OPT_STATE_DIR, OPT_NO_STATE, OPT_JOURNAL, OPT_NO_CONFINE, OPT_VERSION };

static const struct option table[] = {
    {"no-domain-init", 0, NULL, 'D'},
    {"no-domains", 0, NULL, 'D'},
    {"pid-file", 1, NULL, 'F'},
    {"no-fork", 0, NULL, 'N'},
    {"output-pid", 0, NULL, 'P'},
    {"trace-file", 1, NULL, 'T'},
    {"entry-nb", 1, NULL, 'E'},
    {"entry-size", 1, NULL, 'S'},
    {"watch-nb", 1, NULL, 'W'},
    {"transaction", 1, NULL, 't'},
    {"perm-nb", 1, NULL, 'A'},
    {"path-max", 1, NULL, 'M'},
    {"quota", 1, NULL, 'Q'},
    {"quota-soft", 1, NULL, 'q'},
    {"timeout", 1, NULL, 'w'},
    {"no-recovery", 0, NULL, 'R'},
    {"internal-db", 2, NULL, 'I'},
    {"verbose", 0, NULL, 'V'},
    {"help", 0, NULL, 'H'},
    {"socket", 1, NULL, OPT_SOCKET},
    {"state-dir", 1, NULL, OPT_STATE_DIR},
    {"no-state", 0, NULL, OPT_NO_STATE},
    {"journal-size", 1, NULL, OPT_JOURNAL},
    {"no-confine", 0, NULL, OPT_NO_CONFINE},
    {"version", 0, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "usage: " PROGRAM " [options]\n"
    "  -N, --no-fork             stay in the foreground, log to stderr\n"
    "  -F, --pid-file FILE       write the daemon's process id to FILE\n"
    "  -P, --output-pid          print the daemon's process id\n"
    "  -T, --trace-file FILE     trace messages to FILE (XS_CONTROL log on|off)\n"
    "  -D, --no-domains          serve the socket only; needs no Xen\n"
    "  -E, --entry-nb N          nodes a domain may own\n"
    "  -S, --entry-size N        bytes of one node\n"
    "  -W, --watch-nb N          watches a domain may have\n"
    "  -t, --transaction N       transactions a domain may have open\n"
    "  -A, --perm-nb N           permissions of one node\n"
    "  -M, --path-max N          bytes of a path\n"
    "  -Q, --quota NAME=N        any quota by its name (see xenstore-control quota)\n"
    "  -q, --quota-soft memory=N memory above which a warning is logged\n"
    "      --socket PATH         where to listen (/run/xenstored/socket)\n"
    "      --state-dir DIR       where to keep what survives a kill (/run/xenstored)\n"
    "      --no-state            keep nothing\n"
    "      --journal-size BYTES  how much the journal may grow beyond a snapshot\n"
    "      --no-confine          keep privileges (for debuggers)\n"
    "  -H, --help                this text\n";

static _Noreturn void die(const char *what, const char *arg)
{
    fprintf(stderr, PROGRAM ": %s '%s' (try --help)\n", what, arg);
    exit(2);
}

static uint64_t number(const char *arg, uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(arg, &end, 10);
    if (errno || end == arg || *end || *arg == '-' || v > max)
        die("not a number in range:", arg);
    return v;
}

static void set_quota(struct options *o, int kind, const char *arg)
{
    o->quota.max[kind] = (uint32_t)number(arg, INT32_MAX);
    o->quota_given[kind] = true;
}

static void set_named(struct options *o, const char *arg, bool soft)
{
    const char *eq = strchr(arg, '=');
    if (!eq)
        die("a quota is NAME=NUMBER, not", arg);
    int kind = quota_find(arg, (size_t)(eq - arg));
    if (soft)
        kind = kind == QUOTA_MEMORY ? (int)QUOTA_MEMORY_SOFT : -1;
    if (kind < 0)
        die("unknown quota", arg);
    set_quota(o, kind, eq + 1);
}

static bool set_flag(struct options *o, int opt)
{
    switch (opt) {
    case 'D':
        return o->no_domains = true;
    case 'N':
        return o->no_fork = true;
    case 'P':
        return o->print_pid = true;
    case 'F':
        return o->pid_file = optarg, true;
    case 'T':
        return o->trace_file = optarg, true;
    case OPT_SOCKET:
        return o->socket = optarg, true;
    case OPT_STATE_DIR:
        return o->state_dir = optarg, true;
    case OPT_NO_STATE:
        return o->state_dir = NULL, true;
    case OPT_JOURNAL:
        return o->journal = number(optarg, UINT64_C(1) << 40), true;
    case OPT_NO_CONFINE:
        return o->no_confine = true;
    /* The stock daemon's; here nothing unread is kept so long that it needs a time-out, and there
     * is one kind of data base. Accepted so that its init scripts work. */
    case 'w':
    case 'R':
    case 'I':
    case 'V':
        return true;
    default:
        return false;
    }
}

void options_parse(struct options *o, int argc, char **argv)
{
    static const struct {
        char opt;
        int kind;
    } quotas[] = {{'E', QUOTA_NODES},        {'S', QUOTA_ENTRY_SIZE}, {'W', QUOTA_WATCHES},
                  {'t', QUOTA_TRANSACTIONS}, {'A', QUOTA_PERMS},      {'M', QUOTA_PATH_MAX}};
    *o = (struct options){
        .socket = "/run/xenstored/socket", .state_dir = "/run/xenstored", .journal = 4u << 20};
    quota_init(&o->quota);
    int opt;
    while ((opt = getopt_long(argc, argv, "DF:NPT:E:S:W:t:A:M:Q:q:w:RI::VH", table, NULL)) != -1) {
        bool known = set_flag(o, opt);
        for (size_t i = 0; i < ARRAY_SIZE(quotas); i++)
            if (opt == quotas[i].opt) {
                set_quota(o, quotas[i].kind, optarg);
                known = true;
            }
        if (opt == 'Q' || opt == 'q') {
            set_named(o, optarg, opt == 'q');
        } else if (opt == 'H') {
            fputs(usage, stdout);
            exit(0);
        } else if (opt == OPT_VERSION) {
            puts(PROGRAM " (Argon)");
            exit(0);
        } else if (!known) {
            exit(2);
        }
    }
    if (optind < argc && strcmp(argv[optind], "on") != 0 && strcmp(argv[optind], "off") != 0)
        die("unexpected argument", argv[optind]);
}
