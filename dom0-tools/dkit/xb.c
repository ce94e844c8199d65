/*
 * The xenstore for daemons (see xb.h).
 *
 *   X1  one request at a time: its reply is the next message that is not a watch event
 *   X2  events that come meanwhile wait in `events`, one for each watch and path, and are delivered
 *       by a job of the loop: no callback runs inside a request
 */
#include "dkit/xb.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "dkit/log.h"
#include "dkit/loop.h"
#include "dkit/xlink.h"
#include "dkit/xlist.h"

enum { RETRY_MS = 100, PATIENCE = 600 }; /* a minute for the store to come back */

struct event {
    struct list link;
    struct xb_watch *watch;
    char path[];
};

static struct xlink xlink = {.fd = -1};
static struct source source = {.fd = -1}; /* of the same descriptor */
static struct list watches = LIST_INIT(watches);
static struct list events = LIST_INIT(events);
static struct job deliver;
static struct timer retry;
static unsigned last_token;
static uint32_t txn;
static bool txn_lost; /* the connection went while it was open */

static int restore(void);

/* --- events ---------------------------------------------------------------------------------- */

static struct xb_watch *find_watch(unsigned token)
{
    list_for_each (it, &watches) {
        struct xb_watch *w = list_entry(it, struct xb_watch, link);
        if (w->token == token)
            return w;
    }
    return NULL;
}

static void queue_event(const char *payload, size_t len)
{
    size_t path_len = strnlen(payload, len);
    if (path_len >= len)
        return;
    struct xb_watch *w = find_watch((unsigned)strtoul(payload + path_len + 1, NULL, 10));
    if (!w || (w->exact && strcmp(payload, w->path) != 0))
        return;
    list_for_each (it, &events) {
        const struct event *e = list_entry(it, struct event, link);
        if (e->watch == w && strcmp(e->path, payload) == 0)
            return;
    }
    struct event *e = malloc(sizeof *e + path_len + 1);
    if (!e) {
        log_line("no memory for an event of %s", payload);
        return;
    }
    e->watch = w;
    memcpy(e->path, payload, path_len + 1);
    list_push_back(&events, &e->link);
    job_later(&deliver);
}

static void run_events(struct job *j)
{
    struct list *link;
    (void)j;
    while ((link = list_pop_front(&events))) {
        struct event *e = list_entry(link, struct event, link);
        e->watch->fired(e->watch, e->path);
        free(e);
    }
}

/* --- the connection -------------------------------------------------------------------------- */

static void disconnect(void)
{
    if (source.fd < 0)
        return;
    loop_remove(&source);
    xlink_drop(&xlink);
    source.fd = -1;
    txn_lost = txn != 0;
}

/* The events that are in our buffer: the socket tells no more of them (needs: no reply awaited). */
static int take_events(void)
{
    struct xlink_msg m;
    int rc = 0;
    while (xlink_here(&xlink) && !(rc = xlink_take(&xlink, &m)))
        if (m.type == XS_WATCH_EVENT)
            queue_event(m.payload, m.len);
    return rc;
}

static void readable(struct source *s, uint32_t what)
{
    struct xlink_msg m;
    (void)what;
    /* An earlier callback may have read what was here: never wait for a message's first byte. */
    struct pollfd p = {.fd = s->fd, .events = POLLIN};
    if (poll(&p, 1, 0) <= 0)
        return;
    if (xlink_take(&xlink, &m)) {
        log_line("the connection to xenstored is lost");
        disconnect();
        timer_set(&retry, 0);
        return;
    }
    if (m.type == XS_WATCH_EVENT)
        queue_event(m.payload, m.len);
    (void)take_events();
}

static int connect_store(void)
{
    int rc = xlink_connect(&xlink);
    if (rc)
        return rc;
    source = (struct source){.ready = readable, .fd = xlink.fd};
    rc = loop_add(&source, EPOLLIN);
    if (rc) {
        xlink_drop(&xlink);
        source.fd = -1;
    }
    return rc;
}

/* Between daemons of the store there is none: try until it is there. */
static void try_again(struct timer *t)
{
    if (source.fd >= 0)
        return;
    if (connect_store() || restore())
        timer_set(t, RETRY_MS);
}

