/*
 * Quotas: what one unprivileged domain may use, by name, and the log line that says who hit which.
 */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"

enum quota_kind {
    QUOTA_NODES,
    QUOTA_ENTRY_SIZE, /* bytes: value, name and permissions of one node */
    QUOTA_WATCHES,
    QUOTA_TRANSACTIONS,
    QUOTA_TXN_NODES,   /* nodes that one transaction may touch */
    QUOTA_PERMS,       /* entries in one node's permissions */
    QUOTA_PATH_MAX,    /* bytes of a relative path */
    QUOTA_OUTSTANDING, /* replies not yet taken, above which no request is looked at */
    QUOTA_MEMORY,      /* bytes in all; above it changes are refused */
    QUOTA_MEMORY_SOFT, /* bytes in all; above it the log has a warning */
    QUOTA_KINDS
};

struct quota_info {
    const char *name;  /* as in XS_CONTROL and on the command line */
    const char *what;  /* one line for people */
    uint32_t standard; /* the value without any option, as in Debian's xenstored */
    bool soft;         /* listed by `quota-soft`, not by `quota` */
};
extern const struct quota_info quota_info[QUOTA_KINDS];

struct quota {
    uint32_t max[QUOTA_KINDS];
};

void quota_init(struct quota *q);

/* The kind called `name` (len bytes), or -1. */
int quota_find(const char *name, size_t len);

struct dom;

/*
 * May `d` go from `have` to `want` of this kind? Privileged domains always may. A refusal is logged
 * once until the domain is below the limit again, so that a guest cannot fill the log.
 */
bool quota_allows(const struct quota *q, struct dom *d, enum quota_kind kind,
                  uint64_t want) NODISCARD;

#endif
