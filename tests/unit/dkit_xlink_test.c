/*
 * The connection to the xenstore (dkit/xlink.c) against a daemon played here over a socket pair:
 * requests that go out together, replies and events in any pieces, ends that come too early.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/check.h"

#include "dkit/xlink.h"

static struct xlink link_;
static int far;

static void begin(void)
{
    int fd[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    memset(&link_, 0xee, sizeof link_);
    if (xlink_connect(&link_) == 0) /* sets all but the buffers, a daemon of the host's or not */
        xlink_drop(&link_);
    link_.fd = fd[0];
    far = fd[1];
}

static void end(void)
{
    xlink_drop(&link_);
    close(far);
}

static size_t message(char *to, uint32_t type, const char *payload, size_t len)
{
    const struct xsd_sockmsg hdr = {.type = type, .len = (uint32_t)len};
    memcpy(to, &hdr, sizeof hdr);
    memcpy(to + sizeof hdr, payload, len);
    return sizeof hdr + len;
}

static void put(const char *bytes, size_t len)
{
    CHECK(write(far, bytes, len) == (ssize_t)len);
}

static int ask(uint32_t type, const char *text)
{
    const struct part part = {text, strlen(text) + 1};
    return xlink_ask(&link_, type, 0, &part, 1);
}

/* What was asked arrives in one piece, in order; events between replies are handed out as such. */
static void together(void)
{
    char buf[4096], got[4096];
    struct xlink_msg m;
    begin();
    CHECK(ask(XS_READ, "/a") == 0 && ask(XS_MKDIR, "/b") == 0);
    CHECK(link_.waiting == 2 && !xlink_here(&link_));
    size_t n = message(buf, XS_WATCH_EVENT, "/w\0tok", 7);
    n += message(buf + n, XS_READ, "value", 5);
    n += message(buf + n, XS_ERROR, "EEXIST", 7);
    n += message(buf + n, XS_WATCH_EVENT, "/w\0tok", 7);
    put(buf, n);
    CHECK(xlink_take(&link_, &m) == 0 && m.type == XS_WATCH_EVENT && m.len == 7);
    CHECK(strcmp(m.payload + 3, "tok") == 0 && link_.waiting == 2);
    CHECK(xlink_take(&link_, &m) == 0 && xlink_verdict(&m, XS_READ) == 0);
    CHECK(strcmp(m.payload, "value") == 0 && m.len == 5);
    CHECK(xlink_take(&link_, &m) == 0 && xlink_verdict(&m, XS_MKDIR) == -EEXIST);
    CHECK(link_.waiting == 0 && xlink_here(&link_));
    CHECK(xlink_take(&link_, &m) == 0 && m.type == XS_WATCH_EVENT && !xlink_here(&link_));
    CHECK(read(far, got, sizeof got) == 2 * (ssize_t)(sizeof(struct xsd_sockmsg) + 3));
    CHECK(memcmp(got + sizeof(struct xsd_sockmsg), "/a", 3) == 0);
    end();
}

/* A message cut at each byte is none, whole it is one. */
static void pieces(void)
{
    char buf[64];
    struct xlink_msg m;
    size_t n = message(buf, XS_READ, "abc", 3);
    for (size_t cut = 0; cut < n; cut++) {
        begin();
        CHECK(ask(XS_READ, "/a") == 0);
        put(buf, cut);
        shutdown(far, SHUT_WR);
        CHECK(xlink_take(&link_, &m) == -ECONNRESET && !xlink_here(&link_));
        end();
    }
}

/* L2: no more goes than fits; all of it again when the replies have come. */
static void ahead(void)
{
    char buf[64], got[65536];
    struct xlink_msg m;
    static char big[XENSTORE_PAYLOAD_MAX + 1];
    const struct part whole = {big, XENSTORE_PAYLOAD_MAX}, more = {big, sizeof big};
    begin();
    CHECK(xlink_ask(&link_, XS_WRITE, 0, &more, 1) == -E2BIG && link_.waiting == 0);
    unsigned n = 0;
    for (int round = 0; round < 3; round++) {
        for (n = 0; xlink_room(&link_, 3); n++)
            CHECK(ask(XS_READ, "/a") == 0);
        CHECK(n == XLINK_AHEAD);
        for (unsigned i = 0; i < n; i++) {
            put(buf, message(buf, XS_READ, "v", 1));
            CHECK(xlink_take(&link_, &m) == 0);
        }
        CHECK(read(far, got, sizeof got) == (ssize_t)(n * (sizeof(struct xsd_sockmsg) + 3)));
    }
    for (n = 0; xlink_room(&link_, XENSTORE_PAYLOAD_MAX); n++)
        CHECK(xlink_ask(&link_, XS_WRITE, 0, &whole, 1) == 0);
    CHECK(n == 3 && xlink_ask(&link_, XS_WRITE, 0, &whole, 1) == -E2BIG);
    end();
}

/* A daemon that talks nonsense is as good as gone. */
static void nonsense(void)
{
    struct xsd_sockmsg hdr = {.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1};
    struct xlink_msg m;
    begin();
    CHECK(ask(XS_READ, "/a") == 0);
    put((const char *)&hdr, sizeof hdr);
    CHECK(xlink_take(&link_, &m) == -ECONNRESET);
    end();
    begin();
    char buf[64];
    put(buf, message(buf, XS_MKDIR, "OK", 3));
    CHECK(xlink_take(&link_, &m) == 0 && xlink_verdict(&m, XS_READ) == -EIO);
    put(buf, message(buf, XS_ERROR, "EWHAT", 6));
    CHECK(xlink_take(&link_, &m) == 0 && xlink_verdict(&m, XS_READ) == -EIO);
    close(far);
    far = -1;
    CHECK(ask(XS_READ, "/a") == 0 && xlink_take(&link_, &m) == -ECONNRESET);
    end();
}

/* One that stands still is waited for only so long, and then no more. */
static void still(void)
{
    struct xlink_msg m;
    begin();
    xlink_patience(&link_, 20);
    CHECK(ask(XS_READ, "/a") == 0 && xlink_take(&link_, &m) == -ECONNRESET);
    CHECK(link_.late && link_.fd < 0);
    CHECK(xlink_take(&link_, &m) == -ECONNRESET);
    end();
}

int main(void)
{
    still();
    together();
    pieces();
    ahead();
    nonsense();
    return check_result();
}
