/*
 * Requests, as clients send them, and what they get: semantics, permissions, events, quotas. Rows
 * of group E of the security checklist are marked (E1..E13).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs_host.h"

static struct xs xs;
static struct talk tool, g5, g6;

static void begin(void)
{
    MUST(!xs_init(&xs));
    tool = (struct talk){.xs = &xs, .c = conn_open(&xs, dom_find(&xs.st.doms, 0), false)};
    g5 = (struct talk){.xs = &xs, .c = guest(&xs, 5)};
    g6 = (struct talk){.xs = &xs, .c = guest(&xs, 6)};
    static const char *const home[] = {"/local/domain/5", "/local/domain/6"};
    for (int i = 0; i < 2; i++) {
        char perm[16];
        write_node(&tool, home[i], "");
        snprintf(perm, sizeof(perm), "n%d", 5 + i);
        MUST_BE(ask2(&tool, XS_SET_PERMS, home[i], perm), "OK");
    }
}

static void end(void)
{
    const char *wrong = xs_audit(&xs);
    MUST_BE(wrong ? wrong : "", "");
    xs_free(&xs);
    MUST(fake_mem_used == 0);
}

static const char *rd(struct talk *t, const char *path)
{
    return ask1(t, XS_READ, path);
}

static const char *perms_of(struct talk *t, const char *path)
{
    ask1(t, XS_GET_PERMS, path);
    for (size_t i = 0; i + 1 < t->answer_len; i++)
        if (!t->answer[i])
            t->answer[i] = ',';
    return t->answer;
}

static const char *list_of(struct talk *t, const char *path)
{
    ask1(t, XS_DIRECTORY, path);
    for (size_t i = 0; i + 1 < t->answer_len; i++)
        if (!t->answer[i])
            t->answer[i] = ',';
    return t->answer;
}

static void basics(void)
{
    begin();
    MUST_BE(write_node(&tool, "/a/b", "one"), "OK");
    MUST_BE(rd(&tool, "/a/b"), "one");
    MUST_BE(rd(&tool, "/a"), "");
    MUST_BE(rd(&tool, "/b"), "ENOENT");
    MUST_BE(ask1(&tool, XS_MKDIR, "/a/c"), "OK");
    MUST_BE(ask1(&tool, XS_MKDIR, "/a/b"), "OK");
    MUST_BE(rd(&tool, "/a/b"), "one");
    MUST_BE(list_of(&tool, "/a"), "b,c");
    MUST_BE(ask1(&tool, XS_RM, "/a/b"), "OK");
    MUST_BE(ask1(&tool, XS_RM, "/a/b"), "OK");
    MUST_BE(ask1(&tool, XS_RM, "/x/y"), "ENOENT");
    MUST_BE(ask1(&tool, XS_RM, "/"), "EINVAL");
    MUST_BE(list_of(&tool, "/a"), "c");
    MUST_BE(write_node(&tool, "rel", "v"), "OK");
    MUST_BE(rd(&tool, "/local/domain/0/rel"), "v");
    MUST_BE(ask1(&tool, XS_GET_DOMAIN_PATH, "7"), "/local/domain/7");
    MUST_BE(ask1(&tool, XS_IS_DOMAIN_INTRODUCED, "5"), "T");
    MUST_BE(ask1(&tool, XS_IS_DOMAIN_INTRODUCED, "9"), "F");
    MUST(ask(&tool, XS_READ, "/a", 2) == XS_ERROR && !strcmp(tool.answer, "EINVAL"));
    MUST(ask(&tool, 20 /* was XS_RESTRICT */, "x", 2) == XS_ERROR &&
         !strcmp(tool.answer, "ENOSYS"));
    MUST(ask(&tool, 0x7fffffff, "x", 2) == XS_ERROR && !strcmp(tool.answer, "ENOSYS"));
    MUST_BE(ask1(&tool, XS_WATCH_EVENT, "x"), "ENOSYS");
    /* A value may hold anything, also nothing. */
    MUST(ask(&tool, XS_WRITE, "/n\0a\0b", 6) == XS_WRITE);
    MUST(ask(&tool, XS_READ, "/n", 3) == XS_READ && tool.answer_len == 3);
    MUST(!memcmp(tool.answer, "a\0b", 3));
    end();
}

