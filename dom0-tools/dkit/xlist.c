/* Lists of children, put together and taken apart (see xlist.h). */
#include "dkit/xlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No names: at once the end. Else the end is a second 0 behind the last. */
static int ended(const char *names, size_t n)
{
    return !names[n - 1] && (n == 1 || !names[n - 2]);
}

int xlist_add(struct xlist *l, const char *piece, size_t n)
{
    size_t head = strnlen(piece, n) + 1;
    if (head >= n || head > sizeof l->generation)
        return -EIO;
    if (l->len && memcmp(l->generation, piece, head) != 0) {
        l->len = 0;
        return 0;
    }
    char *more = realloc(l->names, l->len + n - head);
    if (!more)
        return -ENOMEM;
    memcpy(more + l->len, piece + head, n - head);
    memcpy(l->generation, piece, head);
    l->names = more;
    l->len += n - head;
    if (!ended(more, l->len))
        return 0;
    l->len--;
    return 1;
}

char **xlist_split(const char *names, size_t len, unsigned *n)
{
    unsigned count = 0;
    *n = 0;
    for (size_t i = 0; i < len; i++)
        count += names[i] == 0;
    char **list = count ? malloc(count * sizeof *list + len) : NULL;
    if (!list)
        return NULL;
    char *at = memcpy(list + count, names, len);
    for (; *n < count; at += strlen(at) + 1)
        list[(*n)++] = at;
    return list;
}