static int connect_patiently(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (source.fd >= 0)
            return 0;
        if (!connect_store() && !restore())
            return 0;
        poll(NULL, 0, RETRY_MS);
    }
    log_line("xenstored does not come back");
    timer_set(&retry, RETRY_MS);
    return -ENOTCONN;
}

/* --- requests -------------------------------------------------------------------------------- */

/* On the connection there is. The reply's payload is the caller's to free. */
static int exchange(uint32_t type, uint32_t tx, const struct part *parts, size_t n, char **reply,
                    size_t *reply_len)
{
    struct xlink_msg m;
    int rc = xlink_ask(&xlink, type, tx, parts, n);
    if (rc)
        return rc;
    while (!(rc = xlink_take(&xlink, &m)) && m.type == XS_WATCH_EVENT)
        queue_event(m.payload, m.len);
    if (rc) {
        disconnect();
        return rc;
    }
    rc = xlink_verdict(&m, type);
    if (!rc) {
        *reply = malloc(m.len + 1);
        if (*reply)
            memcpy(*reply, m.payload, m.len + 1);
        else
            rc = -ENOMEM;
        *reply_len = m.len;
    }
    (void)take_events();
    return rc;
}

static int request(uint32_t type, const struct part *parts, size_t n, char **reply,
                   size_t *reply_len)
{
    char *dropped = NULL;
    size_t len;
    for (;;) {
        if (txn_lost)
            return -EAGAIN;
        int rc = connect_patiently();
        if (!rc)
            rc = exchange(type, txn, parts, n, reply ? reply : &dropped,
                          reply_len ? reply_len : &len);
        free(dropped);
        dropped = NULL;
        if (rc != -ECONNRESET)
            return rc;
        log_line("the connection to xenstored is lost");
    }
}

/* On a new connection: the watches that there were. */
static int restore(void)
{
    list_for_each (it, &watches) {
        const struct xb_watch *w = list_entry(it, struct xb_watch, link);
        char token[16], *reply = NULL;
        size_t len;
        snprintf(token, sizeof token, "%u", w->token);
        const struct part parts[] = {{w->path, strlen(w->path) + 1}, {token, strlen(token) + 1}};
        int rc = exchange(XS_WATCH, 0, parts, 2, &reply, &len);
        free(reply);
        if (rc == -ECONNRESET)
            return rc;
        if (rc)
            log_line("watch on %s: %s", w->path, strerror(-rc));
    }
    return 0;
}

int xb_open(void)
{
    list_init(&watches);
    list_init(&events);
    job_init(&deliver, run_events);
    timer_init(&retry, try_again);
    txn = 0;
    txn_lost = false;
    return connect_store();
}

void xb_forget(void)
{
    xlink_drop(&xlink);
    source.fd = -1;
}

/* --- reading and writing --------------------------------------------------------------------- */

#define FORMAT(path)                                                                               \
    char path[XENSTORE_ABS_PATH_MAX];                                                              \
    va_list ap;                                                                                    \
    va_start(ap, fmt);                                                                             \
    size_t path##_len = (size_t)vsnprintf(path, sizeof path, fmt, ap) + 1;                         \
    va_end(ap);                                                                                    \
    const int path##_rc = path##_len > sizeof path ? -ENAMETOOLONG : 0

char *xb_read(const char *fmt, ...)
{
    char *value = NULL;
    FORMAT(path);
    const struct part part = {path, path_len};
    int rc = path_rc ? path_rc : request(XS_READ, &part, 1, &value, NULL);
    if (rc)
        errno = -rc;
    return rc ? NULL : value;
}

static bool all_digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == 0;
}

uint64_t xb_number(uint64_t otherwise, uint64_t max, const char *fmt, ...)
{
    FORMAT(path);
    char *value = path_rc ? NULL : xb_read("%s", path);
    if (!value)
        return otherwise;
    errno = 0;
    uint64_t n = strtoull(value, NULL, 10);
    bool good = all_digits(value) && !errno && n <= max;
    free(value);
    return good ? n : otherwise;
}

bool xb_exists(const char *fmt, ...)
{
    FORMAT(path);
    char *value = path_rc ? NULL : xb_read("%s", path);
    free(value);
    return value != NULL;
}

