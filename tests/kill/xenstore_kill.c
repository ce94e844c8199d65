/*
 * A daemon killed at any step goes on: two guests and a toolstack play a script once in peace, then
 * once for every k with the daemon killed (SIGKILL) at its k-th step and started again. What the
 * guests read from their rings, byte for byte, and the tree at the end must be the same; also
 * transactions go on, and fail only where they would have failed.
 *
 * usage: xenstore_kill DAEMON DIR [FIRST [EVERY]]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#define RING     XENSTORE_RING_SIZE
#define PATIENCE 6000 /* ms without any progress: hung */

static const char *daemon_path, *dir;
static pid_t daemon_pid;
static int bell = -1;
static long kill_at, starts;

static _Noreturn void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "kill at %ld: ", kill_at);
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    if (daemon_pid > 0)
        kill(daemon_pid, SIGKILL);
    exit(1);
}

static void file_name(char *to, const char *name, int n)
{
    snprintf(to, 100, n < 0 ? "%s/%s" : "%s/%s%d", dir, name, n);
}

/* --- the daemon ------------------------------------------------------------------------------ */

static void start_daemon(long at)
{
    char text[24], sock[100], log[100];
    file_name(sock, "socket", -1);
    file_name(log, "log", -1);
    unlink(sock);
    starts++;
    daemon_pid = fork();
    if (daemon_pid)
        return;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 2);
    snprintf(text, sizeof(text), "%ld", at);
    setenv("KILL_AT", text, 1);
    setenv("FAKEXEN", dir, 1);
    execl(daemon_path, daemon_path, "-N", "--no-confine", "--socket", sock, "--state-dir", dir,
          "--journal-size", "3000", (char *)NULL);
    _exit(127);
}

static bool daemon_dead(void)
{
    siginfo_t i = {0};
    return waitid(P_PID, (id_t)daemon_pid, &i, WEXITED | WNOHANG | WNOWAIT) || i.si_pid != 0;
}

/* Start it again if it has died. True: it had. */
static bool revive(void)
{
    int status;
    if (waitpid(daemon_pid, &status, WNOHANG) != daemon_pid)
        return false;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        die("the daemon ended by itself: %x (see %s/log)", (unsigned)status, dir);
    start_daemon(0);
    return true;
}

/* --- the toolstack: each request is repeated until it is answered ---------------------------- */

static int sock = -1;

static void connect_socket(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    file_name(a.sun_path, "socket", -1);
    for (int i = 0; i < PATIENCE; i++) {
        sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!connect(sock, (struct sockaddr *)&a, sizeof(a)))
            return;
        close(sock);
        revive();
        usleep(1000);
    }
    die("no socket");
}

static bool whole(ssize_t n, size_t want)
{
    return n == (ssize_t)want;
}

static bool try_tool(uint32_t type, const void *data, uint32_t len, char *answer)
{
    struct xsd_sockmsg h = {.type = type, .len = len};
    if (!whole(send(sock, &h, sizeof(h), MSG_NOSIGNAL), sizeof(h)) ||
        !whole(send(sock, data, len, MSG_NOSIGNAL), len))
        return false;
    if (!whole(recv(sock, &h, sizeof(h), MSG_WAITALL), sizeof(h)))
        return false;
    if (!whole(recv(sock, answer, h.len, MSG_WAITALL), h.len))
        return false;
    answer[h.len] = 0;
    return true;
}

static void tool(uint32_t type, const void *data, size_t len, char *answer)
{
    if (sock < 0)
        connect_socket();
    while (!try_tool(type, data, (uint32_t)len, answer)) {
        close(sock);
        connect_socket();
    }
}

/* --- a guest --------------------------------------------------------------------------------- */

struct guest {
    int id;
    struct xenstore_domain_interface *page;
    char heard[1 << 16]; /* all that was read, for comparison */
    size_t used;
    char reply[XENSTORE_PAYLOAD_MAX + 1];
    uint32_t reply_len, reply_type;
};
static struct guest g5 = {.id = 5}, g6 = {.id = 6};

static void ring_bell(const struct guest *g)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    uint32_t port = 100 + (uint32_t)g->id;
    file_name(a.sun_path, "events", -1);
    /* Lost while the daemon is away: it looks at each ring when it comes. Else it must not be. */
    while (sendto(bell, &port, sizeof(port), MSG_DONTWAIT, (struct sockaddr *)&a, sizeof(a)) < 0 &&
           errno == EAGAIN && !daemon_dead())
        usleep(200);
}

static void wait_for_bell(int *patience)
{
    uint32_t port;
    struct pollfd p = {.fd = bell, .events = POLLIN};
    if (poll(&p, 1, 5) == 1)
        while (recv(bell, &port, sizeof(port), MSG_DONTWAIT) > 0)
            ;
    if (!revive() && (*patience -= 5) < 0)
        die("hung: daemon %d, g5: req %u..%u rsp %u..%u, %zu; g6: %u..%u %u..%u %zu",
            (int)daemon_pid, g5.page->req_cons, g5.page->req_prod, g5.page->rsp_cons,
            g5.page->rsp_prod, g5.used, g6.page->req_cons, g6.page->req_prod, g6.page->rsp_cons,
            g6.page->rsp_prod, g6.used);
}

