/* Control of descriptors: what sockets know of it. */
#ifndef GK_LIBC_SYS_IOCTL_H
#define GK_LIBC_SYS_IOCTL_H

#define FIONREAD 0x541b
#define FIONBIO  0x5421

int ioctl(int fd, unsigned long request, ...);

#endif
