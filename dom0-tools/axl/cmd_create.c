/* axl create, config-update, console: make a guest from its configuration file, talk to it. */
#include "axl/axl.h"
#include "axl/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "axl/config.h"
#include "axl/console.h"
#include "axl/watch.h"
#include "lib/cfg.h"
#include "lib/cons.h"
#include "lib/create.h"
#include "lib/json.h"
#include "lib/progress.h"
#include "lib/record.h"

static void warn(const char *text)
{
    fprintf(stderr, "axl: warning: %s\n", text);
}

/* The file's text with the settings from the command line behind it. */
static char *read_config(const char *path, char **vars, int nr_vars, struct why *w)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        why(w, -errno, "cannot read the configuration '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    size_t room = CFG_BYTES + 2, n = 0;
    for (int i = 0; i < nr_vars; i++)
        room += strlen(vars[i]) + 1;
    char *text = malloc(room);
    ssize_t k = 1;
    while (text && n < CFG_BYTES + 1 && (k = read(fd, text + n, CFG_BYTES + 1 - n)) > 0)
        n += (size_t)k;
    close(fd);
    if (!text || k < 0) {
        why(w, -EIO, "cannot read the configuration '%s': %s", path, strerror(errno));
        free(text);
        return NULL;
    }
    for (int i = 0; i < nr_vars; i++) {
        text[n++] = '\n';
        memcpy(text + n, vars[i], strlen(vars[i]));
        n += strlen(vars[i]);
    }
    text[n] = 0;
    return text;
}

static int parse(struct gconf *g, const char *path, const char *text, struct why *w)
{
    const char *p = text + strspn(text, " \t\r\n");
    if (*p == '{' || *p == '[')
        return gconf_from_json(g, path, text, w);
    return gconf_from_cfg(g, path, text, strlen(text), warn, w);
}

int config_load(const char *path, struct gconf *g, struct why *w)
{
    char *text = read_config(path, NULL, 0, w);
    int rc = text ? parse(g, path, text, w) : -EIO;
    free(text);
    return rc ? rc : gconf_complete(g, true, w);
}

struct create_options {
    const char *file;
    bool console, paused, dry, quiet, foreground, no_watch;
};

static int create_options(struct axl *a, int argc, char **argv, struct create_options *c, int *rc)
{
    static const struct option longs[] = {{"defconfig", required_argument, NULL, 'f'},
                                          {"dryrun", no_argument, NULL, 'n'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"vncviewer", no_argument, NULL, 'V'},
                                          {"vncviewer-autopass", no_argument, NULL, 'A'},
                                          {"ignore-global-affinity-masks", no_argument, NULL, 'i'},
                                          {0}};
    int o;
    c->dry = a->dry_run;
    while ((o = axl_getopt(a, argc, argv, "Fnqf:pcdeVA", longs, rc)) != -1) {
        if (o == -2)
            return -1;
        c->console |= o == 'c';
        c->paused |= o == 'p';
        c->dry |= o == 'n';
        c->quiet |= o == 'q';
        c->foreground |= o == 'F';
        c->no_watch |= o == 'e';
        if (o == 'f')
            c->file = optarg;
        if (o == 'V' || o == 'A')
            warn("there is no VNC display to show");
    }
    /* The first word without '=' is the file, as for xl. */
    if (!c->file && optind < argc && !strchr(argv[optind], '='))
        c->file = argv[optind++];
    if (!c->file) {
        *rc = axl_misuse(a, "'axl %s' requires a configuration file.", a->cmd->name);
        return -1;
    }
    return 0;
}

static int print_dry(const struct gconf *g)
{
    struct json *j = json_new();
    if (!j)
        return axl_fail("out of memory");
    gconf_to_json(g, j, NULL);
    return axl_json_out(j);
}

/* From the built and paused guest on. */
static int launch(struct axl *a, const struct create_options *c, const struct gconf *g,
                  uint32_t domid)
{
    struct why w;
    struct console_link l = {.fd = -1};
    if (c->console && console_open(a->store, domid, &l, &w) < 0)
        axl_fail("guest '%s': %s", g->name, w.text);
    int rc = c->paused ? 0 : hyp_unpause(a->hyp, domid);
    if (rc < 0)
        return axl_fail("guest '%s' cannot be unpaused: %s", g->name, strerror(-rc));
    /* Behind the guest's start, which need not wait for it: it looks first whether the guest has
     * ended. */
    if (!c->foreground && !c->no_watch && watch_start(domid, g->name) < 0)
        warn("no background process could be started: the guest's end will not be acted on");
    if (!c->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "%s: domain %u, %llu MiB%s\r\n", g->name, domid,
                (unsigned long long)g->target_kib >> 10, c->paused ? ", paused" : "");
    if (l.fd >= 0 && console_run(a, &l, &w) < 0)
        return axl_fail("guest '%s': %s", g->name, w.text);
    return c->foreground ? watch_run(domid) : AXL_OK;
}

