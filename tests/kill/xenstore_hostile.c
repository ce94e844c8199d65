/*
 * Guests' rings with bad contents (E1, E6, E7): each stops that guest's connection and nothing
 * else; the toolstack is served, the guest's death is still seen, and a ring set up anew works
 * again.
 *
 * usage: xenstore_hostile DAEMON DIR
 */
#include <errno.h>
#include <fcntl.h>
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

#define RING XENSTORE_RING_SIZE

static const char *dir;
static pid_t pid;
static int bell, sock;
static struct xenstore_domain_interface *page;

static _Noreturn void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fprintf(stderr, "\n");
    kill(pid, SIGKILL);
    _exit(1);
}

static struct sockaddr_un address(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, name);
    return a;
}

static const char *tool(uint32_t type, const char *data, size_t len)
{
    static char answer[XENSTORE_PAYLOAD_MAX + 1];
    struct xsd_sockmsg h = {.type = type, .len = (uint32_t)len};
    if (send(sock, &h, sizeof(h), 0) < 0 || send(sock, data, len, 0) < 0 ||
        recv(sock, &h, sizeof(h), MSG_WAITALL) != (ssize_t)sizeof(h) ||
        (h.len && recv(sock, answer, h.len, MSG_WAITALL) != (ssize_t)h.len))
        die("the daemon does not serve the toolstack");
    answer[h.len] = 0;
    return answer;
}

static void signal_port(uint32_t port)
{
    struct sockaddr_un a = address("events");
    if (sendto(bell, &port, sizeof(port), 0, (struct sockaddr *)&a, sizeof(a)) < 0)
        die("events: %s", strerror(errno));
}

/* The daemon looks at events in order with the socket only roughly: ask until it is so. */
static void wait_until(const volatile uint32_t *word, uint32_t value, const char *what)
{
    for (int i = 0; i < 20000 && *word != value; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            die("the daemon died: %s", what);
        usleep(1000);
    }
    if (*word != value)
        die("%s: %u, not %u", what, *word, value);
}

static void put_header(uint32_t at, uint32_t type, uint32_t len)
{
    struct xsd_sockmsg h = {.type = type, .len = len};
    for (size_t i = 0; i < sizeof(h); i++)
        page->req[(at + i) % RING] = ((char *)&h)[i];
}

/* A new ring by the guest's own means; `from` is where indices start, also around the wrap. */
static void reconnect(void)
{
    page->req_prod = page->req_cons = page->rsp_prod = page->rsp_cons = 7;
    __atomic_store_n(&page->connection, XENSTORE_RECONNECT, __ATOMIC_RELEASE);
    signal_port(105);
    wait_until(&page->connection, XENSTORE_CONNECTED, "reconnect");
    if (page->error || page->req_cons || page->rsp_prod)
        die("a fresh connection is not fresh");
}

static void works(void)
{
    uint32_t cons = page->req_cons, rsp = page->rsp_prod;
    const char payload[] = "domid";
    put_header(cons, XS_READ, sizeof(payload));
    for (size_t i = 0; i < sizeof(payload); i++)
        page->req[(cons + 16 + i) % RING] = payload[i];
    __atomic_store_n(&page->req_prod, cons + 16 + (uint32_t)sizeof(payload), __ATOMIC_RELEASE);
    signal_port(105);
    wait_until(&page->rsp_prod, rsp + 16 + 1, "an ordinary request"); /* the value "5" */
    page->rsp_cons = page->rsp_prod;
}

static void bad(const char *what, uint32_t req_prod, uint32_t rsp_cons, uint32_t len,
                uint32_t error)
{
    uint32_t cons = page->req_cons;
    put_header(cons, XS_READ, len);
    page->rsp_cons = page->rsp_prod - rsp_cons;
    __atomic_store_n(&page->req_prod, cons + req_prod, __ATOMIC_RELEASE);
    signal_port(105);
    wait_until(&page->error, error, what);
    if (strcmp(tool(XS_CONTROL, "check", 6), "OK"))
        die("%s: check fails", what);
    if (strcmp(tool(XS_IS_DOMAIN_INTRODUCED, "5", 2), "T"))
        die("%s: the domain was forgotten with its connection", what);
    reconnect();
    works();
}

