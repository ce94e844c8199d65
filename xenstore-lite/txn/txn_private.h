/*
 * What txn.c and commit.c share.
 */
#ifndef TXN_TXN_PRIVATE_H
#define TXN_TXN_PRIVATE_H

#include "txn/txn.h"

struct tnode *txn_find(const struct txn *t, const struct path *p, unsigned depth);
void txn_charge(struct txn *t, int64_t bytes);

#endif
