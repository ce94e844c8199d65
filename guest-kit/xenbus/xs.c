/* Requests to xenstored and their replies, matched by number: any number of threads may wait at
 * once. */
#include <gk/err.h>
#include <gk/evt.h>
#include <gk/mem.h>
#include "libc/string.h"
#include "mem/mem.h"
#include "thread/turn.h"
#include "xenbus/xb.h"

struct pending {
    struct pending *next;
    uint32_t id;
    bool done;
    struct xsd_sockmsg head;
    char *body;
    struct gk_waitq wait;
};

static struct xenstore_domain_interface *ring;
static bool connected, dead;
static struct xs_stream stream;
static struct pending *pendings;
static uint32_t next_id;
static struct gk_mutex writing; /* a message goes out in one piece */
static struct gk_waitq room, idle;
static uint64_t patience = GK_FOREVER;

static uint32_t port(void)
{
    return kit_start_info->store_evtchn;
}

bool xs_present(void)
{
    return !gk_is_dom0() && port();
}

void xs_patience(uint64_t deadline)
{
    patience = deadline;
}

static void all_fail(void)
{
    if (!dead)
        gk_printf("xenstore: no use talking to it any more\n");
    dead = true;
    for (struct pending *p = pendings; p; p = p->next)
        gk_waitq_wake_all(&p->wait);
    gk_waitq_wake_all(&room);
}

void xs_message_done(const struct xsd_sockmsg *head, char *body)
{
    if (head->type == XS_WATCH_EVENT) {
        if (body)
            xs_watch_event(body, head->len);
        else
            gk_printf("xenstore: no memory, a watch event is lost\n");
        return;
    }
    for (struct pending *p = pendings; p; p = p->next)
        if (p->id == head->req_id && !p->done) {
            p->done = true;
            p->head = *head;
            p->body = body;
            gk_waitq_wake(&p->wait);
            return;
        }
    gk_free(body);
}

static void event(uint32_t unused, void *argument)
{
    char piece[128];
    bool some = false;

    (void)unused;
    (void)argument;
    while (!dead) {
        long n = xs_ring_get(ring, piece, sizeof(piece));
        if (n < 0 || (n && !xs_stream_feed(&stream, piece, (size_t)n)))
            all_fail();
        if (n <= 0)
            break;
        some = true;
    }
    if (some)
        gk_evt_send(port());
    gk_waitq_wake_all(&room);
}

static bool connect(void)
{
    if (connected)
        return true;
    if (!xs_present())
        return false;
    ring = kit_mfn_va(kit_start_info->store_mfn);
    connected = gk_evt_handle(port(), event, NULL) >= 0;
    return connected;
}

static bool send(const void *bytes, size_t length)
{
    const char *p = bytes;

    while (length && !dead) {
        long n = xs_ring_put(ring, p, length);
        if (n < 0) {
            all_fail();
            break;
        }
        p += n;
        length -= (size_t)n;
        if (n)
            gk_evt_send(port());
        if (length && !gk_waitq_wait(&room, patience))
            all_fail(); /* half a message is out: nothing can follow it */
    }
    return !length;
}

/* The whole message is put together first, so that it costs one kick. */
static bool message_send(uint32_t type, uint32_t id, gk_xs_tx tx, const struct xs_part *parts,
                         size_t count, size_t length)
{
    char *all = gk_alloc(sizeof(struct xsd_sockmsg) + length);
    struct xsd_sockmsg head = {.type = type, .req_id = id, .tx_id = tx, .len = (uint32_t)length};

    if (!all)
        return false;
    memcpy(all, &head, sizeof(head));
    char *at = all + sizeof(head);
    for (size_t i = 0; i < count; i++) {
        memcpy(at, parts[i].bytes, parts[i].length);
        at += parts[i].length;
    }
    bool sent = send(all, (size_t)(at - all));
    gk_free(all);
    return sent;
}

static void pending_remove(struct pending *p)
{
    struct pending **at = &pendings;

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (!pendings)
        gk_waitq_wake_all(&idle);
}

static int result(struct pending *p, uint32_t type, char **body, size_t *length)
{
    int rc = 0;

    if (!p->done)
        rc = -XEN_EIO;
    else if (!p->body)
        rc = -XEN_ENOMEM;
    else if (p->head.type == XS_ERROR)
        rc = -kit_err_number(p->body);
    else if (p->head.type != type)
        rc = -XEN_EIO;
    if (rc || !body) {
        gk_free(p->body);
        return rc;
    }
    *body = p->body;
    *length = p->head.len;
    return 0;
}

int xs_request(uint32_t type, gk_xs_tx tx, const struct xs_part *parts, size_t count, char **body,
               size_t *length)
{
    KIT_TURN;
    struct pending p = {.id = ++next_id};
    size_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += parts[i].length;
    if (total > XENSTORE_PAYLOAD_MAX)
        return -XEN_EINVAL;
    if (!connect())
        return -XEN_ENOSYS;
    gk_mutex_lock(&writing);
    if (dead) {
        gk_mutex_unlock(&writing);
        return -XEN_EIO;
    }
    p.next = pendings;
    pendings = &p;
    bool sent = message_send(type, p.id, tx, parts, count, total);
    gk_mutex_unlock(&writing);
    while (sent && !p.done && !dead && gk_waitq_wait(&p.wait, patience))
        ;
    pending_remove(&p);
    if (!sent && !dead)
        return -XEN_ENOMEM;
    return result(&p, type, body, length);
}

void xs_suspend(void)
{
    gk_mutex_lock(&writing);
    while (pendings && !dead)
        gk_waitq_wait(&idle, GK_FOREVER);
}

void xs_resume(bool cancelled)
{
    if (connected && !cancelled) {
        gk_free(stream.body);
        stream = (struct xs_stream){.have = 0};
        ring = kit_mfn_va(kit_start_info->store_mfn);
        gk_evt_handle(port(), event, NULL);
    }
    gk_mutex_unlock(&writing);
}
