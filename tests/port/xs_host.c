/*
 * The daemon's surroundings for native tests of its pure parts.
 */
#include "xs_host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dkit/log.h"
#include "store/mem.h"
#include "wire/host.h"

bool fake_alive[DOM_FIRST_RESERVED] = {[0 ... DOM_FIRST_RESERVED - 1] = true};
char fake_log[512];
unsigned fake_log_lines;
long fake_mem_fail = -1, fake_mem_count, fake_mem_used;

void log_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(fake_log, sizeof(fake_log), format, ap);
    va_end(ap);
    fake_log_lines++;
}

static bool refuse(void)
{
    fake_mem_count++;
    return fake_mem_fail >= 0 && fake_mem_fail-- == 0;
}

void *mem_get(size_t bytes)
{
    if (refuse())
        return NULL;
    fake_mem_used++;
    return calloc(1, bytes);
}

void *mem_grow(void *old, size_t bytes)
{
    if (refuse())
        return NULL;
    fake_mem_used += !old;
    return realloc(old, bytes);
}

void mem_put(void *p)
{
    fake_mem_used -= p != NULL;
    free(p);
}

bool host_dom_alive(unsigned id)
{
    return id < DOM_FIRST_RESERVED && fake_alive[id];
}

int host_ring_open(struct conn *c, bool fresh)
{
    (void)c;
    (void)fresh;
    return 0;
}

void host_ring_close(struct conn *c)
{
    (void)c;
}

void host_trace(const struct conn *c, bool in, const struct xsd_sockmsg *hdr, const char *payload)
{
    (void)c;
    (void)in;
    (void)hdr;
    (void)payload;
}

int host_log_file(const char *path)
{
    (void)path;
    return -EPERM;
}

/* --- a client -------------------------------------------------------------------------------- */

bool take_message(struct xs *xs, struct conn *c, struct xsd_sockmsg *hdr, char *payload)
{
    if (!c->out.len)
        return false;
    MUST(c->out.len >= sizeof(*hdr));
    memcpy(hdr, outq_data(&c->out), sizeof(*hdr));
    MUST(hdr->len <= XENSTORE_PAYLOAD_MAX);
    MUST(c->out.len >= sizeof(*hdr) + hdr->len);
    memcpy(payload, outq_data(&c->out) + sizeof(*hdr), hdr->len);
    payload[hdr->len] = 0;
    conn_sent(xs, c, sizeof(*hdr) + hdr->len);
    return true;
}

static bool take(struct talk *t, struct xsd_sockmsg *hdr)
{
    char payload[XENSTORE_PAYLOAD_MAX + 1];
    if (!take_message(t->xs, t->c, hdr, payload))
        return false;
    if (hdr->type == XS_WATCH_EVENT) {
        t->events++;
        memcpy(t->event, payload, hdr->len + 1u);
        t->event[strlen(t->event)] = ' ';
        return true;
    }
    memcpy(t->answer, payload, hdr->len + 1u);
    t->answer_len = hdr->len;
    return true;
}

uint32_t ask(struct talk *t, uint32_t type, const void *data, size_t len)
{
    static uint32_t number;
    const struct xsd_sockmsg hdr = {
        .type = type, .req_id = ++number, .tx_id = t->tx, .len = (uint32_t)len};
    struct xsd_sockmsg got;
    wire_request(t->xs, t->c, &hdr, data);
    list_remove(&t->c->dirty);
    uint32_t answer = XS_INVALID;
    unsigned replies = 0;
    while (take(t, &got))
        if (got.type != XS_WATCH_EVENT) {
            MUST(got.req_id == number && got.tx_id == t->tx);
            answer = got.type;
            replies++;
        }
    MUST(replies == 1 || t->c->broken);
    MUST(answer == type || answer == XS_ERROR || t->c->broken);
    return answer;
}

const char *ask1(struct talk *t, uint32_t type, const char *s)
{
    ask(t, type, s, strlen(s) + 1);
    return t->answer;
}

static const char *pair(struct talk *t, uint32_t type, const char *a, const char *b, size_t extra)
{
    char text[2 * XENSTORE_PAYLOAD_MAX];
    size_t n = strlen(a) + 1, m = strlen(b) + extra;
    MUST(n + m <= sizeof(text));
    memcpy(text, a, n);
    memcpy(text + n, b, m);
    ask(t, type, text, n + m);
    return t->answer;
}

const char *write_node(struct talk *t, const char *path, const char *value)
{
    return pair(t, XS_WRITE, path, value, 0);
}

const char *ask2(struct talk *t, uint32_t type, const char *a, const char *b)
{
    return pair(t, type, a, b, 1);
}

void drain(struct talk *t)
{
    struct xsd_sockmsg hdr;
    while (take(t, &hdr))
        ;
}

struct conn *guest(struct xs *xs, unsigned id)
{
    struct dom *d = dom_make(&xs->st.doms, id);
    MUST(d && !domain_introduce(xs, d, 1, 1));
    return d->ring;
}