static void start(const char *daemon)
{
    static const char *const files[] = {"state.0", "state.1", "rings", "socket",
                                        "events",  "ring.0",  "ring.5"};
    struct sockaddr_un a = address("guests");
    mkdir(dir, 0700);
    unlink(a.sun_path);
    bell = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(bell, (struct sockaddr *)&a, sizeof(a)))
        die("bind: %s", strerror(errno));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        a = address(files[i]);
        unlink(a.sun_path);
        if (strncmp(files[i], "ring.", 5))
            continue;
        int fd = open(a.sun_path, O_RDWR | O_CREAT, 0600);
        if (ftruncate(fd, 4096))
            die("ftruncate");
        page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    a = address("socket");
    setenv("FAKEXEN", dir, 1);
    pid = fork();
    if (!pid) {
        struct sockaddr_un log = address("log");
        dup2(open(log.sun_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
        execl(daemon, daemon, "-N", "--no-confine", "--socket", a.sun_path, "--state-dir", dir,
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 20000; i++) {
        sock = socket(AF_UNIX, SOCK_STREAM, 0);
        if (!connect(sock, (struct sockaddr *)&a, sizeof(a)))
            return;
        close(sock);
        usleep(1000);
    }
    die("no socket");
}

/* A guest that never reads: the daemon stops looking at its requests and serves the others. */
static void deaf(void)
{
    uint32_t asked = 0;
    for (int round = 0; round < 200; round++) {
        uint32_t prod = page->req_prod;
        while (prod - page->req_cons + 22 <= RING) {
            put_header(prod, XS_READ, 6);
            for (size_t i = 0; i < 6; i++)
                page->req[(prod + 16 + i) % RING] = "domid"[i];
            prod += 22;
            asked++;
        }
        __atomic_store_n(&page->req_prod, prod, __ATOMIC_RELEASE);
        signal_port(105);
        if (strcmp(tool(XS_CONTROL, "check", 6), "OK"))
            die("check fails");
    }
    if (asked > 200)
        die("%u requests of a guest that reads nothing were taken", asked);
    reconnect();
    works();
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    dir = argv[2];
    start(argv[1]);
    tool(XS_WRITE, "/local/domain/5/domid\0005", 23);
    tool(XS_SET_PERMS, "/local/domain/5\0n5", 19);
    tool(XS_SET_PERMS, "/local/domain/5/domid\0n5", 25);
    if (strcmp(tool(XS_INTRODUCE, "5\0001\0002", 6), "OK"))
        die("introduce");
    works();
    bad("more requests than the ring holds", RING + 1, 0, 0, XENSTORE_ERROR_RINGIDX);
    bad("a negative number of requests", UINT32_MAX, 0, 0, XENSTORE_ERROR_RINGIDX);
    bad("length over 4096", 16, 0, XENSTORE_PAYLOAD_MAX + 1, XENSTORE_ERROR_PROTO);
    bad("length of 4 GiB", 16, 0, UINT32_MAX, XENSTORE_ERROR_PROTO);
    bad("replies read that were never sent", 16, UINT32_MAX, 0, XENSTORE_ERROR_RINGIDX);
    bad("more replies unread than the ring holds", 16, RING + 1, 0, XENSTORE_ERROR_RINGIDX);
    deaf();
    /* A stopped connection does not hide its domain's death (E6). */
    page->req_prod = page->req_cons + RING + 1;
    signal_port(105);
    wait_until(&page->error, XENSTORE_ERROR_RINGIDX, "bad index");
    tool(XS_WATCH, "@releaseDomain\0t", 17);
    struct xsd_sockmsg h;
    char event[64];
    for (int k = 0; k < 2; k++) {
        if (recv(sock, &h, sizeof(h), MSG_WAITALL) != (ssize_t)sizeof(h) ||
            h.type != XS_WATCH_EVENT || h.len > sizeof(event) ||
            recv(sock, event, h.len, MSG_WAITALL) != (ssize_t)h.len ||
            strcmp(event, "@releaseDomain"))
            die("no event of the domain's death");
        if (k == 0) {
            struct sockaddr_un a = address("ring.5");
            unlink(a.sun_path);
            signal_port(1);
        }
    }
    if (strcmp(tool(XS_READ, "/local/domain/5/domid", 22), "ENOENT"))
        die("its nodes are still there");
    kill(pid, SIGTERM);
    int status;
    waitpid(pid, &status, 0);
    return status ? 1 : 0;
}
