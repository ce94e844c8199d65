/*
 * The xenstore as the tools use it (see store.h), over a connection of our own: a batch's requests
 * go out together, while libxenstore waits for each one's answer.
 */
#include "lib/store.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dkit/xlink.h"
#include "dkit/xlist.h"

enum op_kind { OP_PUT, OP_MKDIR, OP_REMOVE, OP_PERMS };

struct op {
    enum op_kind kind;
    char *path;
    char *value;
    uint32_t owner;
    int peer;
    char mode;
};

struct event {
    struct event *next;
    char token[];
};

struct store {
    struct xlink link;
    struct event *events, **last; /* those that came between replies, in order */
    char base[STORE_PATH];
    struct op *ops;
    size_t nr, room;
    int broken; /* why the batch can't be sent (-ENOMEM, -ENAMETOOLONG) */
};

enum { PATIENCE_S = 120 }; /* far more than a loaded machine needs */

int store_open(struct store **out, struct why *w)
{
    struct store *s = malloc(sizeof *s);
    if (!s)
        return why(w, -ENOMEM, "out of memory");
    int rc = xlink_connect(&s->link);
    if (rc) {
        free(s);
        return why(w, rc, "cannot reach the xenstore: %s; is xenstored running?", strerror(-rc));
    }
    xlink_patience(&s->link, PATIENCE_S * 1000);
    s->events = NULL;
    s->last = &s->events;
    s->base[0] = 0;
    s->ops = NULL;
    s->nr = s->room = 0;
    s->broken = 0;
    *out = s;
    return 0;
}

static bool pop_event(struct store *s, char *token, size_t room)
{
    struct event *e = s->events;
    if (!e)
        return false;
    s->events = e->next;
    if (!s->events)
        s->last = &s->events;
    if (token)
        snprintf(token, room, "%s", e->token);
    free(e);
    return true;
}

static void forget_batch(struct store *s)
{
    for (size_t i = 0; i < s->nr; i++) {
        free(s->ops[i].path);
        free(s->ops[i].value);
    }
    s->nr = 0;
    s->broken = 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    forget_batch(s);
    free(s->ops);
    while (pop_event(s, NULL, 0))
        ;
    xlink_drop(&s->link);
    free(s);
}

/* --- paths ---------------------------------------------------------------------------------- */

static bool path_join(const struct store *s, char out[STORE_PATH], const char *key)
{
    int n = key[0] == '/' || key[0] == '@' ? snprintf(out, STORE_PATH, "%s", key)
            : key[0] == 0                  ? snprintf(out, STORE_PATH, "%s", s->base)
                                           : snprintf(out, STORE_PATH, "%s/%s", s->base, key);
    return n >= 0 && n < STORE_PATH;
}

static bool path_format(const struct store *s, char out[STORE_PATH], const char *fmt, va_list ap)
{
    char key[STORE_PATH];
    int n = vsnprintf(key, sizeof key, fmt, ap);
    return n >= 0 && n < (int)sizeof key && path_join(s, out, key);
}

/* --- requests ------------------------------------------------------------------------------- */

static void keep_event(struct store *s, const struct xlink_msg *m)
{
    size_t path = strnlen(m->payload, m->len) + 1;
    if (path >= m->len)
        return;
    struct event *e = malloc(sizeof *e + m->len - path + 1);
    if (!e)
        return; /* whoever waits looks for himself after a while */
    e->next = NULL;
    memcpy(e->token, m->payload + path, m->len - path + 1);
    *s->last = e;
    s->last = &e->next;
}

/* The next message; a daemon that stands still is told of, once. */
static int take(struct store *s, struct xlink_msg *m)
{
    int rc = xlink_take(&s->link, m);
    if (rc && s->link.late) {
        s->link.late = false;
        fprintf(stderr, "axl: the xenstore has not answered for %d s; is its daemon stopped?\n",
                PATIENCE_S);
    }
    return rc;
}

/* The next reply. 0, or -errno from the store or of a lost connection. */
static int take_reply(struct store *s, uint32_t type, struct xlink_msg *m)
{
    for (;;) {
        int rc = take(s, m);
        if (rc || m->type != XS_WATCH_EVENT)
            return rc ? rc : xlink_verdict(m, type);
        keep_event(s, m);
    }
}

