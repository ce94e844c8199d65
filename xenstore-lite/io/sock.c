/*
 * Clients by unix socket: dom0's tools.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dkit/log.h"
#include "io/daemon.h"
#include "io/state.h"
#include "io/step.h"

#define MESSAGE_MAX (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

struct client {
    struct source src;
    struct conn *conn; /* NULL: closed, waits for burial */
    struct client *next_dead;
    bool waits_to_send;
    bool held; /* whole requests are in `in`, to be handled when replies have been read */
    size_t len;
    char in[2 * MESSAGE_MAX];
};

static struct source listener;
static struct client *dead;
static bool full; /* no descriptor was left for a new client: wait until one goes */

static void close_client(struct client *k)
{
    if (!k->conn)
        return;
    conn_close(&d.xs, k->conn);
    k->conn = NULL;
    close(k->src.fd); /* and so out of epoll */
    if (full)
        loop_change(&listener, EPOLLIN);
    full = false;
    k->next_dead = dead;
    dead = k;
}

void sock_bury(void)
{
    while (dead) {
        struct client *k = dead;
        dead = k->next_dead;
        free(k);
    }
}

static void want(struct client *k)
{
    uint32_t events =
        (k->held ? 0u : (uint32_t)EPOLLIN) | (k->waits_to_send ? (uint32_t)EPOLLOUT : 0u);
    loop_change(&k->src, events);
}

/* Handle the whole requests in the buffer. */
static void handle(struct client *k)
{
    size_t at = 0;
    bool held = false;
    while (k->len - at >= sizeof(struct xsd_sockmsg)) {
        struct xsd_sockmsg hdr;
        memcpy(&hdr, k->in + at, sizeof(hdr));
        if (hdr.len > XENSTORE_PAYLOAD_MAX) {
            log_line("socket client: message of %u bytes is too long, closed", hdr.len);
            close_client(k);
            return;
        }
        if (k->len - at < sizeof(hdr) + hdr.len)
            break;
        if (!conn_may_request(&d.xs, k->conn)) {
            held = true;
            break;
        }
        wire_request(&d.xs, k->conn, &hdr, k->in + at + sizeof(hdr));
        step();
        state_commit(&d.xs);
        at += sizeof(hdr) + hdr.len;
    }
    if (at) {
        memmove(k->in, k->in + at, k->len - at);
        k->len -= at;
    }
    if (held != k->held) {
        k->held = held;
        want(k);
    }
}

void sock_flush(struct conn *c)
{
    struct client *k = c->io;
    while (c->out.len && !c->broken) {
        ssize_t n = send(k->src.fd, outq_data(&c->out), c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            close_client(k);
            return;
        }
        conn_sent(&d.xs, c, (size_t)n);
    }
    list_remove(&c->dirty); /* conn_sent() may have queued it again */
    if (c->broken) {
        close_client(k);
        return;
    }
    if (k->waits_to_send != (c->out.len > 0)) {
        k->waits_to_send = c->out.len > 0;
        want(k);
    }
    if (k->held && !c->out.len)
        handle(k);
}

static void client_ready(struct source *s, uint32_t events)
{
    struct client *k = CONTAINER_OF(s, struct client, src);
    if (!k->conn)
        return;
    turn_later();
    if (events & EPOLLOUT)
        sock_flush(k->conn);
    if (!k->conn || k->held || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    ssize_t n = recv(s->fd, k->in + k->len, sizeof(k->in) - k->len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_client(k);
        return;
    }
    k->len += (size_t)n;
    handle(k);
}

static void accept_one(struct source *s, uint32_t events)
{
    (void)events;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        int error = errno;
        if (error != EAGAIN && error != EINTR)
            log_line("accept: %s", strerror(error));
        if (error == EMFILE || error == ENFILE || error == ENOMEM) {
            full = true;
            loop_change(s, 0);
        }
        return;
    }
    struct client *k = malloc(sizeof(*k));
    struct conn *c = k ? conn_open(&d.xs, dom_find(&d.xs.st.doms, 0), false) : NULL;
    if (c) {
        memset(k, 0, offsetof(struct client, in));
        k->src = (struct source){.ready = client_ready, .fd = fd};
        k->conn = c;
        c->io = k;
        if (!loop_add(&k->src, EPOLLIN))
            return;
        conn_close(&d.xs, c);
    }
    log_line("no memory for a client");
    free(k);
    close(fd);
}

int sock_listen(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path))
        return -ENAMETOOLONG;
    strcpy(a.sun_path, path);
    listener.ready = accept_one;
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0)
        return -errno;
    if (unlink(path) && errno != ENOENT)
        return -errno;
    mode_t old = umask(0177);
    int rc = bind(listener.fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
    umask(old);
    if (!rc && listen(listener.fd, 128))
        rc = -errno;
    return rc ? rc : loop_add(&listener, EPOLLIN);
}
