/*
 * Bytes on their way to one client: whole messages in, any number of bytes out.
 *
 * Positions count bytes from the start of the connection and never wrap; for a guest's ring their
 * low 32 bits are the ring's index.
 */
#ifndef WIRE_OUTQ_H
#define WIRE_OUTQ_H

#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

struct outq {
    char *buf;
    size_t room;   /* allocated */
    size_t start;  /* first byte not yet sent, in buf */
    size_t len;    /* bytes not yet sent */
    uint64_t sent; /* position of that first byte */
};

/* Append. 0 or -ENOMEM (then nothing has changed). */
int outq_put(struct outq *q, const void *data, size_t len) NODISCARD;

/* Make sure that `len` more bytes can be put without failing. 0 or -ENOMEM. */
int outq_reserve(struct outq *q, size_t len) NODISCARD;

/* `n` <= len bytes have been sent. */
void outq_sent(struct outq *q, size_t n);

static inline const char *outq_data(const struct outq *q)
{
    return q->buf ? q->buf + q->start : "";
}

static inline uint64_t outq_end(const struct outq *q)
{
    return q->sent + q->len;
}

void outq_free(struct outq *q);

#endif
