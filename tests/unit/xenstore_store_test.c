/*
 * Paths, nodes and permission sets; each change also with every allocation failing in turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/mem.h"
#include "store/node.h"
#include "xs_host.h"

static struct path p, q;

static void paths(void)
{
    static const struct {
        const char *text, *whole; /* NULL: refused */
    } table[] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/a/b-c_D@9", "/a/b-c_D@9"},
        {"x", "/home/7/x"},
        {"x/y", "/home/7/x/y"},
        {"@releaseDomain", "@releaseDomain"},
        {"", NULL},
        {"//", NULL},
        {"/a/", NULL},
        {"/a//b", NULL},
        {"a/", NULL},
        {"/a b", NULL},
        {"/a+", NULL},
        {"/\xc3", NULL},
        {"/a.b", NULL},
        {"@a/b", NULL},
        {"/local/domain/", NULL},
        {"/local/domain/0", "/local/domain/0"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        int rc = path_parse(&p, table[i].text, strlen(table[i].text), "/home/7", PATH_REL_MAX);
        MUST(rc == (table[i].whole ? 0 : -EINVAL));
        if (!rc) {
            MUST_BE(p.text, table[i].whole);
            MUST(p.len == strlen(p.text));
        }
    }
    MUST(path_parse(&p, "a\0b", 3, "/h", PATH_REL_MAX) == -EINVAL);
}

/* The limit is for what the client wrote, not for what was put before it (E13). */
static void long_paths(void)
{
    char text[PATH_ABS_MAX + 2];
    memset(text, 'x', sizeof(text));
    MUST(!path_parse(&p, text, PATH_REL_MAX, "/local/domain/32000", PATH_REL_MAX));
    MUST(p.len == PATH_REL_MAX + 20 && p.home == 20);
    MUST(path_parse(&p, text, PATH_REL_MAX + 1, "/local/domain/1", PATH_REL_MAX) == -EINVAL);
    memcpy(text, "/local/domain/7/", 16);
    MUST(!path_parse(&p, text, PATH_REL_MAX + 16, "/h", PATH_REL_MAX));
    MUST(path_parse(&p, text, PATH_REL_MAX + 17, "/h", PATH_REL_MAX) == -EINVAL);
    MUST(!path_parse(&p, text, PATH_ABS_MAX, "/h", PATH_ABS_MAX));
    MUST(path_parse(&p, text, PATH_ABS_MAX + 1, "/h", PATH_ABS_MAX) == -EINVAL);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 ? 'y' : '/';
    MUST(!path_parse(&p, text, PATH_ABS_MAX, "/h", PATH_ABS_MAX) && p.depth == PATH_DEPTH_MAX);
}

static void hashes(void)
{
    path_set(&p, "/abcdefg/h");
    path_set(&q, "/abcdefgh");
    MUST(p.hash[2] != q.hash[1]);
    MUST(path_hash_child(p.hash[0], "abcdefg", 7) == p.hash[1]);
    MUST(!path_push(&q, "i", 1));
    MUST_BE(q.text, "/abcdefgh/i");
    path_pop(&q);
    path_pop(&q);
    MUST_BE(q.text, "/");
    /* Same bytes, cut otherwise, or NUL-like tails. */
    path_set(&p, "/a/b");
    path_set(&q, "/ab");
    MUST(p.hash[2] != q.hash[1] && p.hash[1] != q.hash[1]);
}

