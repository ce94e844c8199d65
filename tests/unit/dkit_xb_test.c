/*
 * The daemons' xenstore client (dkit/xb.c) against a store played here by a thread, which dies at
 * chosen moments and comes back some refusals later: watches are set again and fire, a request
 * under way is made again, a transaction is to be done again. And a list longer than one answer.
 */
#include "dkit/xb.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "dkit/loop.h"
#include "dkit/xlink.h"
#include "unit/check.h"

enum { LONG_LIST = 1500, PIECE = 4000 };

static struct sockaddr_un address; /* in the abstract namespace: no file, no clash */
static int listening;
static atomic_int refusals;     /* so many more connects fail */
static atomic_int dies_at = -1; /* at the request of this type it closes instead of answering */
static atomic_int connections, watches_set;
static char names[LONG_LIST * 5 + 1];
static size_t names_len;

/* In front of libc's: to the store played here, wherever it was wanted. */
int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    (void)to;
    (void)len;
    if (refusals > 0) {
        refusals--;
        errno = ECONNREFUSED;
        return -1;
    }
    return (int)syscall(SYS_connect, fd, &address, sizeof address);
}

/* --- the store, in its thread ----------------------------------------------------------------- */

static bool whole(int fd, void *to, size_t n)
{
    return n == 0 || recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static void send_message(int fd, uint32_t type, const void *payload, size_t len)
{
    struct xsd_sockmsg hdr = {.type = type, .len = (uint32_t)len};
    (void)!write(fd, &hdr, sizeof hdr);
    (void)!write(fd, payload, len);
}

/* What is at an offset of the list, behind the generation "1". */
static void send_piece(int fd, const char *path)
{
    char piece[PIECE + 2] = "1";
    size_t at = strtoul(path + strlen(path) + 1, NULL, 10);
    size_t n = names_len - at < PIECE ? names_len - at : PIECE;
    memcpy(piece + 2, names + at, n);
    send_message(fd, XS_DIRECTORY_PART, piece, n + 2);
}

static void answer(int fd, uint32_t type, const char *payload, size_t len)
{
    switch (type) {
    case XS_WATCH:
        watches_set++;
        send_message(fd, XS_WATCH, "OK", 3);
        send_message(fd, XS_WATCH_EVENT, payload, len);
        break;
    case XS_READ:
        send_message(fd, type, "value", 5);
        break;
    case XS_TRANSACTION_START:
        send_message(fd, type, "7", 2);
        break;
    case XS_DIRECTORY:
        send_message(fd, XS_ERROR, "E2BIG", 6);
        break;
    case XS_DIRECTORY_PART:
        send_piece(fd, payload);
        break;
    default:
        send_message(fd, type, "OK", 3);
        break;
    }
}

static void serve(int fd)
{
    struct xsd_sockmsg hdr;
    char payload[XENSTORE_PAYLOAD_MAX];
    while (whole(fd, &hdr, sizeof hdr) && hdr.len <= sizeof payload &&
           whole(fd, payload, hdr.len)) {
        if ((int)hdr.type == dies_at) {
            dies_at = -1;
            return;
        }
        answer(fd, hdr.type, payload, hdr.len);
        if (hdr.type == XS_RM) /* dies behind its answer, with nothing under way */
            return;
    }
}

static void *store(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(listening, NULL, NULL);
        connections++;
        serve(fd);
        close(fd);
    }
    return NULL;
}

/* --- the client ------------------------------------------------------------------------------- */

static unsigned fired, wanted;

static void on_fire(struct xb_watch *w, const char *path)
{
    CHECK_STR(path, w->path);
    if (++fired == wanted)
        loop_stop();
}

/* The loop until the watches have fired n times in all. */
static void until_fired(unsigned n)
{
    wanted = n;
    if (fired < n)
        loop_run();
    CHECK_EQ(fired, n);
}

static void test_idle(void)
{
    refusals = 3;
    CHECK_EQ(xb_remove("/x"), 0);
    until_fired(4); /* both again, by the loop alone */
    CHECK_EQ(connections, 2);
    CHECK_EQ(watches_set, 4);
    CHECK_EQ(refusals, 0);
}

static void test_under_way(void)
{
    dies_at = XS_READ;
    refusals = 1;
    char *value = xb_read("/a/b");
    CHECK(value && strcmp(value, "value") == 0);
    free(value);
    CHECK_EQ(connections, 3);
    CHECK_EQ(watches_set, 6);
    until_fired(6);
}

static void test_transaction(void)
{
    CHECK_EQ(xb_begin(), 0);
    dies_at = XS_WRITE;
    CHECK_EQ(xb_write("1", "/a/c"), -EAGAIN);
    CHECK(!xb_read("/a/b") && errno == EAGAIN);
    CHECK_EQ(xb_end(true), -EAGAIN);
    CHECK_EQ(xb_begin(), 0); /* again, on a new connection */
    CHECK_EQ(xb_write("1", "/a/c"), 0);
    CHECK_EQ(xb_end(true), 0);
    CHECK_EQ(connections, 4);
    until_fired(8);
}

static void test_long_list(void)
{
    unsigned n;
    char **list = xb_list(&n, "/local/domain");
    CHECK_EQ(n, LONG_LIST);
    CHECK(list && strcmp(list[LONG_LIST - 1], "1499") == 0);
    free(list);
}

int main(void)
{
    static struct xb_watch a = {.fired = on_fire}, b = {.fired = on_fire, .exact = true};
    pthread_t thread;

    alarm(50);
    for (unsigned i = 0; i < LONG_LIST; i++)
        names_len += (size_t)sprintf(names + names_len, "%u", i) + 1;
    names_len++; /* an empty name is the end */
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "dkit-xb-test-%d", (int)getpid());
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listening, 4) == 0);
    CHECK(pthread_create(&thread, NULL, store, NULL) == 0);

    CHECK(loop_open() == 0);
    CHECK(xb_open() == 0);
    CHECK(xb_watch(&a, "/a") == 0);
    CHECK(xb_watch(&b, "/b") == 0);
    until_fired(2);
    test_idle();
    test_under_way();
    test_transaction();
    test_long_list();
    xb_unwatch(&a);
    xb_unwatch(&b);
    return check_result();
}
