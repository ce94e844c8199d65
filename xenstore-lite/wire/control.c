/*
 * XS_CONTROL: what an operator asks of the running daemon. Names and answers are those of
 * Debian's xenstored where it has them; "quota usage" and "domain-named" are ours.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dkit/log.h"
#include "wire/host.h"
#include "wire/ops_private.h"

struct text {
    char *to;
    size_t used;
    bool cut;
};

static void say(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct text *t, const char *format, ...)
{
    size_t room = XENSTORE_PAYLOAD_MAX - t->used;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(t->to + t->used, room, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room) {
        t->to[t->used] = 0;
        t->cut = true;
    } else {
        t->used += (size_t)n;
    }
}

struct control {
    struct req *r;
    const char *arg[6];
    size_t n; /* arguments after the command's name */
    struct text out;
};

static int done(struct control *k)
{
    reply(k->r, k->out.to, k->out.used + 1);
    return 0;
}

static int cmd_check(struct control *k)
{
    const char *wrong = xs_audit(k->r->xs);
    if (wrong)
        log_line("check: %s", wrong);
    else
        log_line("check: %u nodes, %u watches: all is consistent", k->r->xs->st.nodes,
                 k->r->xs->watches.watches);
    say(&k->out, "%s", wrong ? wrong : "OK");
    return done(k);
}

static int cmd_log(struct control *k)
{
    if (k->n != 1 || (strcmp(k->arg[0], "on") != 0 && strcmp(k->arg[0], "off") != 0))
        return -EINVAL;
    k->r->xs->trace = k->arg[0][1] == 'n';
    ack(k->r);
    return 0;
}

static int cmd_logfile(struct control *k)
{
    if (k->n != 1)
        return -EINVAL;
    int rc = host_log_file(k->arg[0]);
    if (!rc)
        ack(k->r);
    return rc;
}

static int cmd_print(struct control *k)
{
    if (k->n != 1)
        return -EINVAL;
    log_line("control: %.1024s", k->arg[0]);
    ack(k->r);
    return 0;
}

static int cmd_memreport(struct control *k)
{
    const struct xs *xs = k->r->xs;
    say(&k->out, "nodes %u, hash table %u, permission sets %u, watches %u on %u paths\n",
        xs->st.nodes, xs->st.buckets, xs->st.perms.sets, xs->watches.watches, xs->watches.points);
    list_for_each (it, &xs->st.doms.all) {
        const struct dom *d = list_entry(it, struct dom, all);
        say(&k->out, "domain %u: %llu bytes, at most %llu\n", d->id, (unsigned long long)d->mem,
            (unsigned long long)d->mem_max);
    }
    return done(k);
}

static void show_settings(struct control *k, bool soft)
{
    say(&k->out, "Quota settings:\n");
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        if (quota_info[i].soft == soft)
            say(&k->out, "%-17s: %8u %s\n", quota_info[i].name, k->r->xs->quota.max[i],
                quota_info[i].what);
}

static int set_quota(struct control *k, bool soft)
{
    uint64_t v;
    int kind = soft ? strcmp(k->arg[1], "memory") == 0 ? (int)QUOTA_MEMORY_SOFT : -1
                    : quota_find(k->arg[1], strlen(k->arg[1]));
    if (kind < 0 || arg_number(k->arg[2], INT32_MAX, &v))
        return -EINVAL;
    k->r->xs->quota.max[kind] = (uint32_t)v;
    rec_quota(k->r->xs, (unsigned)kind, (uint32_t)v);
    log_line("quota %s set to %u", quota_info[kind].name, (unsigned)v);
    ack(k->r);
    return 0;
}

static uint32_t unread_replies(const struct dom *d)
{
    return d->ring ? d->ring->replies : 0;
}

static int show_domain(struct control *k)
{
    unsigned id;
    if (arg_domid(k->arg[0], &id))
        return -EINVAL;
    const struct dom *d = dom_find(&k->r->xs->st.doms, id);
    if (!d)
        return -ENOENT;
    say(&k->out, "Domain %u:\n", id);
    say(&k->out, "%-16s: %8u\n%-16s: %8u\n%-16s: %8u\n", "nodes", d->nodes, "watches", d->watches,
        "transactions", d->txns);
    say(&k->out, "%-16s: %8u\n%-16s: %8llu\n", "outstanding", unread_replies(d), "memory",
        (unsigned long long)d->mem);
    return done(k);
}

