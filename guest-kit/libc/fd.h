/*
 * File descriptors: one table for console, packed files and sockets.
 *
 * Each kind of file brings its operations; what it does not do is NULL and fails with the errno
 * that POSIX names. Operations return -errno (the C library's numbers), the calls above set errno.
 */
#ifndef GUEST_KIT_LIBC_FD_H
#define GUEST_KIT_LIBC_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <gk/thread.h>

struct fd_file;
struct fd_ops {
    ssize_t (*read)(struct fd_file *file, void *to, size_t size);
    ssize_t (*write)(struct fd_file *file, const void *from, size_t size);
    off_t (*seek)(struct fd_file *file, off_t offset, int whence);
    int (*stat)(struct fd_file *file, struct stat *stat);
    /* POLLIN, POLLOUT ... that hold now; NULL: always ready. */
    short (*ready)(struct fd_file *file);
    int (*ioctl)(struct fd_file *file, unsigned long request, void *argument);
    /* Ends it and frees the memory. */
    void (*close)(struct fd_file *file);
};

struct fd_file {
    const struct fd_ops *ops;
    int flags; /* of open(): O_RDONLY ..., O_NONBLOCK */
    unsigned int references;
};

#define FD_MAX 1024

/* Takes the lowest free descriptor for it. -EMFILE or -ENOMEM: none; the file is still the
 * caller's. */
int fd_install(struct fd_file *file);
/* NULL: no such descriptor. The file stays while the caller blocks only if it takes a reference. */
struct fd_file *fd_get(int fd);
void fd_hold(struct fd_file *file);
void fd_release(struct fd_file *file);
/* Something's readiness changed: whoever is in poll() looks again. */
void fd_changed(void);

/* A call's way out: sets errno for a negative result. */
ssize_t fd_result(ssize_t result);

#endif