/*
 * Signals as Linux gives them, and no more: after a write only if the daemon had taken all that was
 * there before, after a read only if the ring had been full.
 */
static void put_bytes(struct guest *g, const void *data, size_t len)
{
    const char *from = data;
    int patience = PATIENCE;
    while (len) {
        uint32_t before = g->page->req_prod, prod = before;
        uint32_t room = RING - (prod - __atomic_load_n(&g->page->req_cons, __ATOMIC_ACQUIRE));
        if (room > RING)
            die("req_cons went wrong");
        for (; room && len; room--, len--)
            g->page->req[prod++ % RING] = *from++;
        __atomic_store_n(&g->page->req_prod, prod, __ATOMIC_SEQ_CST);
        if (prod != before && before == __atomic_load_n(&g->page->req_cons, __ATOMIC_SEQ_CST))
            ring_bell(g);
        if (len)
            wait_for_bell(&patience);
    }
}

static void get_bytes(struct guest *g, void *to, size_t len)
{
    char *at = to;
    int patience = PATIENCE;
    while (len) {
        uint32_t before = g->page->rsp_cons, cons = before;
        uint32_t n = __atomic_load_n(&g->page->rsp_prod, __ATOMIC_ACQUIRE) - cons;
        if (n > RING)
            die("rsp_prod went wrong");
        for (; n && len; n--, len--)
            *at++ = g->page->rsp[cons++ % RING];
        __atomic_store_n(&g->page->rsp_cons, cons, __ATOMIC_SEQ_CST);
        if (cons != before &&
            __atomic_load_n(&g->page->rsp_prod, __ATOMIC_SEQ_CST) - before >= RING)
            ring_bell(g);
        if (len)
            wait_for_bell(&patience);
    }
}

/* Read one message. */
static void hear(struct guest *g, bool keep)
{
    struct xsd_sockmsg h;
    get_bytes(g, &h, sizeof(h));
    if (h.len > XENSTORE_PAYLOAD_MAX)
        die("guest %d: a message of %u bytes", g->id, h.len);
    get_bytes(g, g->reply, h.len);
    g->reply[h.len] = 0;
    g->reply_len = h.len;
    g->reply_type = h.type;
    if (!keep)
        return;
    memcpy(g->heard + g->used, &h, sizeof(h));
    memcpy(g->heard + g->used + sizeof(h), g->reply, h.len);
    g->used += sizeof(h) + h.len;
}

static void say(struct guest *g, uint32_t type, uint32_t tx, const void *data, size_t len)
{
    struct xsd_sockmsg h = {.type = type, .req_id = type + 1000, .tx_id = tx, .len = (uint32_t)len};
    put_bytes(g, &h, sizeof(h));
    if (g->id == 5)
        usleep(300); /* let the daemon see a header without its payload */
    put_bytes(g, data, len);
}

static const char *ask(struct guest *g, uint32_t type, const char *data, size_t len)
{
    say(g, type, 0, data, len);
    hear(g, true);
    return g->reply;
}

#define ASK(g, type, text) ask(g, type, text, sizeof(text))
#define WRITE(g, text)     ask(g, XS_WRITE, text, sizeof(text) - 1)

static void must_be(const char *got, const char *want)
{
    if (strcmp(got, want))
        die("'%s', not '%s'", got, want);
}

static void in_txn(struct guest *g, uint32_t type, uint32_t tx, const char *data, size_t len,
                   const char *want)
{
    say(g, type, tx, data, len);
    hear(g, true);
    must_be(g->reply, want);
}

/* A transaction goes on as if nothing had happened, also one that someone else made fail. */
static void transaction(struct guest *g, const char *end)
{
    say(g, XS_TRANSACTION_START, 0, "", 1);
    hear(g, true);
    uint32_t tx = (uint32_t)atoi(g->reply);
    if (!tx)
        die("transaction: '%s'", g->reply);
    in_txn(g, XS_READ, tx, "data/a", 7, "one");
    in_txn(g, XS_WRITE, tx, "t/a\0in a transaction", 20, "OK");
    in_txn(g, XS_READ, tx, "t/a", 4, "in a transaction");
    if (!strcmp(end, "EAGAIN")) {
        ask(g, XS_WRITE, "data/a\0one", 10);
        hear(g, true);
    }
    in_txn(g, XS_TRANSACTION_END, tx, "T", 2, end);
}

/* --- the script ------------------------------------------------------------------------------ */

