/*
 * The limit on what a guest sends (see rate.h).
 */
#include "netd/rate.h"

#include <errno.h>
#include <stdlib.h>

bool rate_parse(struct rate *r, const char *text)
{
    char *end;
    *r = (struct rate){0};
    errno = 0;
    unsigned long long bytes = strtoull(text, &end, 10);
    if (end == text || *end != ',' || errno || *text == '-' || !bytes)
        return false;
    const char *second = end + 1;
    unsigned long long usecs = strtoull(second, &end, 10);
    if (end == second || *end || errno || *second == '-' || !usecs || usecs > UINT32_MAX)
        return false;
    *r = (struct rate){.bytes = bytes, .usecs = (uint32_t)usecs, .left = bytes};
    return true;
}

uint64_t rate_take(struct rate *r, uint32_t bytes, int64_t now)
{
    if (!r->bytes)
        return 0;
    if (now - r->start >= (int64_t)r->usecs) {
        r->start = now;
        r->left = r->bytes;
    }
    if (bytes > r->left && r->left < r->bytes)
        return (uint64_t)(r->start + (int64_t)r->usecs - now);
    r->left -= bytes < r->left ? bytes : r->left;
    return 0;
}
