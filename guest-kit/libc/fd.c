/* The descriptor table, and the calls that work on any kind of file. */
#include "libc/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <gk/console.h>
#include <gk/mem.h>
#include <gk/time.h>

ssize_t fd_result(ssize_t result)
{
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* ---- the console, descriptors 0 to 2 ---- */

static ssize_t console_read(struct fd_file *file, void *to, size_t size)
{
    size_t n = gk_console_read(to, size, file->flags & O_NONBLOCK ? 0 : GK_FOREVER);
    for (size_t i = 0; i < n; i++)
        if (((char *)to)[i] == '\r')
            ((char *)to)[i] = '\n';
    return n ? (ssize_t)n : -EAGAIN;
}

static ssize_t console_write(struct fd_file *file, const void *from, size_t size)
{
    (void)file;
    gk_console_write(from, size);
    return (ssize_t)size;
}

static int console_stat(struct fd_file *file, struct stat *stat)
{
    (void)file;
    memset(stat, 0, sizeof *stat);
    stat->st_mode = S_IFCHR | 0600;
    return 0;
}

/* Whether a key was pressed is not known without taking it: nobody is told so. */
static short console_ready(struct fd_file *file)
{
    (void)file;
    return POLLOUT;
}

static const struct fd_ops console_ops = {
    .read = console_read, .write = console_write, .stat = console_stat, .ready = console_ready};
static struct fd_file console = {.ops = &console_ops, .flags = O_RDWR, .references = 3};

/* ---- the table: grows by doubling ---- */

static struct fd_file *first_table[32] = {&console, &console, &console};
static struct fd_file **table = first_table;
static int table_size = 32;

static int table_grow(void)
{
    struct fd_file **bigger = gk_zalloc(2 * (size_t)table_size * sizeof *bigger);
    if (!bigger)
        return -ENOMEM;
    memcpy(bigger, table, (size_t)table_size * sizeof *table);
    if (table != first_table)
        gk_free(table);
    table = bigger;
    table_size *= 2;
    return 0;
}

static int fd_install_from(struct fd_file *file, int fd)
{
    for (;; fd++) {
        if (fd >= FD_MAX)
            return -EMFILE;
        while (fd >= table_size)
            if (table_grow())
                return -ENOMEM;
        if (!table[fd])
            break;
    }
    table[fd] = file;
    return fd;
}

int fd_install(struct fd_file *file)
{
    int fd = fd_install_from(file, 0);
    if (fd >= 0)
        file->references++;
    return fd;
}

struct fd_file *fd_get(int fd)
{
    return fd >= 0 && fd < table_size ? table[fd] : NULL;
}

void fd_hold(struct fd_file *file)
{
    file->references++;
}

void fd_release(struct fd_file *file)
{
    if (--file->references == 0 && file->ops->close)
        file->ops->close(file);
}

/* ---- calls ---- */

ssize_t read(int fd, void *to, size_t size)
{
    struct fd_file *file = fd_get(fd);
    if (!file)
        return fd_result(-EBADF);
    if (!file->ops->read)
        return fd_result(-EINVAL);
    fd_hold(file);
    ssize_t n = file->ops->read(file, to, size);
    fd_release(file);
    return fd_result(n);
}

ssize_t write(int fd, const void *from, size_t size)
{
    struct fd_file *file = fd_get(fd);
    if (!file || (file->flags & O_ACCMODE) == O_RDONLY)
        return fd_result(-EBADF);
    if (!file->ops->write)
        return fd_result(-EINVAL);
    fd_hold(file);
    ssize_t n = file->ops->write(file, from, size);
    fd_release(file);
    return fd_result(n);
}

/* One after the other; what is there of a vector is returned when a later part fails or is short.
 */
ssize_t readv(int fd, const struct iovec *parts, int count)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n = read(fd, parts[i].iov_base, parts[i].iov_len);
        if (n < 0)
            return total ? total : n;
        total += n;
        if ((size_t)n < parts[i].iov_len)
            break;
    }
    return total;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t n = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (n < 0)
            return total ? total : n;
        total += n;
        if ((size_t)n < parts[i].iov_len)
            break;
    }
    return total;
}

off_t lseek(int fd, off_t offset, int whence)
{
    struct fd_file *file = fd_get(fd);
    if (!file)
        return fd_result(-EBADF);
    return fd_result(file->ops->seek ? file->ops->seek(file, offset, whence) : -ESPIPE);
}

int fstat(int fd, struct stat *stat)
{
    struct fd_file *file = fd_get(fd);
    if (!file)
        return (int)fd_result(-EBADF);
    return (int)fd_result(file->ops->stat ? file->ops->stat(file, stat) : -EINVAL);
}

int close(int fd)
{
    struct fd_file *file = fd_get(fd);
    if (!file)
        return (int)fd_result(-EBADF);
    table[fd] = NULL;
    fd_release(file);
    return 0;
}

int dup(int fd)
{
    struct fd_file *file = fd_get(fd);
    return (int)fd_result(file ? fd_install(file) : -EBADF);
}

