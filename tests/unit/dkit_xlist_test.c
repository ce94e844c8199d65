/*
 * Lists of children in pieces, against a list cut at every place that the store may choose: 1,500
 * names, one, none, a node that changes under way, and pieces that are none.
 */
#include "dkit/xlist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

static char whole[16384];

/* The names "0".."n-1", as the store keeps them, with the 0 that ends a list; its length. */
static size_t fill(unsigned n)
{
    size_t len = 0;
    for (unsigned i = 0; i < n; i++)
        len += (size_t)sprintf(whole + len, "%u", i) + 1;
    whole[len++] = 0;
    return len;
}

/* Hands over at most `step` bytes from where the list wants them. */
static int give(struct xlist *l, size_t len, size_t step, const char *generation)
{
    char piece[4200];
    size_t head = strlen(generation) + 1, n = len - l->len < step ? len - l->len : step;
    memcpy(piece, generation, head);
    memcpy(piece + head, whole + l->len, n);
    return xlist_add(l, piece, head + n);
}

static void test_cut(unsigned names, size_t step)
{
    struct xlist l = {0};
    unsigned n;
    int rc;
    size_t len = fill(names);
    do
        rc = give(&l, len, step, "77");
    while (!rc);
    CHECK_EQ(rc, 1);
    CHECK_EQ(l.len, len - 1);
    char **list = xlist_split(l.names, l.len, &n);
    CHECK_EQ(n, names);
    CHECK(!names == !list);
    for (unsigned i = 0; i < n; i++)
        CHECK_EQ(strtoul(list[i], NULL, 10), i);
    free(list);
    free(l.names);
}

static void test_change(void)
{
    struct xlist l = {0};
    size_t len = fill(1000);
    CHECK_EQ(give(&l, len, 100, "5"), 0);
    CHECK_EQ(l.len, 100);
    CHECK_EQ(give(&l, len, 100, "6"), 0);
    CHECK_EQ(l.len, 0);
    len = fill(3);
    CHECK_EQ(give(&l, len, 100, "6"), 1);
    CHECK_EQ(l.len, 6);
    free(l.names);
}

static void test_no_piece(void)
{
    struct xlist l = {0};
    CHECK_EQ(xlist_add(&l, "", 0), -EIO);
    CHECK_EQ(xlist_add(&l, "12", 2), -EIO);
    CHECK_EQ(xlist_add(&l, "12", 3), -EIO);
    CHECK_EQ(xlist_add(&l, "123456789012345678901234\0a\0", 27), -EIO);
    CHECK(!l.names);
}

int main(void)
{
    for (size_t step = 1; step < 12; step++)
        test_cut(40, step);
    test_cut(1500, 4000);
    test_cut(1, 4000);
    test_cut(0, 4000);
    test_change();
    test_no_piece();
    return check_result();
}
