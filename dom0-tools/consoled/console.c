/* A guest's console (see console.h). */
#include "consoled/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include <xen/grant_table.h>

#include "consoled/client.h"
#include "consoled/slot.h"
#include "dkit/gnt.h"

/* A guest's share: 640 KiB of output a second are more than anyone reads. */
enum { SHARE = 65536, PERIOD_MS = 100 };
/* New domains are looked for this often at most: each time is a list of all of them. */
enum { COMPARE_MS = 50 };

#define HOME "/local/domain/%u"

static struct list consoles = LIST_INIT(consoles);
static struct xb_watch introduced, released;
static struct timer compare_soon;
static int64_t compared;
static bool ptys;

/* --- output ---------------------------------------------------------------------------------- */

/* One ring's worth to the log. Returns the bytes taken. */
static uint32_t take(struct console *c)
{
    char bytes[CONS_OUT];
    int n = cons_ring_waiting(&c->ring);
    if (n < 0)
        log_guest(&c->limit, "domain %u: bad index of console output", c->id);
    if (n <= 0)
        return 0;
    cons_ring_peek(&c->ring, bytes, (uint32_t)n);
    logfile_add(&c->log, bytes, (size_t)n);
    slot_set(c->slot, c->ring.out_cons + (uint32_t)n, c->log.size);
    cons_ring_taken(&c->ring, (uint32_t)n);
    if (logfile_turn(&c->log))
        slot_set(c->slot, c->ring.out_cons, c->log.size);
    return (uint32_t)n;
}

static void raised(struct evt *e)
{
    struct console *c = CONTAINER_OF(e, struct console, evt);
    int64_t now = loop_now();
    if (now - c->since >= PERIOD_MS) {
        c->since = now;
        c->spent = 0;
    }
    uint32_t n = take(c);
    c->spent += n;
    if (n)
        evt_notify(&c->evt);
    list_for_each_safe (it, &c->clients)
        client_news(list_entry(it, struct client, of_console));
    if (c->spent < SHARE)
        evt_unmask(&c->evt);
    else
        timer_set(&c->rest, c->since + PERIOD_MS - now); /* K2 */
}

static void rested(struct timer *t)
{
    struct console *c = CONTAINER_OF(t, struct console, rest);
    if (c->page)
        raised(&c->evt);
}

/* --- input ----------------------------------------------------------------------------------- */

size_t console_room(const struct console *c)
{
    int room = c->page ? cons_ring_room(&c->ring) : 0;
    return room > 0 ? (size_t)room : 0;
}

size_t console_type(struct console *c, const char *bytes, size_t n)
{
    size_t room = console_room(c);
    if (n > room)
        n = room;
    if (n) {
        cons_ring_put(&c->ring, bytes, (uint32_t)n);
        evt_notify(&c->evt);
    }
    return n;
}

/* --- coming and going ------------------------------------------------------------------------ */

static bool name_taken(const struct console *mine, const char *name)
{
    list_for_each (it, &consoles) {
        const struct console *c = list_entry(it, struct console, all);
        if (c != mine && c->page && strcmp(c->log.name, name) == 0)
            return true;
    }
    return false;
}

static int open_log(struct console *c, bool known)
{
    char file[LOG_NAME], text[80];
    char *name = xb_read(HOME "/name", c->id);
    snprintf(text, sizeof text, "%u", c->id);
    text_file_name(file, sizeof file, name && name[0] ? name : text);
    /* Two guests never have one name for long, but their logs must not mix even then. */
    if (name_taken(c, file))
        snprintf(file, sizeof file, "guest-%u.log", c->id);
    free(name);
    int rc = logfile_open(&c->log, file, known ? (uint32_t)c->slot->at : UINT32_MAX);
    if (rc || known)
        return rc;
    snprintf(text, sizeof text, "domain %u begins", c->id);
    logfile_remark(&c->log, text);
    return 0;
}

static void connect_ring(struct console *c, const char *vm, uint32_t port)
{
    uint32_t ref = GNTTAB_RESERVED_CONSOLE;
    c->slot = slot_of(c->id);
    struct xencons_interface *page = gnt_map(c->id, &ref, 1, true);
    int rc = page ? evt_bind(&c->evt, c->id, port) : -errno;
    if (rc) {
        log_guest(&c->limit, "domain %u: its console cannot be %s: %s", c->id,
                  page ? "bound (does another daemon have it?)" : "mapped", strerror(-rc));
        if (page)
            gnt_unmap(page, 1);
        return;
    }
    const uint64_t key = slot_key(vm, port);
    bool known = c->slot->key == key;
    uint32_t first = known ? (uint32_t)(c->slot->at >> 32) : cons_ring_first(page);
    rc = open_log(c, known);
    if (rc) {
        log_guest(&c->limit, "domain %u: no log: %s", c->id, strerror(-rc));
        evt_unbind(&c->evt);
        gnt_unmap(page, 1);
        return;
    }
    slot_set(c->slot, first, c->log.size);
    __atomic_store_n(&c->slot->key, key, __ATOMIC_RELEASE);
    cons_ring_init(&c->ring, page, first);
    c->page = page;
    if (known)
        evt_notify(&c->evt); /* what a former life took, or typed */
    if (ptys)
        client_pty(c);
}

