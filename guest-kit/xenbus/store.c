/* The public calls on single nodes and on transactions. */
#include <gk/err.h>
#include <gk/mem.h>
#include "libc/string.h"
#include "xenbus/xb.h"

static struct xs_part text(const char *s)
{
    return (struct xs_part){s, strlen(s) + 1};
}

int gk_xs_read(gk_xs_tx tx, const char *path, char **value, size_t *length)
{
    struct xs_part part = text(path);
    size_t have;

    return xs_request(XS_READ, tx, &part, 1, value, length ? length : &have);
}

int gk_xs_read_into(gk_xs_tx tx, const char *path, char *value, size_t size)
{
    char *read;
    size_t length;
    int rc = gk_xs_read(tx, path, &read, &length);

    if (rc)
        return rc;
    size_t copied = length < size ? length : size - 1;
    memcpy(value, read, copied);
    value[copied] = '\0';
    gk_free(read);
    return (int)length;
}

int gk_xs_read_u64(gk_xs_tx tx, const char *path, uint64_t *value)
{
    char digits[24];
    uint64_t n = 0;
    int rc = gk_xs_read_into(tx, path, digits, sizeof(digits));

    if (rc < 0)
        return rc;
    if (!rc || rc > 20)
        return -XEN_EINVAL;
    for (const char *p = digits; *p; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return -XEN_EINVAL;
    }
    *value = n;
    return 0;
}

uint64_t gk_xs_read_or(const char *path, uint64_t otherwise)
{
    uint64_t value;

    return gk_xs_read_u64(GK_XS_NONE, path, &value) ? otherwise : value;
}

int gk_xs_write(gk_xs_tx tx, const char *path, const char *value)
{
    struct xs_part parts[] = {text(path), {value, strlen(value)}};

    return xs_request(XS_WRITE, tx, parts, 2, NULL, NULL);
}

int gk_xs_printf(gk_xs_tx tx, const char *path, const char *format, ...)
{
    char value[256];
    va_list args;

    va_start(args, format);
    int n = gk_vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    return (size_t)n < sizeof(value) ? gk_xs_write(tx, path, value) : -XEN_E2BIG;
}

int gk_xs_mkdir(gk_xs_tx tx, const char *path)
{
    struct xs_part part = text(path);

    return xs_request(XS_MKDIR, tx, &part, 1, NULL, NULL);
}

int gk_xs_rm(gk_xs_tx tx, const char *path)
{
    struct xs_part part = text(path);

    return xs_request(XS_RM, tx, &part, 1, NULL, NULL);
}

int gk_xs_share(gk_xs_tx tx, const char *path, uint16_t domid)
{
    char owner[16], reader[16];
    uint64_t self;
    int rc = gk_xs_read_u64(GK_XS_NONE, "domid", &self);

    if (rc)
        return rc;
    gk_snprintf(owner, sizeof(owner), "n%lu", self);
    gk_snprintf(reader, sizeof(reader), "r%u", domid);
    struct xs_part parts[] = {text(path), text(owner), text(reader)};
    return xs_request(XS_SET_PERMS, tx, parts, 3, NULL, NULL);
}

/* The reply is one text after the other, each with its NUL. */
int gk_xs_list(gk_xs_tx tx, const char *path, char ***names, size_t *count)
{
    struct xs_part part = text(path);
    char *body;
    size_t length, n = 0;
    int rc = xs_request(XS_DIRECTORY, tx, &part, 1, &body, &length);

    if (rc)
        return rc;
    for (size_t i = 0; i < length; i++)
        n += !body[i];
    char **list = gk_alloc((n + 1) * sizeof(*list) + length + 1);
    if (list) {
        char *at = (char *)(list + n + 1);
        memcpy(at, body, length + 1);
        for (size_t i = 0; i < n; i++) {
            list[i] = at;
            at += strlen(at) + 1;
        }
        list[n] = NULL;
        *names = list;
        *count = n;
    }
    gk_free(body);
    return list ? 0 : -XEN_ENOMEM;
}

int gk_xs_begin(gk_xs_tx *tx)
{
    struct xs_part part = text("");
    char *body;
    size_t length;
    uint32_t id = 0;
    int rc = xs_request(XS_TRANSACTION_START, 0, &part, 1, &body, &length);

    if (rc)
        return rc;
    for (const char *p = body; *p >= '0' && *p <= '9'; p++)
        id = id * 10 + (uint32_t)(*p - '0');
    gk_free(body);
    *tx = id;
    return id ? 0 : -XEN_EIO;
}

/* A transaction that xenstored does not know was lost by a restore: to its owner it has just
 * failed. */
int gk_xs_end(gk_xs_tx tx, bool commit)
{
    struct xs_part part = text(commit ? "T" : "F");
    int rc = xs_request(XS_TRANSACTION_END, tx, &part, 1, NULL, NULL);

    return rc == -XEN_ENOENT ? -XEN_EAGAIN : rc;
}