static void permissions(void)
{
    begin();
    MUST_BE(write_node(&tool, "/sec", "s"), "OK");
    MUST_BE(rd(&g5, "/sec"), "EACCES");
    MUST_BE(rd(&g5, "/not/there"), "EACCES"); /* nothing is told about what one may not see */
    MUST_BE(rd(&g5, "data/x"), "ENOENT");
    MUST_BE(write_node(&g5, "/sec", "x"), "EACCES");
    MUST_BE(write_node(&g5, "/sec/y", "x"), "EACCES");
    MUST_BE(write_node(&g5, "/", "x"), "EACCES"); /* the root, too (E5) */
    MUST_BE(ask2(&g5, XS_SET_PERMS, "/", "n5"), "EACCES");
    MUST_BE(list_of(&g5, "/"), "EACCES");
    MUST_BE(perms_of(&g5, "/"), "EACCES");
    MUST_BE(write_node(&g5, "data/x", "mine"), "OK");
    MUST_BE(perms_of(&g5, "data/x"), "n5");
    MUST_BE(rd(&g6, "/local/domain/5/data/x"), "EACCES");
    MUST_BE(ask2(&g5, XS_SET_PERMS, "data/x", "r5"), "OK");
    MUST_BE(rd(&g6, "/local/domain/5/data/x"), "mine");
    MUST_BE(write_node(&g6, "/local/domain/5/data/x", "no"), "EACCES");
    MUST_BE(ask2(&g6, XS_SET_PERMS, "/local/domain/5/data/x", "b6"), "EACCES");
    /* Only domain 0 gives nodes away (E5). */
    MUST_BE(ask2(&g5, XS_SET_PERMS, "data/x", "n6"), "EPERM");
    MUST_BE(ask2(&g5, XS_SET_PERMS, "data/x", "n0"), "EPERM");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/local/domain/5/data/x", "n6"), "OK");
    MUST_BE(rd(&g5, "data/x"), "EACCES");
    MUST_BE(write_node(&g6, "/local/domain/5/data/x", "yes"), "OK");
    /* A node made by a guest below another's is its own; made by domain 0 it is the parent's. */
    MUST_BE(write_node(&g6, "/local/domain/5/data/x/y", ""), "OK");
    MUST_BE(perms_of(&tool, "/local/domain/5/data/x/y"), "n6");
    MUST_BE(write_node(&tool, "/local/domain/5/ctl", ""), "OK");
    MUST_BE(perms_of(&tool, "/local/domain/5/ctl"), "n5");
    /* Requests of the toolstack only. */
    static const uint32_t priv[] = {XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_RESUME, XS_SET_TARGET};
    for (size_t i = 0; i < ARRAY_SIZE(priv); i++)
        MUST_BE(ask1(&g5, priv[i], "check"), "EACCES");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/sec", "x1"), "EINVAL");
    MUST_BE(ask1(&tool, XS_SET_PERMS, "/sec"), "EINVAL");
    /* Domain 6 acts for 5. */
    MUST_BE(ask2(&tool, XS_SET_TARGET, "6", "5"), "OK");
    MUST_BE(write_node(&g6, "/local/domain/5/ctl", "by 6"), "OK");
    end();
}

static void watches(void)
{
    begin();
    MUST_BE(ask2(&tool, XS_WATCH, "/w", "tok"), "OK");
    MUST(tool.events == 1);
    MUST_BE(tool.event, "/w tok");
    MUST_BE(ask2(&tool, XS_WATCH, "/w", "tok"), "EEXIST");
    MUST_BE(write_node(&tool, "/w/a/b", "1"), "OK");
    MUST(tool.events == 2);
    MUST_BE(tool.event, "/w/a/b tok");
    MUST_BE(write_node(&tool, "/wider", "1"), "OK");
    MUST(tool.events == 2);
    MUST_BE(ask2(&tool, XS_WATCH, "/w/a/b", "deep"), "OK");
    tool.events = 0;
    MUST_BE(ask1(&tool, XS_RM, "/w"), "OK"); /* one event for /w, one for the watch deep below */
    MUST(tool.events == 2);
    MUST_BE(tool.event, "/w/a/b deep");
    MUST_BE(ask2(&tool, XS_UNWATCH, "/w", "other"), "ENOENT");
    MUST_BE(ask2(&tool, XS_UNWATCH, "/w", "tok"), "OK");
    MUST_BE(ask2(&tool, XS_UNWATCH, "/w/a/b", "deep"), "OK");
    MUST_BE(write_node(&tool, "/w", "1"), "OK");
    MUST(tool.events == 2);
    MUST_BE(ask2(&g5, XS_WATCH, "dev", "d"), "OK");
    MUST_BE(g5.event, "dev d"); /* relative watch, relative event */
    MUST_BE(write_node(&tool, "/local/domain/5/dev/x", "1"), "OK");
    drain(&g5);
    MUST_BE(g5.event, "dev/x d");
    MUST_BE(ask2(&tool, XS_WATCH, "/", "all"), "OK");
    tool.events = 0;
    MUST_BE(write_node(&g5, "dev/x", "2"), "OK");
    drain(&tool);
    MUST(tool.events == 1);
    MUST_BE(tool.event, "/local/domain/5/dev/x all");
    MUST_BE(ask1(&tool, XS_RESET_WATCHES, ""), "OK");
    MUST(xs.watches.watches == 1);
    end();
}

