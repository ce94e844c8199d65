/*
 * argon-consoled's pure parts: the ring with every kind of index and a guest that changes its page
 * at random, and the log's text there and back.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>

#include "abi/abi.h"
#include <xen/io/console.h>

#include "consoled/ring.h"
#include "consoled/text.h"

static struct xencons_interface page;

static void guest_says(const char *text, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        page.out[page.out_prod++ % CONS_OUT] = text[i];
}

static void honest_output(void)
{
    /* From just before the index runs over, in pieces that do not divide the ring. */
    struct cons_ring r;
    char all[10000], got[sizeof all], buf[CONS_OUT];
    uint32_t said = 0, seen = 0;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)(i * 7 + i / 251);
    page = (struct xencons_interface){.out_cons = 0xfffffc00, .out_prod = 0xfffffc00};
    cons_ring_init(&r, &page, cons_ring_first(&page));
    while (seen < sizeof all) {
        uint32_t n = (uint32_t)(rand() % 700), room = CONS_OUT - (page.out_prod - page.out_cons);
        n = n > room ? room : n;
        n = n > sizeof all - said ? (uint32_t)sizeof all - said : n;
        guest_says(all + said, n);
        said += n;
        int waiting = cons_ring_waiting(&r);
        CHECK_EQ(waiting, said - seen);
        n = waiting ? (uint32_t)(rand() % waiting) + 1 : 0;
        cons_ring_peek(&r, buf, n);
        CHECK_EQ(cons_ring_waiting(&r), waiting); /* C3 */
        memcpy(got + seen, buf, n);
        cons_ring_taken(&r, n);
        seen += n;
        CHECK_EQ(page.out_cons, 0xfffffc00 + seen);
    }
    CHECK(memcmp(all, got, sizeof all) == 0);
}

static void honest_input(void)
{
    struct cons_ring r;
    char text[CONS_IN];
    memset(text, 'i', sizeof text);
    page = (struct xencons_interface){.in_cons = 0xffffff00, .in_prod = 0xffffff00};
    cons_ring_init(&r, &page, 0);
    CHECK_EQ(cons_ring_room(&r), CONS_IN);
    cons_ring_put(&r, text, 1000);
    CHECK_EQ(cons_ring_room(&r), 24);
    page.in_cons += 500;
    CHECK_EQ(cons_ring_room(&r), 524);
    cons_ring_put(&r, "abc", 3);
    CHECK_EQ(page.in_prod, 0xffffff00u + 1003);
    CHECK(page.in[(0xffffff00u + 1000) % CONS_IN] == 'a');
}

static void bad_indices(void)
{
    static const struct {
        uint32_t prod, cons;
        int waiting;
    } rows[] = {{0, 0, 0},         {2048, 0, 2048},          {2049, 0, -EPROTO},
                {5, 6, -EPROTO},   {0, 0x80000000, -EPROTO}, {0x7fffffff, 0, -EPROTO},
                {3, 0xfffffffe, 5}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct cons_ring r;
        page = (struct xencons_interface){0};
        cons_ring_init(&r, &page, rows[i].cons);
        page.out_prod = rows[i].prod;
        CHECK_EQ(cons_ring_waiting(&r), rows[i].waiting);
    }
    /* A page taken up anew: nothing is read that is not there. */
    page = (struct xencons_interface){.out_cons = 10, .out_prod = 5000};
    CHECK_EQ(cons_ring_first(&page), 5000);
    page = (struct xencons_interface){.out_cons = 10, .out_prod = 50};
    CHECK_EQ(cons_ring_first(&page), 10);
    struct cons_ring r;
    page = (struct xencons_interface){.in_prod = 77, .in_cons = 5000};
    cons_ring_init(&r, &page, 0);
    CHECK_EQ(cons_ring_room(&r), -EPROTO);
}

/* A guest that writes anything at any time: no byte outside is touched (ASan), nothing is believed.
 */
