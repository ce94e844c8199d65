/* The address of a Unix socket, for programs that can do without: socket(AF_UNIX) is EAFNOSUPPORT.
 */
#ifndef GK_LIBC_SYS_UN_H
#define GK_LIBC_SYS_UN_H

#include <sys/socket.h>

struct sockaddr_un {
    sa_family_t sun_family;
    char sun_path[108];
};

#endif
