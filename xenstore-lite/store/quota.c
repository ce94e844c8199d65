/*
 * The table of quotas and the one function that says no.
 */
#include "store/quota.h"

#include <string.h>

#include "dkit/log.h"
#include "store/dom.h"

const struct quota_info quota_info[QUOTA_KINDS] = {
    [QUOTA_NODES] = {"nodes", "Nodes per domain", 1000, false},
    [QUOTA_ENTRY_SIZE] = {"size", "Max. size of a node", 2048, false},
    [QUOTA_WATCHES] = {"watches", "Watches per domain", 128, false},
    [QUOTA_TRANSACTIONS] = {"transactions", "Transactions per domain", 10, false},
    [QUOTA_TXN_NODES] = {"transaction-nodes", "Max. number of accessed nodes per transaction", 1024,
                         false},
    [QUOTA_PERMS] = {"node-permissions", "Max. number of permissions per node", 5, false},
    [QUOTA_PATH_MAX] = {"path-max", "Max. length of a node path", 2048, false},
    [QUOTA_OUTSTANDING] = {"outstanding", "Outstanding requests per domain", 20, false},
    [QUOTA_MEMORY] = {"memory", "Total Xenstore memory per domain (error level)",
                      (2u << 20) + (512u << 10), false},
    [QUOTA_MEMORY_SOFT] = {"memory", "Total Xenstore memory per domain (warning level)", 2u << 20,
                           true},
};

void quota_init(struct quota *q)
{
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        q->max[i] = quota_info[i].standard;
}

int quota_find(const char *name, size_t len)
{
    for (int i = 0; i < QUOTA_KINDS; i++)
        if (!quota_info[i].soft && strlen(quota_info[i].name) == len &&
            memcmp(quota_info[i].name, name, len) == 0)
            return i;
    return -1;
}

bool quota_allows(const struct quota *q, struct dom *d, enum quota_kind kind, uint64_t want)
{
    uint32_t mark = UINT32_C(1) << kind;
    if (dom_privileged(d))
        return true;
    if (want <= q->max[kind]) {
        if (d->quota_hit & mark && want <= q->max[kind] - q->max[kind] / 8)
            d->quota_hit &= ~mark;
        return true;
    }
    if (!(d->quota_hit & mark)) {
        d->quota_hit |= mark;
        d->quota_ever |= mark;
        log_line("domain %u hit %s quota '%s' of %u (wanted %llu)", d->id,
                 quota_info[kind].soft ? "soft" : "hard", quota_info[kind].name, q->max[kind],
                 (unsigned long long)want);
    }
    return quota_info[kind].soft;
}
