/*
 * A seeded random walk beside the simplest store one can think of: an unsorted table of paths.
 *
 * After each request the answers are compared, with the audit; after a committed transaction all
 * that it did is done again on the model in one go and must give the same answers (it is
 * serializable); one that met no change by others must not fail. Every watch's events are
 * predicted. The records written on the way, and a snapshot, must each lead to the same state.
 *
 * usage: xenstore_model_test [SEED [STEPS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_host.h"

enum { NAMES = 4, CLIENTS = 3, MAX = 700, LOG = 200, WATCHES = 12 };

/* --- the model ------------------------------------------------------------------------------- */

struct entry {
    char path[40];
    char value[12];
    char perms[24]; /* "n0 r5" */
};
struct model {
    struct entry e[MAX];
    int n;
};
static struct model now;

static struct entry *find(struct model *m, const char *path)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->e[i].path, path))
            return &m->e[i];
    return NULL;
}

static void parent_of(char *to, const char *path)
{
    if (to != path)
        strcpy(to, path);
    char *slash = strrchr(to, '/');
    slash[slash == to ? 1 : 0] = 0;
}

static bool is_below(const char *path, const char *top)
{
    size_t n = strlen(top);
    return !strcmp(top, "/") ? path[1] != 0 : !strncmp(path, top, n) && path[n] == '/';
}

static bool may(const char *perms, int id, char what)
{
    if (id == 0 || atoi(perms + 1) == id)
        return true;
    char mode = perms[0];
    for (const char *s = strchr(perms, ' '); s; s = strchr(s + 1, ' '))
        if (atoi(s + 2) == id) {
            mode = s[1];
            break;
        }
    return mode == 'b' || mode == what;
}

static struct entry *nearest(struct model *m, const char *path)
{
    char up[40];
    strcpy(up, path);
    while (!find(m, up))
        parent_of(up, up);
    return find(m, up);
}

struct op {
    uint32_t type;
    char path[40];
    char arg[24]; /* value or permissions */
};

struct change {
    char path[40];
    char old[24], new[24], parent[24]; /* permissions; "" none */
    bool exact;
};
static struct change changes[MAX];
static int nchanges;

static void note(struct model *m, const char *path, const char *old, const char *new, bool exact)
{
    char up[40];
    struct change *c = &changes[nchanges++];
    strcpy(c->path, path);
    strcpy(c->old, old);
    strcpy(c->new, new);
    parent_of(up, path);
    strcpy(c->parent, strcmp(path, "/") ? find(m, up)->perms : "");
    c->exact = exact;
}

static const char *make(struct model *m, int id, const struct op *o, const char *value)
{
    struct entry *near = nearest(m, o->path);
    char perms[24], path[40];
    if (!may(near->perms, id, 'w'))
        return "EACCES";
    strcpy(perms, near->perms);
    if (id) {
        const char *rest = strchr(near->perms, ' ');
        snprintf(perms, sizeof(perms), "%c%d%.16s", near->perms[0], id, rest ? rest : "");
    }
    size_t at = strcmp(near->path, "/") ? strlen(near->path) : 0;
    while (o->path[at]) {
        at++;
        while (o->path[at] && o->path[at] != '/')
            at++;
        snprintf(path, sizeof(path), "%.*s", (int)at, o->path);
        struct entry *e = &m->e[m->n++];
        MUST(m->n < MAX);
        strcpy(e->path, path);
        strcpy(e->perms, perms);
        strcpy(e->value, o->path[at] ? "" : value);
    }
    note(m, o->path, "", perms, false);
    return "OK";
}

static void remove_all(struct model *m, const char *top)
{
    note(m, top, find(m, top)->perms, "", false);
    for (int i = 0; i < m->n; i++)
        if (is_below(m->e[i].path, top))
            note(m, m->e[i].path, m->e[i].perms, "", true);
    int kept = 0;
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->e[i].path, top) && !is_below(m->e[i].path, top))
            m->e[kept++] = m->e[i];
    m->n = kept;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static const char *list(struct model *m, const char *path, char *to)
{
    char name[MAX][40];
    int n = 0;
    size_t skip = strcmp(path, "/") ? strlen(path) + 1 : 1;
    for (int i = 0; i < m->n; i++)
        if (is_below(m->e[i].path, path) && !strchr(m->e[i].path + skip, '/'))
            strcpy(name[n++], m->e[i].path + skip);
    qsort(name, (size_t)n, sizeof(name[0]), by_name);
    *to = 0;
    for (int i = 0; i < n; i++)
        strcat(strcat(to, name[i]), ",");
    return to;
}