/* One request and its reply, which is a copy of the caller's to free; NULL with errno. */
static char *request(struct store *s, uint32_t type, const struct part *parts, size_t n,
                     unsigned *len)
{
    struct xlink_msg m;
    int rc = xlink_ask(&s->link, type, 0, parts, n);
    if (!rc)
        rc = take_reply(s, type, &m);
    char *copy = rc ? NULL : malloc(m.len + 1);
    if (!copy) {
        errno = rc ? -rc : ENOMEM;
        return NULL;
    }
    memcpy(copy, m.payload, m.len + 1);
    if (len)
        *len = m.len;
    return copy;
}

static struct part text_part(const char *text)
{
    return (struct part){text, strlen(text) + 1};
}

static char *request_path(struct store *s, uint32_t type, const char *path, unsigned *len)
{
    struct part part = text_part(path);
    return request(s, type, &part, 1, len);
}

/* One that only succeeds or fails. */
static int order(struct store *s, uint32_t type, const char *first, const char *second)
{
    struct part parts[] = {text_part(first), text_part(second ? second : "")};
    char *reply = request(s, type, parts, second ? 2 : 1, NULL);
    free(reply);
    return reply ? 0 : -errno;
}

/* --- reading -------------------------------------------------------------------------------- */

#define FORMAT(path)                                                                               \
    char path[STORE_PATH];                                                                         \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    bool fits = path_format(s, path, fmt, ap);                                                     \
    va_end(ap)

char *store_read(struct store *s, const char *fmt, ...)
{
    FORMAT(path);
    return fits ? request_path(s, XS_READ, path, NULL) : NULL;
}

int64_t store_number(struct store *s, int64_t otherwise, const char *fmt, ...)
{
    FORMAT(path);
    char *text = fits ? request_path(s, XS_READ, path, NULL) : NULL, *end;
    int64_t v = otherwise;
    if (text && *text) {
        long long got = strtoll(text, &end, 10);
        if (!*end)
            v = got;
    }
    free(text);
    return v;
}

bool store_exists(struct store *s, const char *fmt, ...)
{
    FORMAT(path);
    char *v = fits ? request_path(s, XS_READ, path, NULL) : NULL;
    free(v);
    return v != NULL;
}

/* The names of more children than one answer holds; from the start again when they change. */
static char *long_list(struct store *s, const char *path, unsigned *len)
{
    struct xlist l = {0};
    int rc = 0;
    while (!rc) {
        char at[24];
        unsigned n;
        snprintf(at, sizeof at, "%zu", l.len);
        struct part parts[] = {text_part(path), text_part(at)};
        char *piece = request(s, XS_DIRECTORY_PART, parts, 2, &n);
        rc = piece ? xlist_add(&l, piece, n) : -errno;
        free(piece);
    }
    if (rc > 0) {
        *len = (unsigned)l.len;
        return l.names;
    }
    free(l.names);
    errno = -rc;
    return NULL;
}

char **store_list(struct store *s, unsigned *n, const char *fmt, ...)
{
    FORMAT(path);
    unsigned len;
    *n = 0;
    char *names = fits ? request_path(s, XS_DIRECTORY, path, &len) : NULL;
    if (!names && fits && errno == E2BIG)
        names = long_list(s, path, &len);
    char **list = names ? xlist_split(names, len, n) : NULL;
    free(names);
    return list;
}

/* Among these domains, by their name nodes, all asked for at once. Its place in `ids`, or -errno.
 */
static int find_name(struct store *s, char **ids, unsigned n, const char *name)
{
    int found = -ENOENT, rc = 0;
    for (unsigned asked = 0, told = 0; told < n && rc != -ECONNRESET; told++) {
        char path[64];
        struct xlink_msg m;
        for (; asked < n && xlink_room(&s->link, sizeof path); asked++) {
            snprintf(path, sizeof path, "/local/domain/%s/name", ids[asked]);
            struct part part = text_part(path);
            (void)xlink_ask(&s->link, XS_READ, 0, &part, 1);
        }
        rc = take_reply(s, XS_READ, &m);
        if (!rc && found < 0 && strlen(name) == m.len && memcmp(m.payload, name, m.len) == 0)
            found = (int)told;
    }
    return rc == -ECONNRESET ? rc : found;
}

int store_domain_named(struct store *s, const char *name)
{
    /* xenstored-lite finds it by itself; others have not heard of such a command. */
    const char *args[] = {name};
    char *answer = store_control(s, "domain-named", args, 1);
    if (answer) {
        int id = *answer ? atoi(answer) : -ENOENT;
        free(answer);
        return id;
    }
    unsigned n;
    char **ids = store_list(s, &n, "/local/domain");
    int at = ids ? find_name(s, ids, n, name) : errno == ENOENT ? -ENOENT : -errno;
    if (at >= 0)
        at = atoi(ids[at]);
    free(ids);
    return at;
}