static void hostile(void)
{
    struct cons_ring r;
    char buf[CONS_OUT], text[CONS_IN] = "x";
    struct xencons_interface *p = malloc(sizeof *p);
    memset(p, 0, sizeof *p);
    cons_ring_init(&r, p, 0);
    for (int i = 0; i < 200000; i++) {
        uint32_t *const word[] = {&p->in_cons, &p->in_prod, &p->out_cons, &p->out_prod};
        *word[rand() % 4] = rand() % 3 ? (uint32_t)rand() : r.out_cons + (uint32_t)(rand() % 2100);
        uint32_t ours = r.out_cons, put = r.in_prod;
        int n = cons_ring_waiting(&r), room = cons_ring_room(&r);
        CHECK(n <= CONS_OUT && room <= CONS_IN);
        if (n > 0) {
            cons_ring_peek(&r, buf, (uint32_t)n);
            cons_ring_taken(&r, (uint32_t)n);
        }
        if (room > 0)
            cons_ring_put(&r, text, (uint32_t)room);
        CHECK_EQ(r.out_cons, ours + (n > 0 ? (uint32_t)n : 0));
        CHECK_EQ(r.in_prod, put + (room > 0 ? (uint32_t)room : 0)); /* C2 */
    }
    free(p);
}

static size_t plain(const char *log, size_t n, char *out)
{
    struct text_reader t = {0};
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        if (text_step(&t, log[i]) == TEXT_BYTE)
            out[got++] = log[i];
    return got;
}

static void there_and_back(void)
{
    static const char stamp[] = "[2026-11-25 21:04:05] ";
    static char in[3000], log[TEXT_ROOM(sizeof in)], out[sizeof in];
    _Static_assert(sizeof stamp - 1 == TEXT_STAMP, "the stamp's length is part of the format");
    for (int round = 0; round < 500; round++) {
        bool start = true;
        size_t n = (size_t)rand() % sizeof in, done = 0, len = 0;
        for (size_t i = 0; i < n; i++)
            in[i] = "\n\r[-ab \0"[rand() % 8];
        while (done < n) {
            size_t k = (size_t)rand() % (n - done) + 1;
            len += text_stamp(log + len, in + done, k, stamp, &start);
            done += k;
        }
        CHECK_EQ(start, n == 0 || in[n - 1] == '\n');
        CHECK_EQ(plain(log, len, out), n);
        CHECK(memcmp(in, out, n) == 0);
    }
    bool start = true;
    size_t len = text_stamp(log, "one\ntwo", 7, stamp, &start);
    log[len] = 0;
    CHECK_STR(log, "[2026-11-25 21:04:05] one\n[2026-11-25 21:04:05] two");
}

static void remarks(void)
{
    static const char log[] =
        "[2026-11-25 21:04:05] a\n- domain 2 begins\n[2026-11-25 21:04:05] b\n";
    struct text_reader t = {0};
    size_t ends = 0, where = 0;
    char out[80];
    for (size_t i = 0; i < sizeof log - 1; i++)
        if (text_step(&t, log[i]) == TEXT_REMARK_END) {
            ends++;
            where = i;
        }
    CHECK_EQ(ends, 1);
    CHECK(log[where + 1] == '[');
    size_t n = plain(log, sizeof log - 1, out);
    out[n] = 0;
    CHECK_STR(out, "a\nb\n");
}

static void names(void)
{
    char out[240], longest[400];
    text_file_name(out, sizeof out, "web");
    CHECK_STR(out, "guest-web.log");
    text_file_name(out, sizeof out, "../../etc/passwd\n");
    CHECK_STR(out, "guest-.._.._etc_passwd_.log");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    text_file_name(out, sizeof out, longest);
    CHECK_EQ(strlen(out), 6 + 200 + 4);
    text_file_name(out, 32, longest);
    CHECK_EQ(strlen(out), 31);
}

int main(void)
{
    srand(4);
    honest_output();
    honest_input();
    bad_indices();
    hostile();
    there_and_back();
    remarks();
    names();
    return check_result();
}
