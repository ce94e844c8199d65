/* Waiting for several descriptors at once, as POSIX has it. */
#ifndef GK_LIBC_POLL_H
#define GK_LIBC_POLL_H

typedef unsigned long nfds_t;
struct pollfd {
    int fd;
    short events, revents;
};

#define POLLIN     0x001
#define POLLPRI    0x002
#define POLLOUT    0x004
#define POLLERR    0x008
#define POLLHUP    0x010
#define POLLNVAL   0x020
#define POLLRDNORM POLLIN
#define POLLWRNORM POLLOUT

int poll(struct pollfd *fds, nfds_t count, int timeout);

#endif