/* --- changing ------------------------------------------------------------------------------- */

void store_at(struct store *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s->base, sizeof s->base, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof s->base)
        s->broken = -ENAMETOOLONG;
}

static struct op *op_new(struct store *s, enum op_kind kind, const char *key)
{
    char path[STORE_PATH];
    if (!path_join(s, path, key)) {
        s->broken = -ENAMETOOLONG;
        return NULL;
    }
    if (s->nr == s->room) {
        size_t room = s->room ? 2 * s->room : 32;
        struct op *more = realloc(s->ops, room * sizeof *more);
        if (!more) {
            s->broken = -ENOMEM;
            return NULL;
        }
        s->ops = more;
        s->room = room;
    }
    struct op *op = &s->ops[s->nr];
    *op = (struct op){.kind = kind, .path = strdup(path)};
    if (!op->path) {
        s->broken = -ENOMEM;
        return NULL;
    }
    s->nr++;
    return op;
}

void store_put(struct store *s, const char *key, const char *fmt, ...)
{
    struct op *op = op_new(s, OP_PUT, key);
    if (!op)
        return;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&op->value, fmt, ap) < 0) {
        op->value = NULL;
        s->broken = -ENOMEM;
    }
    va_end(ap);
}

void store_mkdir(struct store *s, const char *key)
{
    op_new(s, OP_MKDIR, key);
}

void store_remove(struct store *s, const char *fmt, ...)
{
    FORMAT(path);
    if (fits)
        op_new(s, OP_REMOVE, path);
    else
        s->broken = -ENAMETOOLONG;
}

void store_perms(struct store *s, const char *key, uint32_t owner, char mode, int peer)
{
    struct op *op = op_new(s, OP_PERMS, key);
    if (!op)
        return;
    op->owner = owner;
    op->mode = mode;
    op->peer = peer;
}

static const uint32_t op_types[] = {
    [OP_PUT] = XS_WRITE, [OP_MKDIR] = XS_MKDIR, [OP_REMOVE] = XS_RM, [OP_PERMS] = XS_SET_PERMS};

/* The request's payload behind the path; `perms` has room for two permissions. */
static struct part op_value(const struct op *op, char perms[32])
{
    if (op->kind == OP_PUT)
        return (struct part){op->value, strlen(op->value)};
    if (op->kind != OP_PERMS)
        return (struct part){"", 0};
    int n = snprintf(perms, 32, "%c%u", op->mode, op->owner) + 1;
    if (op->peer >= 0)
        n += snprintf(perms + n, 32 - (size_t)n, "r%d", op->peer) + 1;
    return (struct part){perms, (size_t)n};
}

static int op_ask(struct store *s, uint32_t t, const struct op *op)
{
    char perms[32];
    struct part parts[] = {text_part(op->path), op_value(op, perms)};
    return xlink_ask(&s->link, op_types[op->kind], t, parts, parts[1].len ? 2 : 1);
}

static bool op_room(struct store *s, const struct op *op)
{
    return xlink_room(&s->link,
                      strlen(op->path) + 1 + (op->kind == OP_PUT ? strlen(op->value) : 32));
}

/* All of the batch, ahead of the answers as far as it goes. The first failure counts. */
static int batch_ops(struct store *s, uint32_t t, struct why *w)
{
    int rc = 0;
    for (size_t asked = 0, told = 0; told < s->nr; told++) {
        struct xlink_msg m;
        const struct op *op = &s->ops[told];
        int err = 0;
        while (asked < s->nr && !err && (asked == told || op_room(s, &s->ops[asked])))
            if (!(err = op_ask(s, t, &s->ops[asked])))
                asked++;
        if (asked > told)
            err = take_reply(s, op_types[op->kind], &m);
        if (err == -ENOENT && op->kind == OP_REMOVE)
            err = 0;
        if (err && !rc)
            rc = why(w, err, "xenstore: cannot change %s: %s", op->path, strerror(-err));
        if (err == -ECONNRESET || asked <= told)
            break;
    }
    return rc;
}