/* What the client must hear. */
static const char *model_do(struct model *m, int id, const struct op *o)
{
    static char text[MAX * 4];
    struct entry *e = find(m, o->path);
    char need =
        o->type == XS_READ || o->type == XS_DIRECTORY || o->type == XS_GET_PERMS ? 'r' : 'w';
    const char *near = nearest(m, o->path)->perms;
    if (!e && (!may(near, id, need) || (o->type == XS_SET_PERMS && id && atoi(near + 1) != id)))
        return "EACCES";
    if (!e && (o->type == XS_WRITE || o->type == XS_MKDIR))
        return make(m, id, o, o->type == XS_WRITE ? o->arg : "");
    if (!e && o->type == XS_RM) {
        char up[40];
        parent_of(up, o->path);
        return find(m, up) ? "OK" : "ENOENT";
    }
    if (!e)
        return "ENOENT";
    if (o->type == XS_SET_PERMS) {
        if (id && atoi(e->perms + 1) != id)
            return "EACCES";
        if (id && atoi(o->arg + 1) != id)
            return "EPERM";
        char old[24];
        strcpy(old, e->perms);
        strcpy(e->perms, o->arg);
        note(m, o->path, old, e->perms, false);
        return "OK";
    }
    if (!may(e->perms, id, need))
        return "EACCES";
    switch (o->type) {
    case XS_READ:
        return strcpy(text, e->value);
    case XS_GET_PERMS:
        return strcpy(text, e->perms);
    case XS_DIRECTORY:
        return list(m, o->path, text);
    case XS_WRITE:
        strcpy(e->value, o->arg);
        note(m, o->path, e->perms, e->perms, false);
        return "OK";
    case XS_RM:
        if (!strcmp(o->path, "/"))
            return "EINVAL";
        remove_all(m, o->path);
        return "OK";
    }
    return "OK";
}

/* --- the daemon beside it -------------------------------------------------------------------- */

static const int ids[CLIENTS] = {0, 5, 6};
static struct xs xs;
static struct client {
    struct talk t;
    int id;
    struct op log[LOG]; /* of the open transaction */
    char heard[LOG][512];
    int n;
    bool disturbed;
    struct {
        char path[40], token[8];
    } watch[WATCHES];
    int watches;
} client[CLIENTS];
static char *journal;
static size_t journal_len;
static unsigned long seed, rng;
static long step_no;

static unsigned rnd(unsigned n)
{
    rng = rng * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(rng >> 33) % n;
}

/* Messages as text: lists sorted, permissions with blanks. */
static const char *daemon_do(struct client *c, const struct op *o)
{
    static char out[MAX * 4];
    char req[80], name[MAX][40];
    size_t n = strlen(o->path) + 1, m = strlen(o->arg);
    memcpy(req, o->path, n);
    memcpy(req + n, o->arg, m + 1);
    if (o->type == XS_SET_PERMS) {
        for (size_t i = n; i < n + m; i++)
            req[i] = req[i] == ' ' ? 0 : req[i];
        n += m + 1;
    } else if (o->type == XS_WRITE) {
        n += m;
    }
    uint32_t type = ask(&c->t, o->type, req, n);
    if (type == XS_ERROR || (type != XS_DIRECTORY && type != XS_GET_PERMS))
        return strcpy(out, c->t.answer);
    size_t count = 0;
    for (size_t i = 0; i < c->t.answer_len; i += strlen(c->t.answer + i) + 1)
        strcpy(name[count++], c->t.answer + i);
    if (type == XS_DIRECTORY)
        qsort(name, count, sizeof(name[0]), by_name);
    *out = 0;
    for (size_t i = 0; i < count; i++)
        if (type == XS_DIRECTORY)
            strcat(strcat(out, name[i]), ",");
        else
            strcat(strcat(out, i ? " " : ""), name[i]);
    return out;
}

