/* The xenstore as the tools use it (see store.h), over libxenstore. */
#include "lib/store.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

enum op_kind { OP_PUT, OP_MKDIR, OP_REMOVE, OP_PERMS };

struct op {
    enum op_kind kind;
    char *path;
    char *value;
    uint32_t owner;
    int peer;
    char mode;
};

struct store {
    struct xs_handle *xs;
    char base[STORE_PATH];
    struct op *ops;
    size_t nr, room;
    int broken; /* why the batch can't be sent (-ENOMEM, -ENAMETOOLONG) */
};

int store_open(struct store **out, struct why *w)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return why(w, -ENOMEM, "out of memory");
    s->xs = xs_open(0);
    if (!s->xs) {
        int err = errno;
        free(s);
        return why(w, -err, "cannot reach the xenstore: %s; is xenstored running?", strerror(err));
    }
    *out = s;
    return 0;
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
    xs_close(s->xs);
    free(s);
}

void store_forget(struct store *s)
{
    if (!s)
        return;
    forget_batch(s);
    free(s->ops);
    xs_daemon_destroy_postfork(s->xs);
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
    return fits ? xs_read(s->xs, XBT_NULL, path, &(unsigned){0}) : NULL;
}

int64_t store_number(struct store *s, int64_t otherwise, const char *fmt, ...)
{
    FORMAT(path);
    char *text = fits ? xs_read(s->xs, XBT_NULL, path, &(unsigned){0}) : NULL, *end;
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
    char *v = fits ? xs_read(s->xs, XBT_NULL, path, &(unsigned){0}) : NULL;
    free(v);
    return v != NULL;
}

char **store_list(struct store *s, unsigned *n, const char *fmt, ...)
{
    FORMAT(path);
    *n = 0;
    return fits ? xs_directory(s->xs, XBT_NULL, path, n) : NULL;
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

static bool op_send(struct store *s, xs_transaction_t t, const struct op *op)
{
    struct xs_permissions perms[2] = {{.id = op->owner}, {.id = (unsigned)op->peer}};
    switch (op->kind) {
    case OP_PUT:
        return xs_write(s->xs, t, op->path, op->value, (unsigned)strlen(op->value));
    case OP_MKDIR:
        return xs_mkdir(s->xs, t, op->path);
    case OP_REMOVE:
        return xs_rm(s->xs, t, op->path) || errno == ENOENT;
    case OP_PERMS:
        perms[0].perms = op->mode == 'r'   ? XS_PERM_READ
                         : op->mode == 'w' ? XS_PERM_WRITE
                         : op->mode == 'b' ? XS_PERM_READ | XS_PERM_WRITE
                                           : XS_PERM_NONE;
        perms[1].perms = XS_PERM_READ;
        return xs_set_permissions(s->xs, t, op->path, perms, op->peer >= 0 ? 2 : 1);
    }
    return false;
}

static int batch_send(struct store *s, bool transaction, struct why *w)
{
    xs_transaction_t t = XBT_NULL;
    if (transaction && !(t = xs_transaction_start(s->xs)))
        return why(w, -errno, "xenstore: cannot start a transaction: %s", strerror(errno));
    for (size_t i = 0; i < s->nr; i++) {
        if (op_send(s, t, &s->ops[i]))
            continue;
        int err = errno ? errno : EIO;
        if (t)
            xs_transaction_end(s->xs, t, true);
        return why(w, -err, "xenstore: cannot change %s: %s", s->ops[i].path, strerror(err));
    }
    if (t && !xs_transaction_end(s->xs, t, false))
        return errno == EAGAIN
                   ? -EAGAIN
                   : why(w, -errno, "xenstore: transaction failed: %s", strerror(errno));
    return 0;
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
    return fits && xs_watch(s->xs, path, token) ? 0 : -errno;
}

void store_unwatch(struct store *s, const char *token, const char *fmt, ...)
{
    FORMAT(path);
    if (fits)
        xs_unwatch(s->xs, path, token);
}

int store_fd(struct store *s)
{
    return xs_fileno(s->xs);
}

bool store_event(struct store *s, char *token, size_t room)
{
    char **ev = xs_check_watch(s->xs);
    if (ev && token)
        snprintf(token, room, "%s", ev[XS_WATCH_TOKEN]);
    free(ev);
    return ev != NULL;
}

int store_wait(struct store *s, int ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
    while (!store_event(s, NULL, 0)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = end - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
        if (left <= 0)
            return 0;
        struct pollfd p = {.fd = store_fd(s), .events = POLLIN};
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
    while (store_event(s, NULL, 0))
        ;
    return 1;
}

/* --- domains -------------------------------------------------------------------------------- */

int store_introduce(struct store *s, uint32_t domid, uint64_t mfn, uint32_t port)
{
    return xs_introduce_domain(s->xs, domid, mfn, port) ? 0 : -errno;
}

int store_release(struct store *s, uint32_t domid)
{
    return xs_release_domain(s->xs, domid) ? 0 : -errno;
}

int store_resume(struct store *s, uint32_t domid)
{
    return xs_resume_domain(s->xs, domid) ? 0 : -errno;
}

char *store_control(struct store *s, const char *command, const char **args, unsigned n)
{
    char data[256];
    unsigned len = 0;
    for (unsigned i = 0; i < n; i++) {
        size_t k = strlen(args[i]) + 1;
        if (len + k > sizeof data)
            return NULL;
        memcpy(data + len, args[i], k);
        len += (unsigned)k;
    }
    return xs_control_command(s->xs, command, data, len);
}