/* Watchers hear of nothing that they may not read: neither before nor after (E3). */
static void watch_permissions(void)
{
    begin();
    MUST_BE(ask2(&g5, XS_WATCH, "/", "root"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "/sec", "s"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "/sec/key", "k"), "OK");
    drain(&g5);
    g5.events = 0;
    MUST_BE(write_node(&tool, "/sec/key", "42"), "OK");
    MUST_BE(ask1(&tool, XS_RM, "/sec/key"), "OK");
    MUST_BE(write_node(&tool, "/sec/key", "42"), "OK");
    drain(&g5);
    MUST(g5.events == 0);
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/sec/key", "r0"), "OK"); /* may read from now on: is told */
    drain(&g5);
    MUST(g5.events == 3);
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/sec/key", "n0"), "OK"); /* could read until now: is told */
    drain(&g5);
    MUST(g5.events == 6);
    MUST_BE(write_node(&tool, "/sec/key", "43"), "OK");
    MUST_BE(ask1(&tool, XS_RM, "/sec"), "OK");
    drain(&g5);
    MUST(g5.events == 6);
    /* Whoever may list the parent may know that a child comes or goes. */
    MUST_BE(write_node(&tool, "/open", ""), "OK");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/open", "r0"), "OK");
    MUST_BE(write_node(&tool, "/open/x", ""), "OK");
    drain(&g5);
    MUST(g5.events == 8); /* /open's new permissions, /open/x */
    /* Special watches are for whom domain 0 lets. */
    MUST_BE(ask2(&g5, XS_WATCH, "@releaseDomain", "r"), "OK");
    drain(&g5);
    g5.events = 0;
    event_fire_special(&xs, SPECIAL_RELEASE);
    drain(&g5);
    MUST(g5.events == 0);
    MUST_BE(ask2(&g5, XS_SET_PERMS, "@releaseDomain", "r0"), "EACCES");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "@releaseDomain", "r0"), "OK");
    event_fire_special(&xs, SPECIAL_RELEASE);
    drain(&g5);
    MUST(g5.events == 1);
    MUST_BE(g5.event, "@releaseDomain r");
    MUST_BE(rd(&tool, "@releaseDomain"), "ENOENT");
    MUST_BE(write_node(&tool, "@releaseDomain", "x"), "ENOENT");
    end();
}

static void start(struct talk *t)
{
    t->tx = 0;
    ask(t, XS_TRANSACTION_START, "", 1);
    t->tx = (uint32_t)atoi(t->answer);
    MUST(t->tx);
}

static const char *commit(struct talk *t)
{
    const char *answer = ask1(t, XS_TRANSACTION_END, "T");
    t->tx = 0;
    return answer;
}

