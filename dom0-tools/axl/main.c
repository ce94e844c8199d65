/* axl: finds the command and runs it; helpers that all commands use. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

int axl_fail(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fflush(stdout);
    fputs("axl: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return AXL_FAILED;
}

static void print_usage(const struct cmd *c, FILE *to)
{
    fprintf(to, "Usage: axl [-vfN] %s %s\n\n%s.\n", c->name, c->usage, c->help);
    if (c->more)
        fprintf(to, "\nOptions:\n\n%s\n", c->more);
    fprintf(to, "\nMore: man axl-%s\n", c->name);
}

int axl_misuse(struct axl *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fflush(stdout);
    vfprintf(stderr, fmt, ap);
    fputs("\n\n", stderr);
    va_end(ap);
    print_usage(a->cmd, stderr);
    return AXL_USAGE;
}

struct hyp *axl_hyp(struct axl *a)
{
    struct why w;
    if (!a->hyp && hyp_open(&a->hyp, &w) < 0)
        exit(axl_fail("%s", w.text));
    return a->hyp;
}

struct store *axl_store(struct axl *a)
{
    struct why w;
    if (!a->store && store_open(&a->store, &w) < 0)
        exit(axl_fail("%s", w.text));
    return a->store;
}

/* One a line; " VALUE" behind those that want one. */
static int tell_options(const char *shorts, const struct option *longs)
{
    for (const char *p = shorts + (*shorts == '+'); *p; p++)
        if (*p != ':')
            printf("-%c%s\n", *p, p[1] == ':' ? " VALUE" : "");
    for (; longs->name; longs++)
        printf("--%s%s\n", longs->name,
               longs->has_arg == required_argument   ? " VALUE"
               : longs->has_arg == optional_argument ? "[=VALUE]"
                                                     : "");
    return AXL_OK;
}

int axl_getopt(struct axl *a, int argc, char **argv, const char *opts, const struct option *longs,
               int *rc)
{
    enum { JSON = 0x1001 };
    struct option all[24] = {{"help", no_argument, NULL, 'h'}};
    char shorts[64];
    int n = 1;
    if (a->cmd->kind == QUERY)
        all[n++] = (struct option){"json", no_argument, NULL, JSON};
    for (; longs && longs->name && n < 23; longs++)
        all[n++] = *longs;
    /* A '+' (options end at the first word) must stay in front. */
    bool plus = opts[0] == '+';
    snprintf(shorts, sizeof shorts, "%sh%s", plus ? "+" : "", opts + plus);
    if (a->tell_options) {
        *rc = tell_options(shorts, all);
        return -2;
    }
    opterr = 0;
    for (;;) {
        int o = getopt_long(argc, argv, shorts, all, NULL);
        if (o == JSON) {
            a->json = true;
            continue;
        }
        if (o == 'h') {
            print_usage(a->cmd, stdout);
            *rc = AXL_OK;
            return -2;
        }
        if (o == '?') {
            if (optopt && strchr(shorts, optopt))
                fprintf(stderr, "option `%c' needs a value.\n", optopt);
            else if (optopt)
                fprintf(stderr, "option `%c' not supported.\n", optopt);
            else
                fprintf(stderr, "option `%s' not supported.\n", argv[optind - 1]);
            *rc = AXL_USAGE;
            return -2;
        }
        return o;
    }
}

bool axl_args(struct axl *a, int argc, int min, int max)
{
    int have = argc - optind;
    if (have < min) {
        axl_misuse(a, "'axl %s' requires at least %d argument%s.", a->cmd->name, min,
                   min == 1 ? "" : "s");
        return false;
    }
    if (max >= 0 && have > max) {
        axl_misuse(a, "'axl %s' takes at most %d argument%s.", a->cmd->name, max,
                   max == 1 ? "" : "s");
        return false;
    }
    return true;
}

bool axl_number(const char *text, long long *out)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[0]) && text[0] != '-')
        return false;
    *out = strtoll(text, &end, 10);
    return !*end && !errno;
}

bool axl_kib(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || (*end && end[1]))
        return false;
    static const char units[] = "kmgt";
    char unit = *end ? (char)tolower((unsigned char)*end) : 'm';
    const char *at = strchr(units, unit);
    if (unit == 'b')
        n >>= 10;
    else if (!at)
        return false;
    int shift = at ? (int)(at - units) * 10 : 0;
    if (n > (UINT64_MAX >> 12) >> shift)
        return false;
    *out = n << shift;
    return true;
}