static void wrong(const char *what, const char *got, const char *want)
{
    fprintf(stderr, "seed %lu step %ld: %s: '%s', model says '%s'\n", seed, step_no, what, got,
            want);
    abort();
}

static bool dump_output = true;

static void dump(const struct xs *x, char *to, size_t room)
{
    static struct path p;
    size_t used = 0;
    for (struct node *n = x->st.root; n; n = node_next(x->st.root, n)) {
        node_path(n, &p);
        used += (size_t)snprintf(to + used, room - used, "%s=%.*s", p.text, (int)n->value_len,
                                 n->value ? n->value : "");
        for (uint32_t i = 0; i < n->perms->n; i++)
            used += (size_t)snprintf(to + used, room - used, " %u:%u:%u", n->perms->e[i].mode,
                                     n->perms->e[i].id, n->perms->e[i].life);
        used += (size_t)snprintf(to + used, room - used, "\n");
    }
    for (unsigned id = 0; id < 10; id++) {
        const struct dom *d = dom_find(&x->st.doms, id);
        const struct conn *c = d ? d->ring : NULL;
        if (!c)
            continue;
        used +=
            (size_t)snprintf(to + used, room - used, "%u: in %lu out %lu txns %u nodes %u:", id,
                             c->in_pos, dump_output ? outq_end(&c->out) : 0, c->ntxns, d->nodes);
        list_for_each (it, &c->watches) {
            const struct watch *w = list_entry(it, struct watch, of_conn);
            used += (size_t)snprintf(to + used, room - used, " %s,%s", w->point->path, w->token);
        }
        used += (size_t)snprintf(to + used, room - used, "\n");
        MUST(used < room);
    }
}

static void keep_records(void)
{
    journal = realloc(journal, journal_len + xs.rec.len + 1);
    memcpy(journal + journal_len, xs.rec.buf, xs.rec.len);
    journal_len += xs.rec.len;
    xs.rec.len = 0;
}

static void no_flush(struct xs *x)
{
    (void)x;
}

static void replay_equals(const char *data, size_t len, const char *what)
{
    static struct xs copy;
    static char a[200000], b[200000];
    MUST(!xs_init(&copy));
    if (rec_replay(&copy, data, len))
        wrong(what, "replay fails", "");
    dump(&xs, a, sizeof(a));
    dump(&copy, b, sizeof(b));
    if (strcmp(a, b))
        wrong(what, b, a);
    const char *bad = xs_audit(&copy);
    if (bad)
        wrong(what, bad, "");
    xs_free(&copy);
}

static void check_records(void)
{
    replay_equals(journal, journal_len, "records");
    rec_snapshot(&xs, no_flush);
    replay_equals(xs.rec.buf, xs.rec.len, "snapshot");
    journal_len = 0; /* from here on: a snapshot and what follows */
    keep_records();
}

/* --- events ---------------------------------------------------------------------------------- */

static unsigned predicted(const struct client *c, bool exactly)
{
    unsigned n = 0;
    for (int w = 0; w < c->watches; w++)
        for (int i = 0; i < nchanges; i++) {
            const struct change *k = &changes[i];
            const char *at = c->watch[w].path;
            bool hit = !strcmp(k->path, at) || (!k->exact && is_below(k->path, at));
            bool sees = (k->new[0] && may(k->new, c->id, 'r')) ||
                        (k->old[0] && may(k->old, c->id, 'r')) ||
                        (k->parent[0] && may(k->parent, c->id, 'r'));
            n += hit && (sees || !exactly);
        }
    return n;
}

/*
 * At the end of a transaction all changes of one node are one event, judged by the permissions
 * before and after the whole: only an upper bound is known.
 */