int cmd_create(struct axl *a, int argc, char **argv)
{
    struct create_options c = {0};
    struct why w;
    struct gconf g;
    uint32_t domid;
    int rc;
    if (create_options(a, argc, argv, &c, &rc))
        return rc;
    char *text = read_config(c.file, argv + optind, argc - optind, &w);
    if (!text) {
        axl_fail("%s", w.text);
        return AXL_NO_GUEST;
    }
    gconf_init(&g);
    if (c.quiet)
        progress_silence();
    if (!c.quiet && !c.dry)
        fprintf(stderr, "Parsing config from %s\n", c.file);
    rc = parse(&g, c.file, text, &w);
    free(text);
    if (!rc) {
        rc = gconf_complete(&g, true, &w);
        if (rc)
            why_in(&w, rc, "%s", c.file);
    }
    if (rc)
        rc = axl_fail("%s", w.text);
    else if (c.dry)
        rc = print_dry(&g);
    else if (create_guest(axl_hyp(a), axl_store(a), &g, &domid, &w) < 0) {
        axl_fail("guest '%s': %s", g.name, w.text);
        rc = AXL_NO_GUEST;
    } else
        rc = launch(a, &c, &g, domid);
    gconf_free(&g);
    return rc;
}

int cmd_config_update(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"defconfig", required_argument, NULL, 'f'}, {0}};
    const char *file = NULL;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "dqf:", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        if (o == 'f')
            file = optarg;
    }
    if (!axl_args(a, argc, 1, -1))
        return AXL_USAGE;
    const char *who = argv[optind++];
    if (!file && optind < argc && !strchr(argv[optind], '='))
        file = argv[optind++];
    if (!file)
        return axl_misuse(a, "'axl config-update' requires a configuration file.");
    int domid = axl_domain(a, who);
    hyp_dominfo d;
    struct why w;
    if (domid < 0)
        return AXL_FAILED;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", who);
    char *text = read_config(file, argv + optind, argc - optind, &w);
    if (!text)
        return axl_fail("%s", w.text);
    struct gconf g;
    gconf_init(&g);
    rc = parse(&g, file, text, &w);
    free(text);
    /* It stays the guest it is. */
    memcpy(g.uuid, d.handle, 16);
    g.uuid_set = true;
    if (!rc)
        rc = gconf_complete(&g, true, &w);
    if (!rc)
        rc = record_write((uint32_t)domid, &g, &w);
    gconf_free(&g);
    return rc ? axl_fail("%s", w.text) : AXL_OK;
}

static int print_log(struct axl *a, const char *who)
{
    struct why w;
    char *text = NULL;
    size_t n = 0;
    FILE *to = a->json ? open_memstream(&text, &n) : stdout;
    if (!to)
        return axl_fail("out of memory");
    int rc = cons_print_log(who, to, &w) < 0 ? axl_fail("%s", w.text) : AXL_OK;
    if (!a->json)
        return rc;
    if (fclose(to) != 0)
        rc = axl_fail("out of memory");
    /* A guest may print zeros, which would end the text. */
    for (size_t i = 0; !rc && i < n; i++)
        if (!text[i])
            text[i] = '?';
    rc = rc ? rc : axl_json_lines(text);
    free(text);
    return rc;
}

int cmd_console(struct axl *a, int argc, char **argv)
{
    static const struct option longs[] = {{"log", no_argument, NULL, 'l'}, {0}};
    bool log = false;
    int o, rc;
    while ((o = axl_getopt(a, argc, argv, "t:n:e:l", longs, &rc)) != -1) {
        if (o == -2)
            return rc;
        log |= o == 'l';
        if (o == 't' && strcmp(optarg, "pv") != 0)
            return axl_fail("a PV guest has no console of type %s", optarg);
        if (o == 'n' && strcmp(optarg, "0") != 0)
            return axl_fail("a PV guest has only console 0");
    }
    if (!axl_args(a, argc, 1, 1))
        return AXL_USAGE;
    if (a->json && !log)
        return axl_misuse(a, "--json goes with --log.");
    if (log)
        return print_log(a, argv[optind]);
    int domid = axl_domain(a, argv[optind]);
    hyp_dominfo d;
    struct why w;
    struct console_link l;
    if (domid < 0)
        return AXL_FAILED;
    if (hyp_info(axl_hyp(a), (uint32_t)domid, &d) < 0)
        return axl_fail("there is no domain '%s'", argv[optind]);
    if (domid == 0)
        return axl_fail("domain 0's console is the machine's own");
    if (console_open(axl_store(a), (uint32_t)domid, &l, &w) < 0 || console_run(a, &l, &w) < 0)
        return axl_fail("domain '%s': %s", argv[optind], w.text);
    return AXL_OK;
}
