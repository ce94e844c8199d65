/* A connection to the xenstore's socket (see xlink.h). */
#include "dkit/xlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const sockets[] = {"/run/xenstored/socket", "/var/run/xenstored/socket"};

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int xlink_connect(struct xlink *l)
{
    int fd = -ENOENT;
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0] && fd < 0; i++)
        fd = connect_to(sockets[i]);
    l->fd = fd < 0 ? -1 : fd;
    l->late = false;
    l->waiting = 0;
    l->out_len = l->sent = l->in_at = l->in_len = 0;
    return fd < 0 ? fd : 0;
}

void xlink_drop(struct xlink *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

void xlink_patience(struct xlink *l, unsigned ms)
{
    const struct timeval most = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

/* --- out ------------------------------------------------------------------------------------- */

bool xlink_room(const struct xlink *l, size_t payload)
{
    return l->waiting < XLINK_AHEAD &&
           l->out_len + sizeof(struct xsd_sockmsg) + payload <= sizeof l->out;
}

int xlink_ask(struct xlink *l, uint32_t type, uint32_t tx, const struct part *parts, size_t n)
{
    struct xsd_sockmsg hdr = {.type = type, .tx_id = tx};
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    if (len > XENSTORE_PAYLOAD_MAX || !xlink_room(l, len))
        return -E2BIG;
    hdr.len = (uint32_t)len;
    char *to = l->out + l->out_len;
    memcpy(to, &hdr, sizeof hdr);
    to += sizeof hdr;
    for (size_t i = 0; i < n; i++) {
        memcpy(to, parts[i].data, parts[i].len);
        to += parts[i].len;
    }
    l->out_len += sizeof hdr + len;
    l->waiting++;
    return 0;
}

static int send_out(struct xlink *l)
{
    while (l->sent < l->out_len) {
        ssize_t n = send(l->fd, l->out + l->sent, l->out_len - l->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -ECONNRESET;
        l->sent += (size_t)n;
    }
    return 0;
}

/* --- in -------------------------------------------------------------------------------------- */

/* The length of the message at in_at, as far as it is here; 0: not even its head is. */
static size_t message_len(const struct xlink *l)
{
    struct xsd_sockmsg hdr;
    if (l->in_len - l->in_at < sizeof hdr)
        return 0;
    memcpy(&hdr, l->in + l->in_at, sizeof hdr);
    return hdr.len > XENSTORE_PAYLOAD_MAX ? SIZE_MAX : sizeof hdr + hdr.len;
}

bool xlink_here(const struct xlink *l)
{
    size_t len = message_len(l);
    return len && len <= l->in_len - l->in_at;
}

/* More bytes behind those that are here; a whole message has room. */
static int receive(struct xlink *l)
{
    if (l->in_at) {
        memmove(l->in, l->in + l->in_at, l->in_len - l->in_at);
        l->in_len -= l->in_at;
        l->in_at = 0;
    }
    for (;;) {
        ssize_t n = recv(l->fd, l->in + l->in_len, sizeof l->in - l->in_len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            /* The caller's patience (xlink_patience()): a reply that comes later is not wanted. */
            l->late = true;
            xlink_drop(l);
        }
        if (n <= 0)
            return -ECONNRESET;
        l->in_len += (size_t)n;
        return 0;
    }
}

int xlink_take(struct xlink *l, struct xlink_msg *m)
{
    struct xsd_sockmsg hdr;
    if (l->fd < 0)
        return -ECONNRESET;
    int rc = send_out(l);
    while (!rc && !xlink_here(l))
        rc = message_len(l) == SIZE_MAX ? -ECONNRESET : receive(l);
    if (rc)
        return rc;
    memcpy(&hdr, l->in + l->in_at, sizeof hdr);
    memcpy(l->payload, l->in + l->in_at + sizeof hdr, hdr.len);
    l->payload[hdr.len] = 0;
    l->in_at += sizeof hdr + hdr.len;
    *m = (struct xlink_msg){.type = hdr.type, .len = hdr.len, .payload = l->payload};
    if (hdr.type != XS_WATCH_EVENT && l->waiting && --l->waiting == 0)
        l->out_len = l->sent = 0;
    return 0;
}

/* --- replies --------------------------------------------------------------------------------- */

static int error_number(const char *name)
{
    for (size_t i = 0; i < sizeof xsd_errors / sizeof xsd_errors[0]; i++)
        if (strcmp(name, xsd_errors[i].errstring) == 0)
            return xsd_errors[i].errnum;
    return EIO;
}

int xlink_verdict(const struct xlink_msg *m, uint32_t type)
{
    if (m->type == XS_ERROR)
        return -error_number(m->payload);
    return m->type == type ? 0 : -EIO;
}
