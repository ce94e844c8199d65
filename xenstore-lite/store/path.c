/*
 * Parse, check and hash paths.
 *
 * The hash of a path is a polynomial over the field of 2^61 - 1 elements at a secret point; a
 * component enters as chunks of up to 7 bytes, each marked with its length and whether it is the
 * component's last, so that two different paths are two different polynomials. Two names of n
 * chunks then collide with a probability of at most n / 2^61, whatever a guest tries.
 */
#include "store/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PRIME ((UINT64_C(1) << 61) - 1)

static uint64_t point = UINT64_C(0x0123456789abcdef) & PRIME;

void path_seed(uint64_t secret)
{
    point = (secret & PRIME) | 1;
}

static uint64_t step(uint64_t h, uint64_t chunk)
{
    unsigned __int128 t = (unsigned __int128)(h + chunk) * point;
    h = ((uint64_t)t & PRIME) + (uint64_t)(t >> 61);
    h = (h & PRIME) + (h >> 61);
    return h >= PRIME ? h - PRIME : h;
}

uint64_t path_hash_child(uint64_t parent, const char *name, size_t len)
{
    uint64_t h = parent;
    while (len > 7) {
        uint64_t chunk = 0;
        memcpy(&chunk, name, 7);
        h = step(h, chunk | (UINT64_C(7) << 56));
        name += 7;
        len -= 7;
    }
    uint64_t chunk = 0;
    memcpy(&chunk, name, len);
    return step(h, chunk | ((uint64_t)(len | 8) << 56));
}

/* The characters a component may hold. */
static const bool allowed[256] = {
    ['-'] = true,         ['_'] = true,         ['@'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true,
};

static int append_components(struct path *p, const char *s, size_t len)
{
    const char *stop = s + len;
    for (;;) {
        const char *name = s;
        while (s < stop && allowed[(unsigned char)*s])
            s++;
        if (s == name || (s < stop && *s != '/'))
            return -EINVAL;
        int rc = path_push(p, name, (size_t)(s - name));
        if (rc)
            return rc;
        if (s == stop)
            return 0;
        s++;
    }
}

int path_push(struct path *p, const char *name, size_t len)
{
    if (p->end[p->depth] + 1u + len > PATH_ABS_MAX || p->depth == PATH_DEPTH_MAX)
        return -EINVAL;
    char *to = p->text + p->end[p->depth];
    to[0] = '/';
    memcpy(to + 1, name, len);
    to[1 + len] = 0;
    p->hash[p->depth + 1] = path_hash_child(p->hash[p->depth], name, len);
    p->end[p->depth + 1] = (uint16_t)(p->end[p->depth] + 1u + len);
    p->depth++;
    p->len = p->end[p->depth];
    return 0;
}

void path_pop(struct path *p)
{
    p->depth--;
    p->len = p->end[p->depth];
    p->text[p->len] = 0;
    if (p->depth == 0) {
        p->text[0] = '/';
        p->text[1] = 0;
        p->len = 1;
    }
}

static void start(struct path *p)
{
    p->len = 1;
    p->depth = 0;
    p->home = 0;
    p->special = false;
    p->end[0] = 0;
    p->hash[0] = 1;
    p->text[0] = '/';
    p->text[1] = 0;
}

/* How many bytes of an absolute path are "/local/domain/N/": they do not count as a guest's own. */
static size_t domain_prefix(const char *s, size_t len)
{
    static const char fixed[] = "/local/domain/";
    size_t i = sizeof(fixed) - 1;
    if (len <= i || memcmp(s, fixed, i) != 0)
        return 0;
    size_t digits = i;
    while (i < len && s[i] >= '0' && s[i] <= '9')
        i++;
    return i > digits && i < len && s[i] == '/' ? i + 1 : 0;
}

int path_parse(struct path *p, const char *text, size_t len, const char *home, size_t rel_max)
{
    start(p);
    if (len == 0 || len > PATH_ABS_MAX)
        return -EINVAL;
    if (text[0] == '@') {
        if (len > PATH_REL_MAX)
            return -EINVAL;
        p->special = true;
        for (size_t i = 1; i < len; i++)
            if (!allowed[(unsigned char)text[i]])
                return -EINVAL;
        memcpy(p->text, text, len);
        p->text[len] = 0;
        p->len = (uint16_t)len;
        p->hash[0] = path_hash_child(2, text, len);
        return 0;
    }
    if (text[0] == '/') {
        if (len - domain_prefix(text, len) > rel_max)
            return -EINVAL;
        return len == 1 ? 0 : append_components(p, text + 1, len - 1);
    }
    if (len > rel_max || append_components(p, home + 1, strlen(home) - 1))
        return -EINVAL;
    p->home = (uint16_t)(p->len + 1);
    return append_components(p, text, len);
}

void path_set(struct path *p, const char *absolute)
{
    if (path_parse(p, absolute, strlen(absolute), "/", PATH_ABS_MAX))
        abort();
}