static void fresh_world(void)
{
    static const char *const files[] = {"state.0", "state.1", "rings",  "log",   "socket",
                                        "events",  "ring.0",  "ring.5", "ring.6"};
    char name[100];
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        file_name(name, files[i], -1);
        unlink(name);
    }
    int ids[] = {0, 5, 6};
    for (int i = 0; i < 3; i++) {
        file_name(name, "ring.", ids[i]);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd < 0 || ftruncate(fd, 4096))
            die("%s: %s", name, strerror(errno));
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        struct guest *g = ids[i] == 5 ? &g5 : ids[i] == 6 ? &g6 : NULL;
        if (g) {
            g->page = page;
            g->used = 0;
        } else {
            munmap(page, 4096);
        }
    }
}

static void script(char *tree)
{
    static char big[1900], answer[XENSTORE_PAYLOAD_MAX + 1];
    memset(big, 'b', sizeof(big));
    memcpy(big, "data/big", 9);
    tool(XS_WRITE, "/local/domain/5\0", 16, answer);
    tool(XS_SET_PERMS, "/local/domain/5\0n5", 19, answer);
    tool(XS_WRITE, "/local/domain/6\0", 16, answer);
    tool(XS_SET_PERMS, "/local/domain/6\0n6", 19, answer);
    tool(XS_INTRODUCE, "5\0001\0002", 6, answer);
    tool(XS_INTRODUCE, "6\0001\0002", 6, answer);
    must_be(ASK(&g5, XS_WATCH, "data\0mine"), "OK");
    hear(&g5, true);
    must_be(ASK(&g6, XS_WATCH, "/local/domain/5/open\0other"), "OK");
    hear(&g6, true);
    must_be(WRITE(&g5, "data/a\0one"), "OK");
    hear(&g5, true);
    must_be(ask(&g5, XS_WRITE, big, sizeof(big)), "OK"); /* longer than the ring */
    hear(&g5, true);
    ASK(&g5, XS_READ, "data/big"); /* the reply as well */
    if (g5.reply_len != sizeof(big) - 9)
        die("a value of %u bytes", g5.reply_len);
    must_be(WRITE(&g5, "open\0"), "OK");
    must_be(ASK(&g5, XS_SET_PERMS, "open\0r5"), "OK");
    hear(&g6, true);
    for (int i = 0; i < 6; i++) {
        must_be(WRITE(&g5, "open/x\0again"), "OK");
        hear(&g6, true); /* an event of someone else's making */
    }
    transaction(&g5, "EAGAIN");
    transaction(&g5, "OK");
    must_be(ASK(&g5, XS_MKDIR, "data/dir"), "OK");
    hear(&g5, true);
    must_be(ASK(&g5, XS_RM, "data/a"), "OK");
    hear(&g5, true);
    must_be(ASK(&g6, XS_READ, "/local/domain/5/data/big"), "EACCES");
    must_be(ASK(&g5, XS_UNWATCH, "data\0mine"), "OK");
    must_be(WRITE(&g5, "data/quiet\0x"), "OK");
    ASK(&g5, XS_DIRECTORY, "data");
    must_be(ASK(&g5, XS_READ, "t/a"), "in a transaction");
    tool(XS_CONTROL, "check", 6, answer);
    must_be(answer, "OK");
    tool(XS_CONTROL, "quota\0005", 8, tree);
}

static void end_daemon(void)
{
    int status;
    kill(daemon_pid, SIGTERM);
    waitpid(daemon_pid, &status, 0);
    close(sock);
    sock = -1;
    munmap(g5.page, 4096);
    munmap(g6.page, 4096);
}

int main(int argc, char **argv)
{
    static char first5[1 << 16], first6[1 << 16], tree[XENSTORE_PAYLOAD_MAX + 1], now[sizeof(tree)];
    if (argc < 3)
        return 2;
    daemon_path = argv[1];
    dir = argv[2];
    long first = argc > 3 ? atol(argv[3]) : 1, every = argc > 4 ? atol(argv[4]) : 1;
    mkdir(dir, 0700);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    file_name(a.sun_path, "guests", -1);
    unlink(a.sun_path);
    bell = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bell < 0 || bind(bell, (struct sockaddr *)&a, sizeof(a)))
        die("bind: %s", strerror(errno));
    fresh_world();
    start_daemon(0);
    script(tree);
    end_daemon();
    size_t used5 = g5.used, used6 = g6.used;
    memcpy(first5, g5.heard, used5);
    memcpy(first6, g6.heard, used6);
    for (kill_at = first;; kill_at += every) {
        fresh_world();
        starts = 0;
        start_daemon(kill_at);
        script(now);
        end_daemon();
        if (g5.used != used5 || memcmp(g5.heard, first5, used5))
            die("guest 5 heard something else");
        if (g6.used != used6 || memcmp(g6.heard, first6, used6))
            die("guest 6 heard something else");
        must_be(now, tree);
        if (starts == 1)
            break; /* it has fewer steps than that */
    }
    printf("killed at one in %ld of %ld steps\n", every, kill_at - 1);
    return 0;
}