static void transactions(void)
{
    begin();
    write_node(&tool, "/t/x", "1");
    write_node(&tool, "/t/y", "1");
    struct talk in = tool;
    start(&in);
    MUST_BE(ask1(&in, XS_TRANSACTION_START, ""), "EBUSY");
    MUST_BE(write_node(&in, "/t/x", "2"), "OK");
    MUST_BE(write_node(&in, "/t/new/deep", "3"), "OK");
    MUST_BE(ask1(&in, XS_RM, "/t/y"), "OK");
    MUST_BE(rd(&in, "/t/y"), "ENOENT");
    MUST_BE(list_of(&in, "/t"), "x,new");
    MUST_BE(rd(&tool, "/t/x"), "1");
    MUST_BE(list_of(&tool, "/t"), "x,y");
    MUST_BE(commit(&in), "OK");
    MUST_BE(rd(&tool, "/t/x"), "2");
    MUST_BE(rd(&tool, "/t/new/deep"), "3");
    MUST_BE(list_of(&tool, "/t"), "x,new");
    MUST_BE(ask1(&tool, XS_TRANSACTION_END, "T"), "ENOENT");
    in.tx = 77;
    MUST_BE(rd(&in, "/t"), "ENOENT");
    /* Dropped. */
    start(&in);
    MUST_BE(ask1(&in, XS_RM, "/t"), "OK");
    MUST_BE(ask1(&in, XS_TRANSACTION_END, "x"), "EINVAL");
    MUST_BE(ask1(&in, XS_TRANSACTION_END, "F"), "OK");
    MUST_BE(rd(&tool, "/t/x"), "2");
    end();
}

/* A conflict comes from a node that both touched, and from nothing else (E9). */
static void conflicts(void)
{
    begin();
    struct talk in = tool;
    write_node(&tool, "/c/x", "1");
    write_node(&tool, "/c/y", "1");
    start(&in); /* read, then changed outside */
    MUST_BE(rd(&in, "/c/x"), "1");
    write_node(&tool, "/c/x", "2");
    MUST_BE(rd(&in, "/c/x"), "1"); /* reads are repeatable */
    MUST_BE(commit(&in), "EAGAIN");
    start(&in); /* a sibling, a child of a sibling, the parent's value: nobody's business */
    MUST_BE(rd(&in, "/c/x"), "2");
    MUST_BE(write_node(&in, "/c/z", "in"), "OK");
    write_node(&tool, "/c/y", "2");
    write_node(&tool, "/c/y/k", "2");
    write_node(&tool, "/c/other", "2");
    MUST_BE(commit(&in), "OK");
    start(&in); /* the list of children */
    list_of(&in, "/c");
    write_node(&tool, "/c/more", "");
    MUST_BE(commit(&in), "EAGAIN");
    start(&in); /* found missing, then made */
    MUST_BE(rd(&in, "/c/miss"), "ENOENT");
    write_node(&tool, "/c/miss", "");
    MUST_BE(commit(&in), "EAGAIN");
    start(&in); /* both make the same */
    write_node(&in, "/c/same", "in");
    write_node(&tool, "/c/same", "out");
    MUST_BE(commit(&in), "EAGAIN");
    MUST_BE(rd(&tool, "/c/same"), "out");
    start(&in); /* made below what is removed */
    write_node(&in, "/c/y/below", "in");
    MUST_BE(ask1(&tool, XS_RM, "/c/y"), "OK");
    MUST_BE(commit(&in), "EAGAIN");
    start(&in); /* permissions decide what one may: a change of them conflicts */
    MUST_BE(rd(&in, "/c/x"), "2");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/c/x", "r0"), "OK");
    MUST_BE(commit(&in), "EAGAIN");
    /* A guest that writes all the time does not hold the toolstack up. */
    start(&in);
    MUST_BE(write_node(&in, "/local/domain/5/state", "4"), "OK");
    for (int i = 0; i < 50; i++)
        MUST_BE(write_node(&g5, "data/noise", "x"), "OK");
    MUST_BE(commit(&in), "OK");
    end();
}

/* Removing and making again in one transaction, in all orders. */
static void remake(void)
{
    begin();
    struct talk in = tool;
    write_node(&tool, "/r/a/b/c", "old");
    write_node(&tool, "/r/a/d", "old");
    ask2(&tool, XS_WATCH, "/r/a/d", "d");
    start(&in);
    MUST_BE(ask1(&in, XS_RM, "/r/a/b"), "OK");
    MUST_BE(write_node(&in, "/r/a/b/n", "new"), "OK");
    MUST_BE(list_of(&in, "/r/a/b"), "n");
    MUST_BE(ask1(&in, XS_RM, "/r/a"), "OK");
    MUST_BE(rd(&in, "/r/a/b/n"), "ENOENT");
    MUST_BE(rd(&in, "/r/a/d"), "ENOENT");
    MUST_BE(write_node(&in, "/r/a/b/c", "again"), "OK");
    MUST_BE(list_of(&in, "/r/a"), "b");
    MUST_BE(rd(&in, "/r/a/b/c"), "again");
    MUST_BE(write_node(&in, "/r/tmp", "x"), "OK");
    MUST_BE(ask1(&in, XS_RM, "/r/tmp"), "OK");
    tool.events = in.events = 0;
    MUST_BE(commit(&in), "OK");
    MUST(in.events == 1);
    MUST_BE(list_of(&tool, "/r/a"), "b");
    MUST_BE(rd(&tool, "/r/a/b/c"), "again");
    MUST_BE(list_of(&tool, "/r"), "a");
    end();
}

