/* Joins the terminal to a guest's console: bytes both ways until Ctrl-] or the guest's end. */
#include "axl/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t console_stop;

enum { DETACH = 0x1d, WAIT_S = 10 };

int console_open(struct store *s, uint32_t domid, struct why *w)
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
                   "no daemon has opened its console within %d s; is xenconsoled "
                   "running?",
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

/* One readable descriptor's bytes to the other side. false: it has ended. */
static bool pump(int from, int to, bool ours)
{
    char buf[4096];
    ssize_t n = read(from, buf, sizeof buf);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0)
        return false;
    char *stop = ours ? memchr(buf, DETACH, (size_t)n) : NULL;
    if (stop) {
        write_all(to, buf, stop - buf);
        errno = ECANCELED;
        return false;
    }
    return write_all(to, buf, n);
}

static bool guest_ended(struct axl *a, uint32_t domid)
{
    hyp_dominfo d;
    return hyp_info(a->hyp, domid, &d) < 0 || d.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown);
}

static int copy_loop(struct axl *a, uint32_t domid, int fd)
{
    struct pollfd p[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
                          {.fd = fd, .events = POLLIN},
                          {.fd = store_fd(a->store), .events = POLLIN}};
    bool ended = guest_ended(a, domid);
    for (;;) {
        /*
         * After the guest's end what is still in the terminal is shown, then we go. Before, a
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
        if (p[1].revents && !pump(fd, STDOUT_FILENO, false))
            return 0;
        if (p[0].revents && !pump(STDIN_FILENO, fd, true)) {
            if (errno == ECANCELED)
                return 0;
            p[0].fd = -1; /* our input has ended; go on showing */
        }
        if (p[2].revents) {
            while (store_event(a->store, NULL, 0))
                ;
            ended = guest_ended(a, domid);
        }
    }
}

int console_run(struct axl *a, uint32_t domid, int fd, struct why *w)
{
    struct termios before;
    bool tty = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    if (tty) {
        struct termios raw = before;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }
    store_watch(a->store, "end", "@releaseDomain");
    int rc = copy_loop(a, domid, fd);
    store_unwatch(a->store, "end", "@releaseDomain");
    if (tty)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    close(fd);
    return rc < 0 ? why(w, rc, "console: %s", strerror(-rc)) : 0;
}
