/* Joins the terminal to a guest's console: bytes both ways until Ctrl-] or the guest's end. */
#include "axl/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/cons.h"

volatile sig_atomic_t console_stop;

enum { DETACH = 0x1d, WAIT_S = 10, AGAIN_S = 60 };

/* The pty that the xenstore names: of Debian's xenconsoled. */
static int open_tty(struct store *s, uint32_t domid, struct why *w)
{
    char *tty = NULL;
    time_t end = time(NULL) + WAIT_S;
    store_watch(s, "tty", "/local/domain/%u/console/tty", domid);
    for (;;) {
        free(tty);
        tty = store_read(s, "/local/domain/%u/console/tty", domid);
        if ((tty && tty[0]) || time(NULL) >= end)
            break;
        store_wait(s, 1000);
    }
    store_unwatch(s, "tty", "/local/domain/%u/console/tty", domid);
    if (!tty || !tty[0]) {
        free(tty);
        return why(w, -ETIMEDOUT,
                   "no daemon has opened its console within %d s; is argon-consoled (or "
                   "xenconsoled) running?",
                   WAIT_S);
    }
    int fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        why(w, -errno, "its console %s: %s", tty, strerror(errno));
    free(tty);
    if (fd < 0)
        return -errno;
    struct termios t;
    if (tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(fd, TCSANOW, &t);
    }
    return fd;
}

int console_open(struct store *s, uint32_t domid, struct console_link *l, struct why *w)
{
    *l = (struct console_link){.domid = domid, .kept = true};
    l->fd = cons_attach(domid, false, &l->pos, w);
    if (l->fd == -ENOENT) {
        l->kept = false;
        l->fd = open_tty(s, domid, w);
    }
    return l->fd < 0 ? l->fd : 0;
}

static bool write_all(int fd, const char *p, ssize_t n)
{
    while (n > 0) {
        ssize_t k = write(fd, p, (size_t)n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return false;
        p += k;
        n -= k;
    }
    return true;
}

/* What the guest says, to our output. false: it has ended. */
static bool show(struct console_link *l)
{
    char buf[4096];
    ssize_t n = read(l->fd, buf, sizeof buf);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    l->pos += (uint32_t)n;
    return n > 0 && write_all(STDOUT_FILENO, buf, n);
}

enum typed { TYPED, TYPED_END, TYPED_DETACH };

static enum typed type(const struct console_link *l)
{
    char buf[4096];
    ssize_t n = read(STDIN_FILENO, buf, sizeof buf);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? TYPED : TYPED_END;
    const char *stop = memchr(buf, DETACH, (size_t)n);
    write_all(l->fd, buf, stop ? stop - buf : n); /* a lost console is found by reading it */
    return stop ? TYPED_DETACH : n ? TYPED : TYPED_END;
}

static bool guest_ended(struct axl *a, uint32_t domid)
{
    hyp_dominfo d;
    return hyp_info(axl_hyp(a), domid, &d) < 0 ||
           d.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown);
}

/* The daemon was started again, perhaps: go on where we were. */
static bool take_up(struct axl *a, struct console_link *l)
{
    struct why w;
    if (!l->kept)
        return false;
    for (int i = 0; i < AGAIN_S * 10 && !guest_ended(a, l->domid); i++) {
        int fd = cons_attach(l->domid, true, &l->pos, &w);
        if (fd >= 0) {
            close(l->fd);
            l->fd = fd;
            return true;
        }
        poll(NULL, 0, 100);
    }
    if (!guest_ended(a, l->domid))
        fprintf(stderr, "\r\naxl: argon-consoled has gone and was not back within %d s\r\n",
                AGAIN_S);
    return false;
}

static int copy_loop(struct axl *a, struct console_link *l)
{
    struct pollfd p[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = l->fd, .events = POLLIN},
                          {.fd = store_fd(a->store), .events = POLLIN}};
    bool ended = guest_ended(a, l->domid);
    for (;;) {
        /*
         * After the guest's end what is still on its way is shown, then we go. Before, a
         * signal that came just before poll() is seen a second later.
         */
        int n = poll(p, 3, ended ? 200 : 1000);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (console_stop)
            return 0;
        if (n < 0)
            continue;
        if (n == 0 && ended)
            return 0;
        if (p[1].revents && !show(l)) {
            if (!take_up(a, l))
                return 0;
            p[1].fd = l->fd;
        }
        enum typed t = p[0].revents ? type(l) : TYPED;
        if (t == TYPED_DETACH)
            return 0;
        if (t == TYPED_END)
            p[0].fd = -1; /* our input has ended; go on showing */
        if (p[2].revents) {
            while (store_event(a->store, NULL, 0))
                ;
            ended = guest_ended(a, l->domid);
        }
    }
}

int console_run(struct axl *a, struct console_link *l, struct why *w)
{
    struct termios before;
    bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (tty) {
        struct termios raw = before;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }
    signal(SIGPIPE, SIG_IGN);
    store_watch(a->store, "end", "@releaseDomain");
    int rc = copy_loop(a, l);
    store_unwatch(a->store, "end", "@releaseDomain");
    if (tty)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    close(l->fd);
    return rc < 0 ? why(w, rc, "console: %s", strerror(-rc)) : 0;
}
