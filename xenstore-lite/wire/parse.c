/*
 * From a request's payload to strings, numbers and paths.
 */
#include <errno.h>
#include <string.h>

#include "wire/ops_private.h"

int arg_one(const struct req *r, size_t *len)
{
    const char *end = r->len ? memchr(r->data, 0, r->len) : NULL;
    if (!end || end + 1 != r->data + r->len)
        return -EINVAL;
    *len = (size_t)(end - r->data);
    return 0;
}

int arg_strings(const struct req *r, const char **out, size_t n)
{
    const char *s = r->data, *stop = r->data + r->len;
    for (size_t i = 0; i < n; i++) {
        const char *end = s < stop ? memchr(s, 0, (size_t)(stop - s)) : NULL;
        if (!end)
            return -EINVAL;
        out[i] = s;
        s = end + 1;
    }
    return 0;
}

size_t arg_count(const struct req *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->len; i++)
        n += r->data[i] == 0;
    return n;
}

int arg_number(const char *s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (!*s || strlen(s) > 20)
        return -EINVAL;
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (unsigned)(*s - '0'), &v))
            return -EINVAL;
    }
    if (v > max)
        return -EINVAL;
    *out = v;
    return 0;
}

int arg_domid(const char *s, unsigned *out)
{
    uint64_t v;
    if (arg_number(s, DOM_FIRST_RESERVED - 1, &v))
        return -EINVAL;
    *out = (unsigned)v;
    return 0;
}

int arg_path(struct req *r, const char *s, size_t len)
{
    size_t max = dom_privileged(r->c->dom) ? PATH_ABS_MAX : r->xs->quota.max[QUOTA_PATH_MAX];
    return path_parse(&r->xs->path, s, len, r->c->home, max);
}
