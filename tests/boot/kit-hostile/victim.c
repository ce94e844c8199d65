/*
 * victim: a guest of the kit whose back-ends come, go and lie, and which lives on.
 *
 * It writes and reads back its first disk all the time ("steady"), echoes on TCP port 7, and uses
 * each further disk that appears until a read fails or the disk is gone, then once more, then
 * closes it. A stretch of heap is looked after all the time. Says what happened, and "alive" after
 * each disk.
 */
#include <netinet/in.h>
#include <stdio.h>
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

#define DISKS 32
#define SIZE  65536UL

static uint8_t guarded[64][1000];

static void guard_fill(void)
{
    for (unsigned int i = 0; i < 64; i++)
        memset(guarded[i], (int)i, sizeof guarded[i]);
}

static void guard_check(void)
{
    for (unsigned int i = 0; i < 64; i++)
        for (unsigned int j = 0; j < sizeof guarded[i]; j++)
            if (guarded[i][j] != i)
                gk_panic("victim: memory was changed");
}

/* --- the steady disk --- */

static void steady(void *unused)
{
    struct gk_blk *disk;
    uint8_t *out = gk_alloc(SIZE), *in = gk_alloc(SIZE);
    int rc = gk_blk_open("xvda", gk_time_mono() + 60 * GK_S, &disk);

    (void)unused;
    for (unsigned int round = 1; !rc && out && in; round++) {
        memset(out, (int)round, SIZE);
        rc = gk_blk_write(disk, round % 16 * SIZE, out, SIZE);
        rc = rc ? rc : gk_blk_read(disk, round % 16 * SIZE, in, SIZE);
        if (!rc && memcmp(in, out, SIZE))
            gk_printf("victim: steady: not as written\n");
        if (round % 20 == 0)
            gk_printf("victim: steady %u\n", round);
        gk_sleep(GK_MS);
    }
    gk_printf("victim: steady disk: %s\n", gk_err_name(rc));
}

/* --- echo --- */

static void serve(void *socket)
{
    int fd = (int)(long)socket;
    char bytes[4096];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0 && send(fd, bytes, (size_t)n, 0) == n)
        ;
    close(fd);
}

static void echo(void *unused)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(7)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    (void)unused;
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 5))
        gk_panic("victim: no listener");
    gk_printf("victim: listening\n");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        struct gk_thread *t =
            fd < 0 ? NULL : gk_thread_create("client", serve, (void *)(long)fd, 16384);
        if (t)
            gk_thread_detach(t);
    }
}

/* --- disks that come and go --- */

static char seen[DISKS][16];

static bool known(const char *name)
{
    unsigned int i = 0;

    for (; i < DISKS && seen[i][0]; i++)
        if (!strcmp(seen[i], name))
            return true;
    if (i < DISKS)
        snprintf(seen[i], sizeof seen[i], "%s", name);
    return false;
}

static bool there(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "device/vbd/%s/backend", name);
    return gk_xs_read_into(GK_XS_NONE, path, path, sizeof path) > 0;
}

static void use(const char *name)
{
    struct gk_blk *disk;
    unsigned int reads = 0;
    static uint8_t data[16384];
    int rc = gk_blk_open(name, gk_time_mono() + 60 * GK_S, &disk);

    if (rc) {
        gk_printf("victim: disk %s: open %s\n", name, gk_err_name(rc));
        return;
    }
    gk_printf("victim: disk %s: open\n", name);
    for (; !(rc = gk_blk_read(disk, 0, data, sizeof data)) && there(name); reads++)
        gk_sleep(50 * GK_MS);
    int again = gk_blk_read(disk, 0, data, 4096);
    gk_printf("victim: disk %s: some %s, then %s, then %s\n", name, reads ? "reads" : "wait",
              rc ? gk_err_name(rc) : "gone", again ? gk_err_name(again) : "right");
    gk_blk_close(disk);
    gk_printf("victim: disk %s: closed\n", name);
}

int main(void)
{
    struct gk_mem_info memory;

    guard_fill();
    if (!gk_thread_create("steady", steady, NULL, GK_STACK_DEFAULT) ||
        !gk_thread_create("echo", echo, NULL, 16384))
        gk_panic("victim: no threads");
    for (;;) {
        char **names;
        size_t count = 0;
        if (gk_xs_list(GK_XS_NONE, "device/vbd", &names, &count))
            count = 0;
        for (size_t i = 0; i < count; i++) {
            if (!strcmp(names[i], "51712") || !there(names[i]) || known(names[i]))
                continue;
            use(names[i]);
            gk_mem_info(&memory);
            gk_printf("victim: alive, %zu pages free\n", memory.free_pages);
        }
        if (count)
            gk_free(names);
        guard_check();
        gk_sleep(100 * GK_MS);
    }
}