/* One line per domain: for scripts and `axl xenstore quota`. `*`: it has hit a quota. */
static int show_usage(struct control *k)
{
    unsigned first = 0;
    if (k->n > 1 && arg_domid(k->arg[1], &first))
        return -EINVAL;
    say(&k->out, "domid nodes watches transactions outstanding memory hit\n");
    for (unsigned id = first; id < DOM_FIRST_RESERVED && !k->out.cut; id++) {
        const struct dom *d = dom_find(&k->r->xs->st.doms, id);
        if (!d)
            continue;
        say(&k->out, "%u %u %u %u %u %llu %s\n", id, d->nodes, d->watches, d->txns,
            unread_replies(d), (unsigned long long)d->mem, d->quota_ever ? "*" : "-");
    }
    return done(k);
}

static int cmd_quota(struct control *k)
{
    if (k->n == 0) {
        show_settings(k, false);
        return done(k);
    }
    if (k->n == 3 && strcmp(k->arg[0], "set") == 0)
        return set_quota(k, false);
    if (k->n <= 2 && strcmp(k->arg[0], "usage") == 0)
        return show_usage(k);
    return k->n == 1 ? show_domain(k) : -EINVAL;
}

static int cmd_quota_soft(struct control *k)
{
    if (k->n == 3 && strcmp(k->arg[0], "set") == 0)
        return set_quota(k, true);
    if (k->n)
        return -EINVAL;
    show_settings(k, true);
    return done(k);
}

/* The domains whose name this is; so `axl` need not read each one's. */
static int cmd_domain_named(struct control *k)
{
    const struct store *st = &k->r->xs->st;
    struct path *p = &k->r->xs->path;
    if (k->n != 1)
        return -EINVAL;
    path_set(p, "/local/domain");
    const struct node *all = node_find(st, p, p->depth);
    size_t len = strlen(k->arg[0]);
    say(&k->out, "%s", "");
    if (!all)
        return done(k);
    list_for_each (it, &all->children) {
        const struct node *d = list_entry(it, struct node, siblings);
        const struct node *name = node_child(st, d, "name", 4);
        if (name && name->value_len == len && memcmp(name->value, k->arg[0], len) == 0)
            say(&k->out, "%s ", d->name);
    }
    return done(k);
}

static int cmd_live_update(struct control *k)
{
    say(&k->out, "not needed: stop this daemon (SIGTERM or SIGKILL) and start the new one; it "
                 "goes on with tree, watches and the guests' connections");
    return done(k);
}

static int cmd_help(struct control *k);

static const struct command {
    const char *name;
    int (*run)(struct control *k);
    const char *usage;
} commands[] = {
    {"check", cmd_check, ""},
    {"domain-named", cmd_domain_named, "<name>"},
    {"log", cmd_log, "on|off"},
    {"logfile", cmd_logfile, "<file>"},
    {"memreport", cmd_memreport, ""},
    {"print", cmd_print, "<string>"},
    {"quota", cmd_quota, "[set <name> <val>|<domid>|usage [<first domid>]]"},
    {"quota-soft", cmd_quota_soft, "[set <name> <val>]"},
    {"live-update", cmd_live_update, ""},
    {"help", cmd_help, ""},
};

static int cmd_help(struct control *k)
{
    say(&k->out, "commands:\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        say(&k->out, "\t%-15s: %s\n", commands[i].name, commands[i].usage);
    return done(k);
}

int op_control(struct req *r)
{
    const char *name;
    struct control k = {.r = r, .out = {.to = r->xs->reply}};
    size_t count = arg_count(r);
    if (count < 1 || count > ARRAY_SIZE(k.arg) + 1 || arg_strings(r, &name, 1))
        return -EINVAL;
    const char *s = name + strlen(name) + 1;
    for (k.n = 0; k.n < count - 1; k.n++, s += strlen(s) + 1)
        k.arg[k.n] = s;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(&k);
    return -EINVAL;
}