static void quotas(void)
{
    char path[64], value[3000];
    begin();
    memset(value, 'v', sizeof(value));
    value[2500] = 0;
    MUST_BE(write_node(&g5, "big", value), "ENOSPC");
    MUST_BE(fake_log, "domain 5 hit hard quota 'size' of 2048 (wanted 2511)");
    value[1900] = 0;
    MUST_BE(write_node(&g5, "big", value), "OK");
    xs.quota.max[QUOTA_NODES] = 10;
    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof(path), "n%d", i);
        MUST_BE(write_node(&g5, path, ""), "OK");
    }
    MUST(g5.c->dom->nodes == 10);
    fake_log_lines = 0;
    MUST_BE(write_node(&g5, "more", ""), "ENOSPC");
    MUST_BE(ask1(&g5, XS_MKDIR, "more/and/more"), "ENOSPC");
    MUST(fake_log_lines == 1); /* said once, not for each try */
    MUST_BE(fake_log, "domain 5 hit hard quota 'nodes' of 10 (wanted 11)");
    MUST_BE(write_node(&g5, "n0", "still"), "OK");
    /* In a transaction: what it makes counts, what it removes as well, delete after create too
     * (E8). */
    start(&g5);
    MUST_BE(write_node(&g5, "more", ""), "ENOSPC");
    MUST_BE(ask1(&g5, XS_RM, "n0"), "OK");
    MUST_BE(write_node(&g5, "more", ""), "OK");
    MUST_BE(write_node(&g5, "more2", ""), "ENOSPC");
    MUST_BE(ask1(&g5, XS_RM, "more"), "OK");
    MUST_BE(write_node(&g5, "more2", ""), "OK");
    MUST_BE(commit(&g5), "OK");
    MUST(g5.c->dom->nodes == 10);
    /* Two that each are within it, together not. */
    MUST_BE(ask1(&g5, XS_RM, "n1"), "OK");
    struct talk a = g5, b = g5;
    start(&a);
    start(&b);
    MUST_BE(write_node(&a, "q1", ""), "OK");
    MUST_BE(write_node(&b, "q2", ""), "OK");
    MUST_BE(commit(&a), "OK");
    MUST_BE(commit(&b), "ENOSPC");
    MUST(g5.c->dom->nodes == 10);
    xs.quota.max[QUOTA_WATCHES] = 2;
    MUST_BE(ask2(&g5, XS_WATCH, "a", "1"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "a", "2"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "a", "3"), "E2BIG");
    MUST_BE(ask1(&g5, XS_RESET_WATCHES, ""), "OK"); /* forgets no index (E8) */
    MUST(g5.c->dom->watches == 0);
    MUST_BE(ask2(&g5, XS_WATCH, "a", "3"), "OK");
    xs.quota.max[QUOTA_TRANSACTIONS] = 1;
    start(&g5);
    uint32_t tx = g5.tx;
    g5.tx = 0;
    MUST_BE(ask1(&g5, XS_TRANSACTION_START, ""), "ENOSPC");
    xs.quota.max[QUOTA_TXN_NODES] = 2;
    g5.tx = tx;
    rd(&g5, "n2");
    rd(&g5, "n3");
    MUST_BE(rd(&g5, "n4"), "ENOSPC");
    MUST_BE(ask1(&g5, XS_TRANSACTION_END, "F"), "OK");
    g5.tx = 0;
    xs.quota.max[QUOTA_PERMS] = 2;
    const char p3[] = "n2\0n5\0r1\0r2";
    MUST(ask(&g5, XS_SET_PERMS, p3, sizeof(p3)) == XS_ERROR && !strcmp(g5.answer, "ENOSPC"));
    xs.quota.max[QUOTA_PATH_MAX] = 20;
    MUST_BE(rd(&g5, "a-name-that-is-longer-than-20"), "EINVAL");
    MUST_BE(ask1(&tool, XS_MKDIR, "/a-name-that-is-longer-than-20"), "OK"); /* tools: no quota */
    end();
}

