/*
 * echo: gives back what it is sent, over TCP port 7 (RFC 862), to any number of clients at once.
 * The walk-through is docs/unikernel/echo.md.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gk/net.h>
#include <gk/thread.h>

/* One client, in a thread of its own. */
static void serve(void *argument)
{
    int fd = (int)(long)argument;
    char bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        if (send(fd, bytes, (size_t)n, 0) != n)
            break;
    close(fd);
}

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(7)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, sizeof any) ||
        listen(listener, SOMAXCONN)) {
        perror("echo");
        return 1;
    }
    printf("echo: listening on port 7\n");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        struct gk_thread *thread = gk_thread_create("client", serve, (void *)(long)fd, 16384);
        if (thread)
            gk_thread_detach(thread);
        else
            close(fd);
    }
}
