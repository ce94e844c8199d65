/*
 * scarce: what a program of the kit sees when memory, its disk's space, the server that keeps its
 * other disk, its link, its interface or xenstored is gone. It never ends by itself; each thing is
 * an error or a wait in its hands, said on the console, and over when the cause is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gk/blk.h>
#include <gk/err.h>
#include <gk/kit.h>
#include <gk/mem.h>
#include <gk/thread.h>
#include <gk/time.h>
#include <gk/xenbus.h>

static void nothing(void *unused)
{
    (void)unused;
}

/* All of it is taken, in ever smaller pieces; then everything that needs some fails, and works
 * again once it is given back. */
static void memory(void)
{
    struct block {
        struct block *next;
    } *all = NULL, *b;
    int failed = 0;

    for (size_t size = 1 << 20; size >= 16; size /= 2)
        while ((b = malloc(size))) {
            b->next = all;
            all = b;
        }
    failed = errno;
    struct gk_thread *t = gk_thread_create("none", nothing, NULL, GK_STACK_DEFAULT);
    int page = gk_page_alloc(1) != NULL;
    char *value;
    int store = gk_xs_read(GK_XS_NONE, "name", &value, NULL);
    while ((b = all)) {
        all = b->next;
        free(b);
    }
    gk_printf("scarce: memory: malloc %s, thread %s, page %s, store %s\n", strerror(failed),
              t ? "made" : "none", page ? "had" : "none", gk_err_name(store));
    void *again = malloc(1 << 20);
    t = gk_thread_create("some", nothing, NULL, GK_STACK_DEFAULT);
    gk_printf("scarce: memory: then malloc %s, thread %s\n", again ? "right" : "none",
              t ? "made" : "none");
    free(again);
    if (t)
        gk_thread_join(t);
}

static void store(void *unused)
{
    (void)unused;
    for (unsigned int n = 1;; n++) {
        char name[32];
        int rc = gk_xs_read_into(GK_XS_NONE, "name", name, sizeof name);
        if (rc != 6 || strcmp(name, "scarce"))
            gk_printf("scarce: store: %s\n", gk_err_name(rc));
        if (n % 10 == 0)
            gk_printf("scarce: store %u\n", n);
        gk_sleep(20 * GK_MS);
    }
}

/* Forward until the disk is full, then the same place again until there is room. */
static void disk(void *unused)
{
    enum { SIZE = 65536 };
    static uint8_t out[SIZE], in[SIZE];
    struct gk_blk *d;
    uint64_t at = 0;
    int rc = gk_blk_open("xvda", gk_time_mono() + 60 * GK_S, &d);

    (void)unused;
    memset(out, 0x5a, SIZE);
    while (!rc && !(rc = gk_blk_write(d, at, out, SIZE)))
        at += SIZE;
    gk_printf("scarce: disk: %lu KiB, then %s\n", at / 1024, gk_err_name(rc));
    int first = gk_blk_read(d, 0, in, SIZE);
    gk_printf("scarce: disk: what was written is %s\n",
              first || memcmp(in, out, SIZE) ? "lost" : "there");
    while ((rc = gk_blk_write(d, at, out, SIZE)))
        gk_sleep(100 * GK_MS);
    gk_printf("scarce: disk: then room, flush %s\n", gk_err_name(gk_blk_flush(d)));
}

/* A disk that is kept elsewhere: written and read back all the time, each change said. */
static void remote(void *unused)
{
    enum { SIZE = 32768 };
    static uint8_t out[SIZE], in[SIZE];
    struct gk_blk *d;
    int said = 1, rc = gk_blk_open("xvdb", gk_time_mono() + 60 * GK_S, &d);

    (void)unused;
    if (rc)
        gk_panic("scarce: remote: open %s", gk_err_name(rc));
    for (unsigned int n = 1;; n++) {
        memset(out, (int)n, SIZE);
        rc = gk_blk_write(d, n % 16 * SIZE, out, SIZE);
        rc = rc ? rc : gk_blk_read(d, n % 16 * SIZE, in, SIZE);
        if (!rc && memcmp(in, out, SIZE))
            gk_printf("scarce: remote: not as written\n");
        if (rc != said)
            gk_printf("scarce: remote: %s\n", rc ? gk_err_name(rc) : "right");
        said = rc;
        if (!rc && n % 10 == 0)
            gk_printf("scarce: remote %u\n", n);
        gk_sleep(20 * GK_MS);
    }
}

static int reach(const char *ip)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, ip, &to.sin_addr);
    int rc = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) ? errno : 0;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* A neighbour that is not there: a thread waits for its time-out. */
static void nobody(void *unused)
{
    (void)unused;
    gk_printf("scarce: net: nobody: %s\n", strerror(reach("10.0.0.77")));
}

/* One that refuses, and the same when the interface is gone and when it is back. */
static _Noreturn void neighbour(void)
{
    int rc, said = -1;

    for (;; gk_sleep(100 * GK_MS)) {
        rc = reach("10.0.0.1");
        if (rc != said)
            gk_printf("scarce: net: neighbour: %s\n", strerror(rc));
        said = rc;
    }
}

int main(void)
{
    memory();
    if (!gk_thread_create("nobody", nobody, NULL, GK_STACK_DEFAULT) ||
        !gk_thread_create("store", store, NULL, GK_STACK_DEFAULT) ||
        !gk_thread_create("disk", disk, NULL, GK_STACK_DEFAULT) ||
        !gk_thread_create("remote", remote, NULL, GK_STACK_DEFAULT))
        gk_panic("scarce: no threads");
    neighbour();
}