static void check_events(bool exactly)
{
    for (int i = 0; i < CLIENTS; i++) {
        drain(&client[i].t);
        unsigned want = predicted(&client[i], exactly), got = client[i].t.events;
        if (exactly ? got != want : got > want) {
            char a[16], b[16];
            for (int k = 0; k < nchanges; k++)
                fprintf(stderr, "client %d: change %s old '%s' new '%s' parent '%s' exact %d\n",
                        client[i].id, changes[k].path, changes[k].old, changes[k].new,
                        changes[k].parent, changes[k].exact);
            for (int w = 0; w < client[i].watches; w++)
                fprintf(stderr, "watch %s\n", client[i].watch[w].path);
            fprintf(stderr, "last event %s\n", client[i].t.event);
            snprintf(a, sizeof(a), "%u", got);
            snprintf(b, sizeof(b), "%u", want);
            wrong("events", a, b);
        }
        client[i].t.events = 0;
    }
    nchanges = 0;
}

/* --- steps ----------------------------------------------------------------------------------- */

static void pick_path(char *to)
{
    unsigned depth = rnd(10) ? 1 + rnd(4) : 0;
    strcpy(to, depth ? "" : "/");
    while (depth--)
        sprintf(to + strlen(to), "/%c", 'a' + (char)rnd(NAMES));
}

static void pick_op(struct op *o)
{
    static const uint32_t types[] = {XS_READ,  XS_DIRECTORY, XS_GET_PERMS, XS_WRITE,    XS_WRITE,
                                     XS_WRITE, XS_MKDIR,     XS_RM,        XS_SET_PERMS};
    memset(o, 0, sizeof(*o));
    o->type = types[rnd(ARRAY_SIZE(types))];
    pick_path(o->path);
    if (o->type == XS_WRITE)
        snprintf(o->arg, sizeof(o->arg), "%u", rnd(1000));
    if (o->type == XS_SET_PERMS) {
        snprintf(o->arg, sizeof(o->arg), "%c%d", "nrwb"[rnd(4)], ids[rnd(CLIENTS)]);
        if (rnd(2))
            sprintf(o->arg + strlen(o->arg), " %c%d", "nrwb"[rnd(4)], ids[rnd(CLIENTS)]);
    }
}

static void changed_by(const struct client *c)
{
    for (int i = 0; nchanges && i < CLIENTS; i++)
        client[i].disturbed |= &client[i] != c;
}

static void plain_step(struct client *c)
{
    struct op o;
    pick_op(&o);
    uint32_t tx = c->t.tx;
    c->t.tx = 0;
    const char *got = daemon_do(c, &o), *want = model_do(&now, c->id, &o);
    if (strcmp(got, want))
        wrong(o.path, got, want);
    c->t.tx = tx;
    if (nchanges)
        for (int i = 0; i < CLIENTS; i++)
            client[i].disturbed = true;
    check_events(true);
}

static void begin_txn(struct client *c)
{
    ask(&c->t, XS_TRANSACTION_START, "", 1);
    c->t.tx = (uint32_t)atoi(c->t.answer);
    MUST(c->t.tx);
    c->n = 0;
    c->disturbed = false;
}

static void txn_step(struct client *c)
{
    struct op *o = &c->log[c->n];
    pick_op(o);
    snprintf(c->heard[c->n++], sizeof(c->heard[0]), "%s", daemon_do(c, o));
    check_events(true);
}

static void end_txn(struct client *c)
{
    bool keep = rnd(4) != 0;
    const char *got = ask1(&c->t, XS_TRANSACTION_END, keep ? "T" : "F");
    c->t.tx = 0;
    if (!keep || !strcmp(got, "EAGAIN")) {
        if (keep && !c->disturbed)
            wrong("transaction that nobody disturbed", got, "OK");
        if (!keep)
            MUST_BE(got, "OK");
        check_events(true);
        return;
    }
    MUST_BE(got, "OK");
    for (int i = 0; i < c->n; i++) {
        const char *want = model_do(&now, c->id, &c->log[i]);
        if (strncmp(c->heard[i], want, sizeof(c->heard[0]) - 1))
            wrong("not serializable", c->heard[i], want);
    }
    changed_by(c);
    check_events(false);
}

