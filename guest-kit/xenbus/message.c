/* Messages out of a stream of bytes. Pure. */
#include <gk/mem.h>
#include "libc/string.h"
#include "xenbus/xb.h"

#define HEAD sizeof(struct xsd_sockmsg)

static void finish(struct xs_stream *s)
{
    struct xsd_sockmsg head = s->head;
    char *body = s->body;

    if (body)
        body[head.len] = '\0';
    *s = (struct xs_stream){.have = 0};
    xs_message_done(&head, body);
}

bool xs_stream_feed(struct xs_stream *s, const char *bytes, size_t length)
{
    while (length) {
        size_t want = s->have < HEAD ? HEAD - s->have : HEAD + s->head.len - s->have;
        size_t n = want < length ? want : length;

        if (s->have < HEAD)
            memcpy((char *)&s->head + s->have, bytes, n);
        else if (s->body)
            memcpy(s->body + (s->have - HEAD), bytes, n);
        s->have += (uint32_t)n;
        bytes += n;
        length -= n;
        if (s->have == HEAD) {
            if (s->head.len > XENSTORE_PAYLOAD_MAX)
                return false;
            s->body = gk_alloc(s->head.len + 1); /* without one, the body is skipped */
        }
        if (s->have >= HEAD && s->have == HEAD + s->head.len)
            finish(s);
    }
    return true;
}