int dup2(int from, int to)
{
    struct fd_file *file = fd_get(from);
    if (!file || to < 0 || to >= FD_MAX)
        return (int)fd_result(-EBADF);
    if (from == to)
        return to;
    while (to >= table_size)
        if (table_grow())
            return (int)fd_result(-ENOMEM);
    if (table[to])
        close(to);
    table[to] = file;
    fd_hold(file);
    return to;
}

int fcntl(int fd, int command, ...)
{
    struct fd_file *file = fd_get(fd);
    va_list args;
    va_start(args, command);
    int argument = va_arg(args, int);
    va_end(args);
    if (!file)
        return (int)fd_result(-EBADF);
    switch (command) {
    case F_GETFD:
    case F_SETFD: /* nothing is ever executed */
        return 0;
    case F_GETFL:
        return file->flags;
    case F_SETFL:
        file->flags =
            (file->flags & ~(O_NONBLOCK | O_APPEND)) | (argument & (O_NONBLOCK | O_APPEND));
        return 0;
    case F_DUPFD: {
        int to = argument < 0 ? -EINVAL : fd_install_from(file, argument);
        if (to >= 0)
            fd_hold(file);
        return (int)fd_result(to);
    }
    default:
        return (int)fd_result(-EINVAL);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    struct fd_file *file = fd_get(fd);
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (!file)
        return (int)fd_result(-EBADF);
    if (request == FIONBIO) {
        file->flags = (file->flags & ~O_NONBLOCK) | (*(int *)argument ? O_NONBLOCK : 0);
        return 0;
    }
    return (int)fd_result(file->ops->ioctl ? file->ops->ioctl(file, request, argument) : -ENOTTY);
}

int isatty(int fd)
{
    struct fd_file *file = fd_get(fd);
    if (file == &console)
        return 1;
    errno = file ? ENOTTY : EBADF;
    return 0;
}

int fsync(int fd)
{
    return (int)fd_result(fd_get(fd) ? 0 : -EBADF);
}

/* ---- poll and select ---- */

static struct gk_waitq poll_queue;

void fd_changed(void)
{
    if (poll_queue.first)
        gk_waitq_wake_all(&poll_queue);
}

static int look(struct pollfd *fds, nfds_t count)
{
    int found = 0;
    for (nfds_t i = 0; i < count; i++) {
        struct fd_file *file = fd_get(fds[i].fd);
        fds[i].revents = 0;
        if (fds[i].fd < 0)
            continue;
        short ready = !file              ? POLLNVAL
                      : file->ops->ready ? file->ops->ready(file)
                                         : POLLIN | POLLOUT;
        fds[i].revents = (short)(ready & (fds[i].events | POLLERR | POLLHUP | POLLNVAL));
        found += fds[i].revents != 0;
    }
    return found;
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    uint64_t deadline = timeout < 0 ? GK_FOREVER : gk_time_mono() + (uint64_t)timeout * GK_MS;
    int found = look(fds, count);
    if (found || timeout == 0) {
        static unsigned int hits;
        /* A program that always finds work would never let the network in. */
        if (timeout == 0 || ++hits % 16 == 0)
            gk_yield();
        return found;
    }
    do {
        bool woken = gk_waitq_wait(&poll_queue, deadline);
        found = look(fds, count);
        if (!woken)
            break;
    } while (!found);
    return found;
}

/* The set's bits become poll's requests. */
int select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
    struct pollfd fds[FD_SETSIZE];
    nfds_t n = 0;
    if (count < 0 || count > FD_SETSIZE)
        return (int)fd_result(-EINVAL);
    for (int fd = 0; fd < count; fd++) {
        int events =
            (in && FD_ISSET(fd, in) ? POLLIN : 0) | (out && FD_ISSET(fd, out) ? POLLOUT : 0);
        if (events || (except && FD_ISSET(fd, except)))
            fds[n++] = (struct pollfd){.fd = fd, .events = (short)events};
    }
    int ms = -1;
    if (timeout && timeout->tv_sec > INT_MAX / 1000 - 1)
        ms = INT_MAX; /* 24 days */
    else if (timeout)
        ms = (int)(timeout->tv_sec * 1000 + (timeout->tv_usec + 999) / 1000);
    if (poll(fds, n, ms) < 0)
        return -1;
    int found = 0;
    for (nfds_t i = 0; i < n; i++) {
        short got = fds[i].revents;
        if (got & POLLNVAL)
            return (int)fd_result(-EBADF);
        bool readable = in && got & (POLLIN | POLLHUP | POLLERR) && FD_ISSET(fds[i].fd, in);
        bool writable = out && got & (POLLOUT | POLLERR) && FD_ISSET(fds[i].fd, out);
        if (in && !readable)
            FD_CLR(fds[i].fd, in);
        if (out && !writable)
            FD_CLR(fds[i].fd, out);
        if (except)
            FD_CLR(fds[i].fd, except);
        found += readable + writable;
    }
    return found;
}