static void watch_step(struct client *c)
{
    char path[40], token[8];
    if (c->watches && rnd(2)) {
        int i = (int)rnd((unsigned)c->watches);
        MUST_BE(ask2(&c->t, XS_UNWATCH, c->watch[i].path, c->watch[i].token), "OK");
        c->watch[i] = c->watch[--c->watches];
        return;
    }
    if (c->watches == WATCHES)
        return;
    pick_path(path);
    snprintf(token, sizeof(token), "t%u", rnd(3));
    const char *want = "OK";
    for (int i = 0; i < c->watches; i++)
        if (!strcmp(c->watch[i].path, path) && !strcmp(c->watch[i].token, token))
            want = "EEXIST";
    MUST_BE(ask2(&c->t, XS_WATCH, path, token), want);
    if (!strcmp(want, "OK")) {
        MUST(c->t.events == 1);
        c->t.events = 0;
        strcpy(c->watch[c->watches].path, path);
        strcpy(c->watch[c->watches++].token, token);
    }
}

/* The same trees from the same names. */
static void compare_trees(void)
{
    static struct path p;
    uint32_t n = 0;
    for (struct node *m = xs.st.root; m; m = node_next(xs.st.root, m), n++) {
        node_path(m, &p);
        const struct entry *e = find(&now, p.text);
        if (!e || strlen(e->value) != m->value_len ||
            (m->value_len && memcmp(e->value, m->value, m->value_len)))
            wrong("tree", p.text, e ? e->value : "(none)");
    }
    if ((int)n != now.n)
        wrong("tree", "number of nodes", "");
}

static void one_step(void)
{
    struct client *c = &client[rnd(CLIENTS)];
    if (c->t.tx && rnd(3))
        c->n < LOG &&rnd(8) ? txn_step(c) : end_txn(c);
    else if (!c->t.tx && rnd(8) == 0)
        begin_txn(c);
    else if (rnd(12) == 0)
        watch_step(c);
    else
        plain_step(c);
    const char *bad = xs_audit(&xs);
    if (bad)
        wrong("audit", bad, "");
    keep_records();
}

/* Each request with its n-th allocation failing: ENOMEM and no change, or done (E10). */
static void without_memory(void)
{
    static char before[200000], after[200000];
    struct client *c = &client[0];
    dump_output = false;
    for (int round = 0; round < 60; round++) {
        struct op o;
        pick_op(&o);
        for (long n = 0;; n++) {
            dump(&xs, before, sizeof(before));
            MUST(!outq_reserve(&c->t.c->out, 8192));
            fake_mem_fail = n;
            const char *got = daemon_do(c, &o);
            bool failed = fake_mem_fail < 0;
            fake_mem_fail = -1;
            for (int i = 0; i < CLIENTS; i++)
                client[i].t.c->broken = false;
            dump(&xs, after, sizeof(after));
            if (failed && !strcmp(got, "ENOMEM") && strcmp(before, after))
                wrong("failed but changed", after, before);
            const char *bad = xs_audit(&xs);
            if (bad)
                wrong("audit without memory", bad, "");
            if (!failed)
                break;
        }
        for (int i = 0; i < CLIENTS; i++)
            drain(&client[i].t);
    }
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 20261123;
    long steps = argc > 2 ? atol(argv[2]) : 30000;
    rng = seed;
    path_seed(seed * 0x9e3779b97f4a7c15);
    MUST(!xs_init(&xs));
    xs.rec.on = true;
    quota_init(&xs.quota);
    xs.quota.max[QUOTA_NODES] = xs.quota.max[QUOTA_TXN_NODES] = 100000;
    for (int i = 0; i < CLIENTS; i++) {
        client[i].id = ids[i];
        client[i].t.xs = &xs;
        client[i].t.c = guest(&xs, (unsigned)ids[i]);
    }
    ask1(&client[0].t, XS_RM, "/tool");
    now.n = 1;
    now.e[0] = (struct entry){.path = "/", .perms = "n0"};
    rec_snapshot(&xs, no_flush);
    keep_records();
    for (step_no = 0; step_no < steps; step_no++) {
        one_step();
        if (step_no % 50 == 0)
            compare_trees();
        if (step_no % 500 == 0)
            check_records();
    }
    without_memory();
    xs_free(&xs);
    free(journal);
    MUST(fake_mem_used == 0);
    printf("seed %lu: %ld steps\n", seed, steps);
    return 0;
}