/* The names of more children than one answer holds; from the start again when they change. */
static int long_list(const struct part *path, char **names, size_t *len)
{
    struct xlist l = {0};
    int rc = 0;
    while (!rc) {
        char at[24], *piece = NULL;
        size_t n = 0;
        snprintf(at, sizeof at, "%zu", l.len);
        const struct part parts[] = {*path, {at, strlen(at) + 1}};
        rc = request(XS_DIRECTORY_PART, parts, 2, &piece, &n);
        if (!rc)
            rc = xlist_add(&l, piece, n);
        free(piece);
    }
    *names = l.names;
    *len = l.len;
    return rc < 0 ? rc : 0;
}

char **xb_list(unsigned *n, const char *fmt, ...)
{
    char *names = NULL;
    size_t len = 0;
    *n = 0;
    FORMAT(path);
    const struct part part = {path, path_len};
    int rc = path_rc ? path_rc : request(XS_DIRECTORY, &part, 1, &names, &len);
    if (rc == -E2BIG)
        rc = long_list(&part, &names, &len);
    char **list = rc ? NULL : xlist_split(names, len, n);
    free(names);
    if (rc)
        errno = -rc;
    return list;
}

static int write_value(const char *path, size_t path_len, const char *value)
{
    const struct part parts[] = {{path, path_len}, {value, strlen(value)}};
    return request(XS_WRITE, parts, 2, NULL, NULL);
}

int xb_write(const char *value, const char *fmt, ...)
{
    FORMAT(path);
    return path_rc ? path_rc : write_value(path, path_len, value);
}

int xb_write_number(uint64_t value, const char *fmt, ...)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    FORMAT(path);
    return path_rc ? path_rc : write_value(path, path_len, text);
}

int xb_remove(const char *fmt, ...)
{
    FORMAT(path);
    const struct part part = {path, path_len};
    int rc = path_rc ? path_rc : request(XS_RM, &part, 1, NULL, NULL);
    return rc == -ENOENT ? 0 : rc;
}

int xb_begin(void)
{
    char *id = NULL;
    const struct part part = {"", 1};
    txn_lost = false;
    int rc = request(XS_TRANSACTION_START, &part, 1, &id, NULL);
    if (!rc)
        txn = (uint32_t)strtoul(id, NULL, 10);
    free(id);
    return rc;
}

int xb_end(bool commit)
{
    const struct part part = {commit ? "T" : "F", 2};
    int rc = txn_lost ? -EAGAIN : request(XS_TRANSACTION_END, &part, 1, NULL, NULL);
    txn = 0;
    txn_lost = false;
    return rc;
}

/* --- watches --------------------------------------------------------------------------------- */

static int ask_watch(uint32_t type, const struct xb_watch *w)
{
    char token[16];
    snprintf(token, sizeof token, "%u", w->token);
    const struct part parts[] = {{w->path, strlen(w->path) + 1}, {token, strlen(token) + 1}};
    return request(type, parts, 2, NULL, NULL);
}

int xb_watch(struct xb_watch *w, const char *fmt, ...)
{
    FORMAT(path);
    list_init(&w->link);
    w->path = path_rc ? NULL : strdup(path);
    if (!w->path)
        return path_rc ? path_rc : -ENOMEM;
    w->token = ++last_token;
    /* First the list: its event may come before the reply. */
    list_push_back(&watches, &w->link);
    int rc = ask_watch(XS_WATCH, w);
    /* Set by restore() already, if the connection was lost under way. */
    if (rc && rc != -EEXIST) {
        list_remove(&w->link);
        free(w->path);
        w->path = NULL;
        return rc;
    }
    return 0;
}

void xb_unwatch(struct xb_watch *w)
{
    if (!w->path)
        return;
    list_remove(&w->link);
    list_for_each_safe (it, &events) {
        struct event *e = list_entry(it, struct event, link);
        if (e->watch == w) {
            list_remove(it);
            free(e);
        }
    }
    if (source.fd >= 0)
        (void)ask_watch(XS_UNWATCH, w); /* a new connection does not have it any more */
    free(w->path);
    w->path = NULL;
}