static int transaction_end(struct store *s, uint32_t t, bool commit)
{
    struct xlink_msg m;
    struct part part = text_part(commit ? "T" : "F");
    int rc = xlink_ask(&s->link, XS_TRANSACTION_END, t, &part, 1);
    return rc ? rc : take_reply(s, XS_TRANSACTION_END, &m);
}

static int batch_send(struct store *s, bool transaction, struct why *w)
{
    uint32_t t = 0;
    if (transaction) {
        char *id = request_path(s, XS_TRANSACTION_START, "", NULL);
        if (!id)
            return why(w, -errno, "xenstore: cannot start a transaction: %s", strerror(errno));
        t = (uint32_t)strtoul(id, NULL, 10);
        free(id);
    }
    int rc = batch_ops(s, t, w);
    if (!t)
        return rc;
    int end = transaction_end(s, t, !rc);
    if (rc || !end)
        return rc;
    return end == -EAGAIN ? end : why(w, end, "xenstore: transaction failed: %s", strerror(-end));
}

int store_commit(struct store *s, bool transaction, struct why *w)
{
    int rc = s->broken, tries = 0;
    if (rc)
        why(w, rc, "xenstore: %s", rc == -ENOMEM ? "out of memory" : "a path is too long");
    else
        do
            rc = batch_send(s, transaction, w);
        while (rc == -EAGAIN && ++tries < 1000);
    if (rc == -EAGAIN)
        why(w, rc,
            "xenstore: a transaction conflicted with others' %d times; is a guest or tool "
            "changing the same nodes all the time?",
            tries);
    forget_batch(s);
    return rc;
}

/* --- waiting -------------------------------------------------------------------------------- */

int store_watch(struct store *s, const char *token, const char *fmt, ...)
{
    FORMAT(path);
    return fits ? order(s, XS_WATCH, path, token) : -ENAMETOOLONG;
}

void store_unwatch(struct store *s, const char *token, const char *fmt, ...)
{
    FORMAT(path);
    if (fits)
        (void)order(s, XS_UNWATCH, path, token);
}

int store_fd(struct store *s)
{
    return s->link.fd;
}

/* Takes in what is here. 0 or -ECONNRESET. */
static int collect(struct store *s)
{
    struct pollfd p = {.fd = s->link.fd, .events = POLLIN};
    struct xlink_msg m;
    while (xlink_here(&s->link) || poll(&p, 1, 0) > 0) {
        int rc = take(s, &m);
        if (rc)
            return rc;
        if (m.type == XS_WATCH_EVENT)
            keep_event(s, &m);
    }
    return 0;
}

bool store_event(struct store *s, char *token, size_t room)
{
    return pop_event(s, token, room) || (!collect(s) && pop_event(s, token, room));
}

int store_wait(struct store *s, int ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
    for (;;) {
        int rc = collect(s);
        if (rc)
            return rc;
        if (s->events)
            break;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = end - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
        if (left <= 0)
            return 0;
        struct pollfd p = {.fd = store_fd(s), .events = POLLIN};
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
    while (pop_event(s, NULL, 0))
        ;
    return 1;
}

/* --- domains -------------------------------------------------------------------------------- */

int store_introduce(struct store *s, uint32_t domid, uint64_t mfn, uint32_t port)
{
    char text[3][24];
    snprintf(text[0], sizeof text[0], "%u", domid);
    snprintf(text[1], sizeof text[1], "%llu", (unsigned long long)mfn);
    snprintf(text[2], sizeof text[2], "%u", port);
    struct part parts[] = {text_part(text[0]), text_part(text[1]), text_part(text[2])};
    char *reply = request(s, XS_INTRODUCE, parts, 3, NULL);
    free(reply);
    return reply ? 0 : -errno;
}

static int order_domain(struct store *s, uint32_t type, uint32_t domid)
{
    char text[16];
    snprintf(text, sizeof text, "%u", domid);
    return order(s, type, text, NULL);
}

int store_release(struct store *s, uint32_t domid)
{
    return order_domain(s, XS_RELEASE, domid);
}

int store_resume(struct store *s, uint32_t domid)
{
    return order_domain(s, XS_RESUME, domid);
}

char *store_control(struct store *s, const char *command, const char **args, unsigned n)
{
    enum { ARGS = 6 };
    struct part parts[1 + ARGS] = {text_part(command)};
    if (n > ARGS)
        return NULL;
    for (unsigned i = 0; i < n; i++)
        parts[1 + i] = text_part(args[i]);
    return request(s, XS_CONTROL, parts, 1 + n, NULL);
}
