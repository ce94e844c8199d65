/*
 * What the commands of axl share: the context, the table entry, small helpers.
 *
 * Exit codes are xl's: 0 done, 1 failed, 2 wrong use, 3 the configuration
 * cannot be read or the guest not made (create).
 */
#ifndef AXL_AXL_H
#define AXL_AXL_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/hyp.h"
#include "lib/store.h"

struct axl {
    struct hyp *hyp;     /* by axl_hyp() */
    struct store *store; /* by axl_store() */
    bool json;           /* --json: machine-readable answer */
    bool dry_run;        /* global -N */
    bool tell_options;   /* `help --options`: the parser is to list its options, not to read */
    int verbose;         /* global -v */
    const struct cmd *cmd;
};

struct cmd {
    const char *name;
    int (*run)(struct axl *a, int argc, char **argv);
    const char *usage;         /* what follows the name */
    const char *help;          /* one line */
    const char *more;          /* options, or NULL */
    enum { ACTS, QUERY } kind; /* a query answers in JSON by --json, which others refuse */
};

enum { AXL_OK = 0, AXL_FAILED = 1, AXL_USAGE = 2, AXL_NO_GUEST = 3 };

extern const struct cmd axl_cmds[];
extern const size_t axl_nr_cmds;

/* Prints "axl: SENTENCE" on stderr; returns AXL_FAILED. */
int axl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Says how the command is used; returns AXL_USAGE. */
int axl_misuse(struct axl *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The handles, opened at first use; when that fails the program ends with the reason. */
struct hyp *axl_hyp(struct axl *a);
struct store *axl_store(struct axl *a);

/*
 * getopt_long with -h and --help understood by every command, --json by queries. Returns the
 * option, -1 at the end, or -2: stop and return *rc. Each command calls it before all else, so
 * that `help --options` tells what is accepted without a hypervisor.
 */
struct option;
int axl_getopt(struct axl *a, int argc, char **argv, const char *opts, const struct option *longs,
               int *rc);
/* After the options: fewer than min or more than max words left is a misuse (message printed). */
bool axl_args(struct axl *a, int argc, int min, int max);

/* Domain by name or number; < 0: printed "X is an invalid domain identifier (rc=-6)". */
int axl_domain(struct axl *a, const char *who);
/* Its name, malloced; "(null)" is never returned: a domain without one is "". */
char *axl_name(struct axl *a, uint32_t domid);
/* Decimal number without trailing rubbish. */
bool axl_number(const char *text, long long *out);
/* KiB from "512", "512m", "1g", "1048576k", "...b", "...t"; plain numbers are MiB. */
bool axl_kib(const char *text, uint64_t *out);
void axl_uuid(const uint8_t handle[16], char out[37]);

struct json;
/* Prints the text and frees it; for the end of a --json command. */
int axl_json_out(struct json *j);
/* An array of a log's lines; changes the text. */
int axl_json_lines(char *text);

#endif