static void memory(void)
{
    char path[32], value[2000] = "";
    begin();
    memset(value, 'm', 1900);
    xs.quota.max[QUOTA_MEMORY] = 20000;
    xs.quota.max[QUOTA_MEMORY_SOFT] = 10000;
    int i = 0;
    for (; i < 100; i++) {
        snprintf(path, sizeof(path), "m%d", i);
        if (strcmp(write_node(&g5, path, value), "OK") != 0)
            break;
        if (i == 6)
            MUST(strstr(fake_log, "domain 5 hit soft quota 'memory' of 10000"));
    }
    MUST(i > 6 && i < 10);
    MUST(strstr(fake_log, "domain 5 hit hard quota 'memory' of 20000"));
    MUST(g5.c->dom->mem <= 20000);
    MUST_BE(ask2(&g5, XS_WATCH, "x", value), "E2BIG");
    /* Also what a transaction gathers (E7). */
    start(&g5);
    MUST_BE(write_node(&g5, "m0", value), "ENOSPC");
    MUST_BE(ask1(&g5, XS_TRANSACTION_END, "F"), "OK");
    g5.tx = 0;
    MUST_BE(ask1(&g5, XS_RM, "m0"), "OK");
    MUST_BE(ask1(&g5, XS_RM, "m1"), "OK");
    MUST_BE(write_node(&g5, "m0", value), "OK");
    end();
}

/* A client that does not read: replies and events stay bounded, no event is lost for good (E7). */
static void unread(void)
{
    begin();
    MUST_BE(ask2(&g5, XS_WATCH, "dev", "d"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "other", "o"), "OK");
    g5.events = 0;
    for (int i = 0; i < 20000; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/local/domain/5/dev/%d", i % 7000);
        write_node(&tool, path, "1");
    }
    MUST(g5.c->out.len <= 256 << 10 && g5.c->dom->mem < 3 << 20);
    MUST(g5.c->missed == 1);
    drain(&g5);
    MUST(g5.c->missed == 0);
    MUST_BE(g5.event, "dev d"); /* after the last that had room: something more happened */
    /* The same change again and again is queued once, past the first few. */
    g5.events = 0;
    for (int i = 0; i < 20000; i++)
        write_node(&tool, "/local/domain/5/dev/1", "1");
    MUST(g5.c->out.len < 9000);
    drain(&g5);
    MUST_BE(g5.event, "dev/1 d");
    /* Requests are not looked at while too many replies are unread. */
    const struct xsd_sockmsg hdr = {.type = XS_READ, .len = 4};
    unsigned n = 0;
    for (; n < 1000 && conn_may_request(&xs, g5.c); n++)
        wire_request(&xs, g5.c, &hdr, "dev");
    MUST(n == xs.quota.max[QUOTA_OUTSTANDING]);
    MUST_BE(fake_log, "domain 5 hit hard quota 'outstanding' of 20 (wanted 21)");
    drain(&g5);
    MUST(conn_may_request(&xs, g5.c));
    end();
}

/* Replies and events longer than the protocol allows (E2). */
static void too_big(void)
{
    static char token[XENSTORE_PAYLOAD_MAX], path[PATH_ABS_MAX + 1];
    begin();
    memset(token, 't', 3000);
    MUST_BE(ask2(&tool, XS_WATCH, "/w", token), "OK");
    MUST(tool.events == 1);
    memset(path, 'p', PATH_ABS_MAX);
    memcpy(path, "/w/", 3);
    MUST_BE(write_node(&tool, path, "v"), "OK"); /* its event could not be sent: there is none */
    MUST(tool.events == 1);
    path[1000] = 0;
    MUST_BE(write_node(&tool, path, "v"), "OK");
    MUST(tool.events == 2);
    /* A directory of more than 4096 bytes: refused whole, read in parts. */
    for (int i = 0; i < 900; i++) {
        snprintf(path, sizeof(path), "/dir/child-%d", i);
        MUST_BE(write_node(&tool, path, ""), "OK");
    }
    MUST_BE(ask1(&tool, XS_DIRECTORY, "/dir"), "E2BIG");
    size_t at = 0, names = 0;
    char gen[32] = "";
    for (;;) {
        char off[24];
        snprintf(off, sizeof(off), "%zu", at);
        MUST(ask2(&tool, XS_DIRECTORY_PART, "/dir", off) && tool.answer_len > 2);
        if (at)
            MUST_BE(tool.answer, gen);
        strcpy(gen, tool.answer);
        size_t head = strlen(gen) + 1;
        for (size_t i = head; i < tool.answer_len; i++)
            names += tool.answer[i] == 0;
        at += tool.answer_len - head;
        if (tool.answer[tool.answer_len - 2] == 0)
            break;
    }
    MUST(names == 901); /* with the empty one at the end */
    MUST_BE(write_node(&tool, "/dir/late", ""), "OK");
    ask2(&tool, XS_DIRECTORY_PART, "/dir", "0");
    MUST(strcmp(tool.answer, gen) != 0);
    MUST_BE(ask2(&tool, XS_DIRECTORY_PART, "/dir", "99999999"), tool.answer);
    MUST(tool.answer_len == strlen(tool.answer) + 2);
    MUST_BE(ask2(&tool, XS_DIRECTORY_PART, "/dir", "x"), "EINVAL");
    end();
}