static void perms(void)
{
    static struct store st;
    MUST(!store_init(&st));
    struct dom *d5 = dom_make(&st.doms, 5), *d6 = dom_make(&st.doms, 6);
    struct perm e[3];
    MUST(!perm_parse(&e[0], "n5", 2) && !perm_parse(&e[1], "r6", 2) && !perm_parse(&e[2], "b7", 2));
    static const char *const bad[] = {"", "n", "x5", "n-1", "n70000", "n5 ", "N5", "n999999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct perm x;
        MUST(perm_parse(&x, bad[i], strlen(bad[i])) == -EINVAL);
    }
    struct perms *set = perm_get(&st.perms, e, 3), *same = perm_get(&st.perms, e, 3);
    MUST(set == same && set->refs == 2);
    MUST(perm_for(&st.doms, st.doms.by_id[0], set) == PERM_ALL);
    MUST(perm_for(&st.doms, d5, set) == PERM_ALL && perm_for(&st.doms, d6, set) == PERM_READ);
    struct dom *d8 = dom_make(&st.doms, 8);
    MUST(perm_for(&st.doms, d8, set) == 0);
    d8->target = 5;
    MUST(perm_for(&st.doms, d8, set) == PERM_ALL);
    MUST(perm_owner(&st.doms, set) == d5);
    /* Another life of 5 and 6 has nothing of it (E4), nor who acted for the old 5. */
    dom_end(&st.doms, d5);
    dom_end(&st.doms, d6);
    d5 = dom_make(&st.doms, 5);
    d6 = dom_make(&st.doms, 6);
    MUST(perm_for(&st.doms, d5, set) == 0 && perm_for(&st.doms, d6, set) == 0);
    MUST(perm_for(&st.doms, d8, set) == 0 && perm_owner(&st.doms, set) == st.doms.by_id[0]);
    perm_put(&st.perms, set);
    perm_put(&st.perms, same);
    MUST(st.perms.sets == 1);
    store_free(&st);
}

static struct node *make(struct store *st, const char *path, const char *value)
{
    path_set(&p, path);
    struct node *near = node_nearest(st, &p);
    return node_create(st, &p, near, near->perms, value, strlen(value));
}

static void nodes(void)
{
    static struct store st;
    MUST(!store_init(&st));
    struct node *n = make(&st, "/a/b/c", "v");
    MUST(n && st.nodes == 4 && n->depth == 3 && !store_audit(&st));
    uint64_t list_gen = n->parent->list_gen, gen = n->gen;
    MUST(!node_set_value(&st, n, "longer", 6) && n->gen > gen && n->parent->list_gen == list_gen);
    MUST(make(&st, "/a/b/d", "") && n->parent->list_gen > list_gen && n->parent->nchildren == 2);
    MUST(node_child(&st, n->parent, "d", 1) && !node_child(&st, n->parent, "e", 1));
    node_path(n, &q);
    MUST_BE(q.text, "/a/b/c");
    MUST(node_at(&st, n->hash, "/a/b/c", 6) == n && !node_at(&st, n->hash, "/a/b/d", 6));
    path_set(&p, "/a/b");
    node_remove(&st, node_find(&st, &p, 2), NULL, NULL);
    MUST(st.nodes == 2 && !store_audit(&st));
    store_free(&st);
}

/* A tree as deep and one as wide as can be: no recursion, no long chains (E11). */
static void extremes(void)
{
    static struct store st;
    char text[PATH_ABS_MAX + 1];
    MUST(!store_init(&st));
    for (size_t i = 0; i < PATH_ABS_MAX; i++)
        text[i] = i % 2 ? 'd' : '/';
    text[PATH_ABS_MAX] = 0;
    MUST(make(&st, text, "deep") && st.nodes == PATH_DEPTH_MAX + 1 && !store_audit(&st));
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "/w/%d", i);
        MUST(make(&st, text, ""));
    }
    MUST(!store_audit(&st) && st.buckets >= st.nodes / 2);
    path_set(&p, "/d");
    node_remove(&st, node_find(&st, &p, 1), NULL, NULL);
    MUST(!store_audit(&st) && st.nodes == 20002);
    store_free(&st);
}

/* The n-th allocation fails: either all is done or nothing is (E10). */
static void no_memory(void)
{
    static struct store st;
    for (long n = 0;; n++) {
        MUST(!store_init(&st));
        fake_mem_fail = n;
        struct node *made = make(&st, "/a/b/c/d", "value");
        long left = fake_mem_fail;
        fake_mem_fail = -1;
        MUST(!store_audit(&st) && st.nodes == (made ? 5 : 1));
        store_free(&st);
        if (left >= 0)
            break;
    }
}

int main(void)
{
    path_seed(UINT64_C(0x5eed5eed5eed5eed));
    paths();
    long_paths();
    hashes();
    perms();
    nodes();
    extremes();
    no_memory();
    MUST(fake_mem_used == 0);
    return 0;
}
