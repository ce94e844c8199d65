/*
 * Sequences of requests: any bytes, as three clients would send them, with domains that die and
 * come back, clients that do not read, and memory that runs out. The audit holds after each
 * request; at the end the records lead to a tree of the same size.
 *
 * A step is one byte (client, kind), one byte (type), one byte of transaction, one of length, and
 * the payload, in which a byte above 0xf0 stands for a phrase that random bytes would not find.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_host.h"

static const char *const phrase[] = {
    "/local/domain/5",
    "/local/domain/",
    "/",
    "data",
    "@releaseDomain",
    "quota",
    "n5",
    "b6",
    "/a/b",
    "@introduceDomain",
    "control/shutdown",
    "T",
    "F",
    "5",
    "6",
};

static const uint8_t *in;
static size_t left;

static uint8_t next(void)
{
    if (!left)
        return 0;
    left--;
    return *in++;
}

static size_t payload(char *to)
{
    size_t want = next(), used = 0;
    while (want-- && left && used < 512) {
        uint8_t b = next();
        if (b <= 0xf0) {
            to[used++] = (char)b;
            continue;
        }
        const char *p = phrase[b - 0xf1];
        memcpy(to + used, p, strlen(p));
        used += strlen(p);
    }
    return used;
}

static void no_flush(struct xs *x)
{
    (void)x;
}

static void replay(struct xs *xs)
{
    struct xs *copy = malloc(sizeof(*copy));
    xs->rec.on = true;
    rec_snapshot(xs, no_flush);
    MUST(!xs_init(copy) && !rec_replay(copy, xs->rec.buf, xs->rec.len));
    MUST(copy->st.nodes == xs->st.nodes && !xs_audit(copy));
    /* Also records that are cut or wrong are only refused. */
    if (xs->rec.len > 40) {
        xs->rec.buf[xs->rec.len / 2] ^= 0x41;
        xs_free(copy);
        MUST(!xs_init(copy));
        (void)!rec_replay(copy, xs->rec.buf, xs->rec.len - 3);
        MUST(!xs_audit(copy));
    }
    xs_free(copy);
    free(copy);
}

static struct conn *client_of(struct xs *xs, unsigned n)
{
    static const uint16_t ids[] = {0, 5, 6};
    struct dom *d = dom_find(&xs->st.doms, ids[n % 3]);
    return d && d->ring ? d->ring : guest(xs, ids[n % 3]);
}

static void step(struct xs *xs)
{
    char data[XENSTORE_PAYLOAD_MAX];
    uint8_t how = next();
    struct conn *c = client_of(xs, how);
    uint8_t type = next(), tx = next();
    const struct xsd_sockmsg hdr = {.type = type == 0xff ? UINT32_MAX : type % 26,
                                    .req_id = type,
                                    .tx_id = tx % 4,
                                    .len = (uint32_t)payload(data)};
    if (how & 0x80)
        fake_mem_fail = how >> 4 & 7;
    if (conn_may_request(xs, c))
        wire_request(xs, c, &hdr, data);
    fake_mem_fail = -1;
    list_for_each (it, &xs->conns) {
        struct conn *k = list_entry(it, struct conn, all);
        k->broken = false;
        if (!(how & 0x40))
            conn_sent(xs, k, k->out.len);
    }
    const char *wrong = xs_audit(xs);
    MUST_BE(wrong ? wrong : "", "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xs *xs = malloc(sizeof(*xs));
    in = data;
    left = size;
    path_seed(UINT64_C(0x1234567812345678));
    MUST(!xs_init(xs));
    xs->quota.max[QUOTA_NODES] = 12;
    xs->quota.max[QUOTA_WATCHES] = 4;
    xs->quota.max[QUOTA_MEMORY] = 12000;
    struct talk tool = {.xs = xs, .c = client_of(xs, 0)};
    client_of(xs, 1);
    client_of(xs, 2);
    write_node(&tool, "/local/domain/5", "");
    ask2(&tool, XS_SET_PERMS, "/local/domain/5", "n5");
    while (left)
        step(xs);
    replay(xs);
    xs_free(xs);
    free(xs);
    MUST(fake_mem_used == 0);
    return 0;
}