/* Nothing of a dead domain is left for the next of its id (E4); others' use is not touched. */
static void death(void)
{
    begin();
    MUST_BE(write_node(&g5, "data/mine", "5"), "OK");
    MUST_BE(write_node(&tool, "/shared", "s"), "OK");
    const char perms[] = "/shared\0n0\0b5\0r6";
    MUST(ask(&tool, XS_SET_PERMS, perms, sizeof(perms)) == XS_SET_PERMS);
    MUST_BE(write_node(&g5, "/shared/by5", "5"), "OK");
    MUST_BE(ask2(&g5, XS_WATCH, "/shared", "w"), "OK");
    start(&g5);
    MUST_BE(write_node(&g5, "data/in-tx", "5"), "OK");
    ask2(&tool, XS_SET_TARGET, "6", "5");
    MUST_BE(rd(&g6, "/local/domain/5/data/mine"), "5");
    ask2(&tool, XS_WATCH, "@releaseDomain", "rel");
    tool.events = 0;
    MUST_BE(ask1(&tool, XS_RELEASE, "5"), "OK");
    MUST(tool.events == 1);
    MUST(!dom_find(&xs.st.doms, 5) && xs.watches.watches == 1);
    MUST_BE(rd(&tool, "/local/domain/5"), "ENOENT");
    MUST_BE(rd(&tool, "/shared/by5"), "ENOENT");
    MUST_BE(perms_of(&tool, "/shared"), "n0,r6");
    MUST_BE(ask1(&tool, XS_RELEASE, "5"), "ENOENT");
    g5 = (struct talk){.xs = &xs, .c = guest(&xs, 5)};
    MUST(g5.c->dom->nodes == 0 && g5.c->dom->mem == 0 && g5.c->dom->quota_hit == 0);
    MUST_BE(rd(&g5, "/shared"), "EACCES");
    MUST_BE(write_node(&g5, "/shared/x", ""), "EACCES");
    MUST_BE(write_node(&tool, "/local/domain/5/data", ""), "OK");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/local/domain/5/data", "n5"), "OK");
    MUST_BE(rd(&g6, "/local/domain/5/data"), "EACCES"); /* its target was the dead one */
    /* Permissions for somebody who does not exist give nothing to whoever comes later. */
    fake_alive[9] = false;
    const char late[] = "/shared\0n0\0b9";
    MUST(ask(&tool, XS_SET_PERMS, late, sizeof(late)) == XS_SET_PERMS);
    MUST_BE(perms_of(&tool, "/shared"), "n0");
    MUST_BE(ask2(&tool, XS_SET_PERMS, "/shared", "n9"), "OK");
    MUST_BE(perms_of(&tool, "/shared"), "n0");
    fake_alive[9] = true;
    struct talk g9 = {.xs = &xs, .c = guest(&xs, 9)};
    MUST_BE(rd(&g9, "/shared"), "EACCES");
    end();
}