static void disconnect(struct console *c)
{
    if (!c->page)
        return;
    /* Its last words: the page stays until we let go of it, also when the guest is gone. */
    take(c);
    timer_stop(&c->rest);
    evt_unbind(&c->evt);
    gnt_unmap(c->page, 1);
    c->page = NULL;
}

static void forget(struct console *c)
{
    list_remove(&c->all);
    xb_unwatch(&c->watch);
    if (c->log.name[0])
        logfile_close(&c->log);
    free(c);
}

static void end(struct console *c)
{
    disconnect(c);
    c->over = c->ending = true;
    list_for_each_safe (it, &c->clients)
        client_news(list_entry(it, struct client, of_console)); /* who has all leaves */
    c->ending = false;
    console_left(c);
}

void console_left(struct console *c)
{
    if (c->over && !c->ending && list_empty(&c->clients))
        forget(c);
}

/* At whatever may have changed its nodes. False: c is no more. */
static bool look(struct console *c)
{
    if (c->over)
        return true;
    if (!xb_exists(HOME, c->id)) {
        end(c);
        return false;
    }
    if (c->page)
        return true;
    char *type = xb_read(HOME "/console/type", c->id);
    char *vm = xb_read(HOME "/vm", c->id);
    uint64_t port = xb_number(0, UINT32_MAX, HOME "/console/port", c->id);
    /* "ioemu" is a device model's. */
    if (port && vm && (!type || strcmp(type, "xenconsoled") == 0) &&
        xb_exists(HOME "/console/ring-ref", c->id))
        connect_ring(c, vm, (uint32_t)port);
    free(type);
    free(vm);
    return true;
}

static void nodes_changed(struct xb_watch *w, const char *path)
{
    (void)path;
    look(CONTAINER_OF(w, struct console, watch));
}

static struct console *find(unsigned id)
{
    list_for_each (it, &consoles) {
        struct console *c = list_entry(it, struct console, all);
        if (c->id == id && !c->over)
            return c;
    }
    return NULL;
}

static struct console *begin(unsigned id)
{
    struct console *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->id = id;
    c->evt = (struct evt){.raised = raised, .port = -1};
    c->log.fd = c->log.old_fd = -1;
    list_init(&c->clients);
    timer_init(&c->rest, rested);
    c->watch.fired = nodes_changed;
    list_push_back(&consoles, &c->all);
    int rc = xb_watch(&c->watch, HOME "/console", id);
    if (rc)
        log_line("domain %u: its console cannot be watched: %s", id, strerror(-rc));
    return c;
}

struct console *console_of(unsigned id)
{
    struct console *c = find(id);
    if (!c && id && xb_exists(HOME, id))
        c = begin(id);
    return c && look(c) && c->page ? c : NULL;
}

/*
 * Domains came or went: what the store lists beside what we have, each looked at once. (libxl
 * removes a guest's console folder first and its home later: the latter is no event for a watch of
 * a folder that is not there. A page kept now would keep the guest, dying, for ever.)
 */
static void compare(void)
{
    enum { LISTED = 1, KNOWN = 2 };
    uint8_t state[DOMID_FIRST_RESERVED] = {0};
    unsigned n;
    timer_stop(&compare_soon);
    char **ids = xb_list(&n, "/local/domain");
    if (!ids) /* no store: all is kept as it is */
        return;
    for (unsigned i = 0; i < n; i++) {
        unsigned long id = strtoul(ids[i], NULL, 10);
        if (id && id < DOMID_FIRST_RESERVED)
            state[id] |= LISTED;
    }
    list_for_each_safe (it, &consoles) {
        struct console *c = list_entry(it, struct console, all);
        if (c->over || c->id >= DOMID_FIRST_RESERVED)
            continue;
        state[c->id] |= KNOWN;
        if (!(state[c->id] & LISTED))
            look(c);
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned long id = strtoul(ids[i], NULL, 10);
        if (id < DOMID_FIRST_RESERVED && state[id] == LISTED)
            begin((unsigned)id); /* its watch fires soon */
    }
    free(ids);
    compared = loop_now();
}

static void compare_now(struct timer *t)
{
    (void)t;
    compare();
}

/* What kept a guest that is gone is let go of at once. */
static void domain_gone(struct xb_watch *w, const char *path)
{
    (void)w;
    (void)path;
    compare();
}

/* Of many that come one after another each would cost what all before it do. (`axl` names its own
 * to us itself.) */
static void domain_came(struct xb_watch *w, const char *path)
{
    (void)w;
    (void)path;
    timer_set(&compare_soon, compared + COMPARE_MS - loop_now());
}

int console_start(bool with_pty)
{
    ptys = with_pty;
    timer_init(&compare_soon, compare_now);
    introduced.fired = domain_came;
    released.fired = domain_gone;
    int rc = xb_watch(&introduced, "@introduceDomain");
    return rc ? rc : xb_watch(&released, "@releaseDomain");
}

void console_stop(void)
{
    list_for_each (it, &consoles) {
        struct console *c = list_entry(it, struct console, all);
        if (c->page)
            take(c);
    }
}
