/* Watches: their events wait in a queue for the xenstore thread, which calls the owners. */
#include <gk/err.h>
#include <gk/mem.h>
#include "libc/string.h"
#include "thread/turn.h"
#include "xenbus/xb.h"

struct gk_xs_watch {
    struct gk_xs_watch *next;
    void (*call)(const char *path, void *argument);
    void *argument;
    char token[12];
    bool gone; /* unwatched from within its own call */
    char path[];
};

struct watch_event {
    struct watch_event *next;
    struct gk_xs_watch *watch;
    char *body; /* path, NUL, token, NUL */
};

static struct gk_xs_watch *watches, *calling;
static struct watch_event *events, **events_end = &events;
static struct gk_waitq some_event, call_over;
static struct gk_thread *thread; /* that calls */
static uint32_t next_token;

static struct gk_xs_watch *watch_of(const char *token)
{
    struct gk_xs_watch *w = watches;

    while (w && strcmp(w->token, token))
        w = w->next;
    return w;
}

/* Events of nobody's, or malformed, or without memory to note them, are dropped. */
void xs_watch_event(char *body, size_t length)
{
    size_t path = strlen(body) + 1;
    struct gk_xs_watch *w = path < length ? watch_of(body + path) : NULL;
    struct watch_event *e = w ? gk_alloc(sizeof(*e)) : NULL;

    if (!e) {
        gk_free(body);
        return;
    }
    *e = (struct watch_event){.watch = w, .body = body};
    *events_end = e;
    events_end = &e->next;
    gk_waitq_wake(&some_event);
}

static void events_drop(const struct gk_xs_watch *w)
{
    struct watch_event **at = &events;

    while (*at) {
        struct watch_event *e = *at;
        if (e->watch == w) {
            *at = e->next;
            gk_free(e->body);
            gk_free(e);
        } else {
            at = &e->next;
        }
    }
    events_end = at;
}

void xs_watch_loop(void)
{
    thread = gk_thread_self();
    for (;;) {
        GK_WAIT_FOR(&some_event, events, GK_FOREVER);
        struct watch_event *e = events;
        events = e->next;
        if (!events)
            events_end = &events;
        calling = e->watch;
        calling->call(e->body, calling->argument);
        gk_free(e->body);
        gk_free(e);
        if (calling->gone)
            gk_free(calling);
        calling = NULL;
        gk_waitq_wake_all(&call_over);
    }
}

static int request(uint32_t type, const struct gk_xs_watch *w)
{
    struct xs_part parts[] = {{w->path, strlen(w->path) + 1}, {w->token, strlen(w->token) + 1}};

    return xs_request(type, GK_XS_NONE, parts, 2, NULL, NULL);
}

static void unlink_watch(struct gk_xs_watch *w)
{
    struct gk_xs_watch **at = &watches;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    events_drop(w);
}

int gk_xs_watch(const char *path, void (*call)(const char *path, void *argument), void *argument,
                struct gk_xs_watch **watch)
{
    KIT_TURN;
    size_t length = strlen(path) + 1;
    struct gk_xs_watch *w = gk_zalloc(sizeof(*w) + length);

    if (!w)
        return -XEN_ENOMEM;
    w->call = call;
    w->argument = argument;
    memcpy(w->path, path, length);
    gk_snprintf(w->token, sizeof(w->token), "%u", ++next_token);
    w->next = watches;
    watches = w;
    *watch = w; /* the first event may be handled before the reply is seen */
    int rc = request(XS_WATCH, w);
    if (rc) {
        unlink_watch(w);
        gk_free(w);
    }
    return rc;
}

int gk_xs_unwatch(struct gk_xs_watch *watch)
{
    KIT_TURN;
    int rc = request(XS_UNWATCH, watch);

    unlink_watch(watch);
    if (calling == watch && gk_thread_self() == thread) {
        watch->gone = true;
        return rc;
    }
    while (calling == watch)
        gk_waitq_wait(&call_over, GK_FOREVER);
    gk_free(watch);
    return rc;
}

void xs_watch_resume(void)
{
    for (struct gk_xs_watch *w = watches; w; w = w->next)
        request(XS_WATCH, w);
}