/* Odd input that brought other daemons down (E12), and the rest of the toolstack's requests. */
static void oddities(void)
{
    begin();
    static const char *const odd[] = {
        "/local/domain/", "/local/domain//", "/local/domain/5/", "//", "@", "", "/local//domain",
        "/\x01"};
    static const uint32_t types[] = {XS_READ, XS_WRITE,     XS_MKDIR,
                                     XS_RM,   XS_DIRECTORY, XS_GET_PERMS};
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++)
        for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
            ask1(&tool, types[k], odd[i]);
            ask1(&g5, types[k], odd[i]);
            ask2(&g5, XS_WATCH, odd[i], "t");
            ask2(&g5, XS_UNWATCH, odd[i], "t");
            MUST(!xs_audit(&xs));
        }
    start(&g5);
    uint32_t tx = g5.tx;
    MUST_BE(write_node(&g5, "x", "1"), "OK");
    MUST_BE(ask1(&g5, XS_RESET_WATCHES, ""), "OK"); /* ends the transaction it names */
    MUST_BE(ask1(&g5, XS_TRANSACTION_END, "T"), "ENOENT");
    MUST(g5.tx == tx);
    g5.tx = 0;
    MUST_BE(ask1(&tool, XS_RESUME, "5"), "OK");
    MUST_BE(ask1(&tool, XS_RESUME, "99"), "ENOENT");
    MUST_BE(ask1(&tool, XS_RELEASE, "0"), "ENOENT");
    MUST_BE(ask1(&tool, XS_RELEASE, "x"), "EINVAL");
    const char again[] = "5\0001\0002", fresh[] = "7\0001\0002", bad[] = "7\0001";
    MUST(ask(&tool, XS_INTRODUCE, again, sizeof(again)) == XS_INTRODUCE);
    MUST(ask(&tool, XS_INTRODUCE, fresh, sizeof(fresh)) == XS_INTRODUCE);
    MUST(ask(&tool, XS_INTRODUCE, bad, sizeof(bad)) == XS_ERROR);
    MUST(dom_find(&xs.st.doms, 7)->introduced);
    fake_alive[8] = false;
    const char none[] = "8\0001\0002";
    MUST(ask(&tool, XS_INTRODUCE, none, sizeof(none)) == XS_ERROR && !dom_find(&xs.st.doms, 8));
    fake_alive[8] = true;
    MUST(ask(&tool, XS_READ, "", 0) == XS_ERROR);
    MUST(ask(&tool, XS_WRITE, "noterm", 6) == XS_ERROR);
    end();
}

static void control(void)
{
    begin();
    MUST_BE(ask1(&tool, XS_CONTROL, "check"), "OK");
    MUST(
        strstr(ask1(&tool, XS_CONTROL, "quota"), "nodes            :     1000 Nodes per domain\n"));
    MUST(strstr(ask2(&tool, XS_CONTROL, "quota", "5"), "nodes           :        1\n"));
    MUST_BE(ask2(&tool, XS_CONTROL, "quota", "77"), "ENOENT");
    const char set[] = "quota\0set\0nodes\0"
                       "50";
    MUST(ask(&tool, XS_CONTROL, set, sizeof(set)) == XS_CONTROL && xs.quota.max[QUOTA_NODES] == 50);
    MUST(strstr(ask2(&tool, XS_CONTROL, "quota", "usage"), "\n5 1 0 0 0 "));
    MUST_BE(ask2(&tool, XS_CONTROL, "log", "on"), "OK");
    MUST(xs.trace);
    MUST_BE(ask2(&tool, XS_CONTROL, "log", "off"), "OK");
    MUST_BE(ask2(&tool, XS_CONTROL, "domain-named", "five"), "");
    MUST_BE(ask2(&tool, XS_WRITE, "/local/domain/5/name", "five"), "OK"); /* its NUL with it */
    const char name[] = "/local/domain/5/name\0five";
    MUST(ask(&tool, XS_WRITE, name, sizeof(name) - 1) == XS_WRITE);
    MUST_BE(ask2(&tool, XS_CONTROL, "domain-named", "five"), "5 ");
    MUST_BE(ask2(&tool, XS_CONTROL, "domain-named", "fiv"), "");
    MUST_BE(ask1(&tool, XS_CONTROL, "domain-named"), "EINVAL");
    MUST_BE(ask1(&tool, XS_CONTROL, "nonsense"), "EINVAL");
    MUST(strstr(ask1(&tool, XS_CONTROL, "help"), "quota"));
    MUST(strncmp(ask2(&tool, XS_CONTROL, "live-update", "-s"), "not needed", 10) == 0);
    end();
}

int main(void)
{
    path_seed(UINT64_C(0xfeedfacecafebeef));
    basics();
    permissions();
    watches();
    watch_permissions();
    transactions();
    conflicts();
    remake();
    quotas();
    memory();
    unread();
    too_big();
    death();
    oddities();
    control();
    return 0;
}
