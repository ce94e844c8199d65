/*
 * A byte queue in one block of memory: sent bytes leave a gap at the front, which is closed when
 * room is needed.
 */
#include "wire/outq.h"

#include <errno.h>
#include <string.h>

#include "store/mem.h"

#define KEEP 16384u /* an empty queue gives larger blocks back */

int outq_reserve(struct outq *q, size_t len)
{
    if (q->start + q->len + len <= q->room)
        return 0;
    if (q->len + len <= q->room && q->start >= q->len) {
        memmove(q->buf, q->buf + q->start, q->len);
        q->start = 0;
        return 0;
    }
    size_t room = (q->len + len) * 2;
    if (room < 512)
        room = 512;
    char *buf = mem_get(room);
    if (!buf)
        return -ENOMEM;
    if (q->len)
        memcpy(buf, q->buf + q->start, q->len);
    mem_put(q->buf);
    q->buf = buf;
    q->room = room;
    q->start = 0;
    return 0;
}

int outq_put(struct outq *q, const void *data, size_t len)
{
    int rc = outq_reserve(q, len);
    if (rc || !len)
        return rc;
    memcpy(q->buf + q->start + q->len, data, len);
    q->len += len;
    return 0;
}

void outq_sent(struct outq *q, size_t n)
{
    q->start += n;
    q->len -= n;
    q->sent += n;
    if (q->len)
        return;
    q->start = 0;
    if (q->room > KEEP)
        outq_free(q);
}

void outq_free(struct outq *q)
{
    mem_put(q->buf);
    q->buf = NULL;
    q->room = q->start = q->len = 0;
}
