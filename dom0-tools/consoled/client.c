/* Who is attached (see client.h). */
#include "consoled/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "consoled/console.h"

enum { BACK = 65536, /* what one sees of before */ TURNS = 16 };

static struct source listener;

static void leave(struct client *cl)
{
    struct console *c = cl->console;
    loop_remove(&cl->source);
    close(cl->source.fd);
    if (cl->slave >= 0)
        close(cl->slave);
    list_remove(&cl->of_console);
    free(cl);
    if (c)
        console_left(c);
}

static void want(struct client *cl, uint32_t events)
{
    if (events == cl->wanted)
        return;
    cl->wanted = events;
    loop_change(&cl->source, events);
}

/* --- to the client --------------------------------------------------------------------------- */

static bool refill(struct client *cl)
{
    static const char gap[] = "\r\n[some output was left out]\r\n";
    bool left_out;
    size_t n = logfile_read(&cl->console->log, &cl->place, cl->buf, sizeof cl->buf - sizeof gap,
                            &left_out);
    if (left_out) {
        memmove(cl->buf + sizeof gap - 1, cl->buf, n);
        memcpy(cl->buf, gap, sizeof gap - 1);
        n += sizeof gap - 1;
    }
    cl->have = (uint16_t)n;
    cl->sent = 0;
    return n > 0;
}

enum sent { SENT_ALL, SENT_SOME, SENT_BROKEN };

static enum sent send_on(struct client *cl)
{
    for (int turn = 0; turn < TURNS; turn++) {
        if (cl->sent == cl->have && !refill(cl))
            return SENT_ALL;
        ssize_t n = write(cl->source.fd, cl->buf + cl->sent, (size_t)(cl->have - cl->sent));
        if (n < 0 && errno == EAGAIN)
            return SENT_SOME;
        if (n < 0 && errno != EINTR)
            return SENT_BROKEN;
        cl->sent += n > 0 ? (uint16_t)n : 0;
    }
    return SENT_SOME; /* others have their turn; we are told again that it can be written */
}

void client_news(struct client *cl)
{
    enum sent s = send_on(cl);
    struct console *c = cl->console;
    /* A pty's reader that does not read is not waited for: it may not exist. */
    if (s == SENT_BROKEN || (c->over && (s == SENT_ALL || cl->slave >= 0))) {
        leave(cl);
        return;
    }
    want(cl, (console_room(c) ? EPOLLIN : 0) | (s == SENT_SOME ? EPOLLOUT : 0));
}

/* --- from the client ------------------------------------------------------------------------- */

/* False: it has gone. */
static bool typed(struct client *cl)
{
    char bytes[CONS_IN];
    size_t room = console_room(cl->console);
    if (!room)
        return true;
    ssize_t n = read(cl->source.fd, bytes, room < sizeof bytes ? room : sizeof bytes);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    console_type(cl->console, bytes, (size_t)n);
    return n > 0;
}

/* The one answer, short enough for an empty socket's buffer. */
static void answer(const struct client *cl, const char *text)
{
    if (write(cl->source.fd, text, strlen(text)) < 0) { /* gone: the next event says so */
    }
}

static void attach(struct client *cl, struct console *c, uint32_t back)
{
    char text[32];
    uint32_t got = logfile_back(&c->log, back, &cl->place);
    cl->console = c;
    list_push_back(&c->clients, &cl->of_console);
    if (cl->slave < 0) {
        snprintf(text, sizeof text, "ok %u\n", c->ring.out_cons - got);
        answer(cl, text);
    }
}

/* False: the client is gone. */
static bool obey(struct client *cl)
{
    unsigned id, pos;
    char text[80];
    int n;
    bool stay = false;
    if (sscanf(cl->line, "ready %u", &id) == 1)
        answer(cl, console_of(id) ? "ok\n" : "error it has no console\n");
    else if ((n = sscanf(cl->line, "attach %u %u", &id, &pos)) >= 1) {
        struct console *c = console_of(id);
        stay = c != NULL;
        if (c)
            attach(cl, c, n == 2 ? c->ring.out_cons - pos : BACK);
        snprintf(text, sizeof text, "error domain %u has no console that is kept\n", id);
        if (!c)
            answer(cl, text);
    } else
        answer(cl, "error not understood\n");
    if (!stay)
        leave(cl);
    return stay;
}

/* Its line, byte by byte so that nothing behind it is taken. False: the client is gone. */
static bool read_line(struct client *cl)
{
    for (;;) {
        ssize_t n = read(cl->source.fd, cl->line + cl->line_len, 1);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (n <= 0 || cl->line_len == sizeof cl->line - 1) {
            leave(cl);
            return false;
        }
        if (cl->line[cl->line_len] == '\n') {
            cl->line[cl->line_len] = 0;
            return obey(cl);
        }
        cl->line_len++;
    }
}

static void client_ready(struct source *s, uint32_t events)
{
    struct client *cl = CONTAINER_OF(s, struct client, source);
    if (!cl->console && (!read_line(cl) || !cl->console))
        return;
    if (events & (EPOLLHUP | EPOLLERR) && cl->slave < 0) {
        leave(cl);
        return;
    }
    if (events & EPOLLIN && !typed(cl)) {
        leave(cl);
        return;
    }
    client_news(cl);
}

static struct client *client_new(int fd, int slave)
{
    struct client *cl = calloc(1, sizeof *cl);
    if (cl) {
        cl->source = (struct source){.ready = client_ready, .fd = fd};
        cl->slave = slave;
        cl->wanted = EPOLLIN;
        list_init(&cl->of_console);
        if (loop_add(&cl->source, EPOLLIN) == 0)
            return cl;
    }
    free(cl);
    close(fd);
    if (slave >= 0)
        close(slave);
    return NULL;
}

static void caller_ready(struct source *s, uint32_t events)
{
    (void)events;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        client_new(fd, -1);
}

int client_listen(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return -ENAMETOOLONG;
    strcpy(a.sun_path, path);
    (void)unlink(path); /* a former life's; that no other lives is known by the lock */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177);
    int rc = fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 64) ? -errno : 0;
    umask(before);
    if (rc) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    listener = (struct source){.ready = caller_ready, .fd = fd};
    return loop_add(&listener, EPOLLIN);
}

/* --- ptys ------------------------------------------------------------------------------------ */

static int open_pty(int *slave, unsigned *number)
{
    int no = 0;
    struct termios t;
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *slave = -1;
    if (ioctl(fd, TIOCSPTLCK, &no) || ioctl(fd, TIOCGPTN, number) ||
        (*slave = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
        tcgetattr(*slave, &t)) {
        int rc = -errno;
        if (*slave >= 0)
            close(*slave);
        close(fd);
        return rc;
    }
    cfmakeraw(&t); /* else it would send the guest's own words back to it */
    tcsetattr(*slave, TCSANOW, &t);
    return fd;
}

void client_pty(struct console *c)
{
    int slave = -1;
    unsigned number;
    char name[32];
    int fd = open_pty(&slave, &number);
    if (fd < 0) {
        log_guest(&c->limit, "domain %u: no pty: %s", c->id, strerror(-fd));
        return;
    }
    struct client *cl = client_new(fd, slave);
    if (!cl)
        return;
    attach(cl, c, BACK);
    snprintf(name, sizeof name, "/dev/pts/%u", number);
    int rc = xb_write(name, "/local/domain/%u/console/tty", c->id);
    if (rc)
        log_line("domain %u: console/tty: %s", c->id, strerror(-rc));
}
