/*
 * The table of requests, and how each is answered: by its handler, or with its errno as a word.
 */
#include <errno.h>
#include <string.h>

#include "wire/host.h"
#include "wire/ops_private.h"

void reply(struct req *r, const void *data, size_t len)
{
    if (len > XENSTORE_PAYLOAD_MAX) {
        wire_send(r->xs, r->c, XS_ERROR, r->hdr->req_id, r->hdr->tx_id, "E2BIG", 6);
        return;
    }
    wire_send(r->xs, r->c, r->hdr->type, r->hdr->req_id, r->hdr->tx_id, data, len);
}

void ack(struct req *r)
{
    reply(r, "OK", 3);
}

static void reply_error(struct req *r, int errnum)
{
    const char *word = "EINVAL";
    for (size_t i = 0; i < ARRAY_SIZE(xsd_errors); i++)
        if (xsd_errors[i].errnum == errnum)
            word = xsd_errors[i].errstring;
    wire_send(r->xs, r->c, XS_ERROR, r->hdr->req_id, r->hdr->tx_id, word, strlen(word) + 1);
}

#define PRIV   1u /* for domain 0 only */
#define NO_TXN 2u /* has never looked at the transaction id */

static const struct op {
    handler *run;
    unsigned flags;
} ops[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {op_control, PRIV | NO_TXN},
    [XS_DIRECTORY] = {op_directory, 0},
    [XS_READ] = {op_read, 0},
    [XS_GET_PERMS] = {op_get_perms, 0},
    [XS_WATCH] = {op_watch, NO_TXN},
    [XS_UNWATCH] = {op_unwatch, NO_TXN},
    [XS_TRANSACTION_START] = {op_txn_start, 0},
    [XS_TRANSACTION_END] = {op_txn_end, 0},
    [XS_INTRODUCE] = {op_introduce, PRIV | NO_TXN},
    [XS_RELEASE] = {op_release, PRIV | NO_TXN},
    [XS_GET_DOMAIN_PATH] = {op_domain_path, NO_TXN},
    [XS_WRITE] = {op_write, 0},
    [XS_MKDIR] = {op_mkdir, 0},
    [XS_RM] = {op_rm, 0},
    [XS_SET_PERMS] = {op_set_perms, 0},
    [XS_IS_DOMAIN_INTRODUCED] = {op_is_introduced, NO_TXN},
    [XS_RESUME] = {op_resume, PRIV | NO_TXN},
    [XS_SET_TARGET] = {op_set_target, PRIV | NO_TXN},
    [XS_RESET_WATCHES] = {op_reset_watches, NO_TXN},
    [XS_DIRECTORY_PART] = {op_directory_part, 0},
};

bool wire_in_txn(uint32_t type)
{
    return type < XS_TYPE_COUNT && ops[type].run && !(ops[type].flags & NO_TXN) &&
           type != XS_TRANSACTION_START && type != XS_TRANSACTION_END;
}

static int run(struct req *r)
{
    const struct op *op = r->hdr->type < XS_TYPE_COUNT ? &ops[r->hdr->type] : NULL;
    if (!op || !op->run)
        return -ENOSYS;
    if (op->flags & PRIV && !dom_privileged(r->c->dom))
        return -EACCES;
    if (r->hdr->tx_id && !(op->flags & NO_TXN)) {
        r->txn = conn_txn(r->c, r->hdr->tx_id);
        if (!r->txn)
            return -ENOENT;
    }
    int rc = op->run(r);
    if (r->txn && wire_in_txn(r->hdr->type))
        rec_txn_request(r->xs, r->c, r->txn, r->hdr, r->data);
    return rc;
}

void wire_request(struct xs *xs, struct conn *c, const struct xsd_sockmsg *hdr, const char *payload)
{
    struct req r = {.xs = xs, .c = c, .hdr = hdr, .data = payload, .len = hdr->len};
    if (unlikely(xs->trace))
        host_trace(c, true, hdr, payload);
    int rc = run(&r);
    if (rc < 0)
        reply_error(&r, -rc);
    /* Only a line in the log when above; what must be refused was refused by the handler. */
    (void)!quota_allows(&xs->quota, c->dom, QUOTA_MEMORY_SOFT, c->dom->mem);
}
