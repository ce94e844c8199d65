/*
 * The kinds of records. Numbers are in files: never change one, only add.
 */
#ifndef WIRE_RECORD_PRIVATE_H
#define WIRE_RECORD_PRIVATE_H

enum rec_kind {
    REC_CLEAR = 1,        /* no node but the root */
    REC_LIFE = 2,         /* domid, life */
    REC_SET = 3,          /* path, permissions, value */
    REC_VALUE = 4,        /* path, value */
    REC_REMOVE = 5,       /* path */
    REC_SPECIAL = 6,      /* which, permissions */
    REC_QUOTA = 7,        /* kind, value */
    REC_RING = 8,         /* domid, gfn, port, input position, output position, next transaction */
    REC_WATCH = 9,        /* domid, home, path, token */
    REC_UNWATCH = 10,     /* the same */
    REC_MISSED = 11,      /* the same */
    REC_RESET = 12,       /* domid */
    REC_TXN = 13,         /* domid, id */
    REC_TXN_END = 14,     /* domid, id */
    REC_OUTPUT = 15,      /* domid, bytes */
    REC_CONSUMED = 16,    /* domid, position */
    REC_DOM = 17,         /* domid, shutdown, target, target's life */
    REC_DOM_END = 18,     /* domid */
    REC_TXN_REQUEST = 19, /* domid, request without its header's req_id: type, tx_id, payload */
    REC_TXN_DOOMED = 20,  /* domid, id */
};

#endif