void axl_uuid(const uint8_t h[16], char out[37])
{
    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[h[i] >> 4];
        *p++ = hex[h[i] & 15];
    }
    *p = 0;
}

char *axl_name(struct axl *a, uint32_t domid)
{
    char *name = store_read(axl_store(a), "/local/domain/%u/name", domid);
    return name ? name : strdup("");
}

int axl_domain(struct axl *a, const char *who)
{
    long long n;
    if (axl_number(who, &n) && n >= 0 && n < DOMID_FIRST_RESERVED)
        return (int)n;
    int domid = store_domain_named(axl_store(a), who);
    if (domid < 0)
        fprintf(stderr, "%s is an invalid domain identifier (rc=-6)\n", who);
    return domid;
}

int axl_json_out(struct json *j)
{
    const char *text = json_text(j, NULL);
    if (!text) {
        json_free(j);
        return axl_fail("out of memory");
    }
    fputs(text, stdout);
    json_free(j);
    return AXL_OK;
}

int axl_json_lines(char *text)
{
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    json_array(j, NULL);
    while (text && *text) {
        char *line = strsep(&text, "\n");
        line[strcspn(line, "\r")] = 0;
        /* A guest may have written into it: what JSON cannot hold is shown as '?'. */
        for (char *c = line; *c; c++)
            if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
                *c = *c == '\t' ? ' ' : '?';
        json_string(j, NULL, line);
    }
    json_array_end(j);
    return axl_json_out(j);
}

static int help(FILE *to)
{
    fputs("Usage axl [-vfN] <subcommand> [args]\n\naxl full list of subcommands:\n\n", to);
    for (size_t i = 0; i < axl_nr_cmds; i++)
        fprintf(to, " %-19s %s\n", axl_cmds[i].name, axl_cmds[i].help);
    return to == stdout ? AXL_OK : AXL_FAILED;
}

static const struct cmd *find(const char *name)
{
    for (size_t i = 0; i < axl_nr_cmds; i++)
        if (strcmp(axl_cmds[i].name, name) == 0)
            return &axl_cmds[i];
    return NULL;
}

/*
 * axl help [COMMAND]; and for programs (completion, tests) one thing a line: --commands; --queries:
 * those with --json; --options COMMAND; --usage COMMAND: its arguments.
 */
static int cmd_help(struct axl *a, int argc, char **argv)
{
    if (argc < 2)
        return help(stdout);
    bool queries = strcmp(argv[1], "--queries") == 0;
    if (queries || strcmp(argv[1], "--commands") == 0) {
        for (size_t i = 0; i < axl_nr_cmds; i++)
            if (!queries || axl_cmds[i].kind == QUERY)
                puts(axl_cmds[i].name);
        return AXL_OK;
    }
    bool options = strcmp(argv[1], "--options") == 0, usage = strcmp(argv[1], "--usage") == 0;
    const char *name = options || usage ? argv[2] : argv[1];
    if (!name || !(a->cmd = find(name)))
        return axl_fail("no command '%s'; `axl help` lists all", name ? name : "");
    if (usage) {
        puts(a->cmd->usage);
    } else if (options) {
        a->tell_options = true;
        return a->cmd->run(a, 1, (char *[]){argv[2], NULL});
    } else {
        print_usage(a->cmd, stdout);
    }
    return AXL_OK;
}

int main(int argc, char **argv)
{
    struct axl a = {0};
    int o;
    while ((o = getopt(argc, argv, "+vftTN")) != -1) {
        if (o == 'v')
            a.verbose++;
        else if (o == 'N')
            a.dry_run = true;
        else if (o == '?')
            return help(stderr), AXL_USAGE;
    }
    if (optind >= argc)
        return help(stderr);
    const char *name = argv[optind];
    argc -= optind;
    argv += optind;
    if (strcmp(name, "help") == 0)
        return cmd_help(&a, argc, argv);
    a.cmd = find(name);
    if (!a.cmd)
        return axl_fail("no command '%s'; `axl help` lists all", name);
    if (a.dry_run && a.cmd->run != cmd_create)
        return axl_fail("%s has no dry run (-N)", name);
    /* 0, not 1: glibc then forgets our own '+', and options may stand behind words. */
    optind = 0;
    int rc = a.cmd->run(&a, argc, argv);
    store_close(a.store);
    hyp_close(a.hyp);
    return fflush(stdout) || ferror(stdout) ? axl_fail("cannot write the answer") : rc;
}
