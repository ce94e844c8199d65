/*
 * netbench: what the network costs, after looking up whom to talk to.
 *
 *   peer=NAME    that serves echo (port 7), discard (9: a byte back for each MiB) and a source (19:
 * a MiB for each byte); its address comes from DNS, our own from wherever the kit has it from
 *
 * It prints lines "bench guest_net_NAME COUNT", counts of the time stamp counter for one operation,
 * least of several: instructions of the whole machine under QEMU's -icount.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gk/kit.h>

#define MIB     (1UL << 20)
#define BATCHES 4

static struct sockaddr_in peer;
static char buffer[65536];

static void die(const char *what)
{
    printf("netbench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    peer.sin_port = htons(port);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        connect(fd, (struct sockaddr *)&peer, sizeof peer))
        die("connect");
    return fd;
}

static void put(int fd, size_t size)
{
    while (size) {
        ssize_t n = send(fd, buffer, size < sizeof buffer ? size : sizeof buffer, 0);
        if (n <= 0)
            die("send");
        size -= (size_t)n;
    }
}

static void take(int fd, size_t size)
{
    while (size) {
        ssize_t n = recv(fd, buffer, size < sizeof buffer ? size : sizeof buffer, 0);
        if (n <= 0)
            die("recv");
        size -= (size_t)n;
    }
}

/* One exchange: so many bytes there, then so many back. */
static void measure(const char *name, uint16_t port, size_t there, size_t back, unsigned int n)
{
    uint64_t least = UINT64_MAX;
    int fd = dial(port);

    for (unsigned int i = 0; i <= BATCHES; i++) {
        uint64_t start = __builtin_ia32_rdtsc();
        for (unsigned int j = 0; j < n; j++) {
            put(fd, there);
            take(fd, back);
        }
        uint64_t took = (__builtin_ia32_rdtsc() - start) / n;
        least = i && took < least ? took : least; /* the first makes pages and windows */
    }
    close(fd);
    printf("bench guest_net_%s %lu\n", name, least);
}

static const char *text(const struct sockaddr_in *address, char *to, socklen_t size)
{
    if (getnameinfo((const struct sockaddr *)address, sizeof *address, to, size, NULL, 0,
                    NI_NUMERICHOST))
        die("getnameinfo");
    return to;
}

static int look_up(const char *name)
{
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int rc = getaddrinfo(name, NULL, &hints, &found);

    if (rc)
        return rc;
    memcpy(&peer, found->ai_addr, sizeof peer);
    freeaddrinfo(found);
    return 0;
}

int main(void)
{
    char name[64] = "peer.test", ours[16], theirs[16];
    struct sockaddr_in self;
    socklen_t size = sizeof self;

    gk_option("peer", name, sizeof name);
    int rc = look_up(name);
    if (rc) {
        printf("netbench: %s: %s\n", name, gai_strerror(rc));
        return 1;
    }
    int fd = dial(7);
    if (getsockname(fd, (struct sockaddr *)&self, &size))
        die("getsockname");
    close(fd);
    printf("netbench: we are %s, %s is %s\n", text(&self, ours, sizeof ours), name,
           text(&peer, theirs, sizeof theirs));
    rc = look_up("nobody.test");
    printf("netbench: nobody.test: %s\n", rc ? gai_strerror(rc) : "is somebody");
    look_up(name);
    measure("round_trip", 7, 1, 1, 20);
    measure("send_1m", 9, MIB, 1, 1);
    measure("receive_1m", 19, 1, MIB, 1);
    printf("netbench: done\n");
    return 0;
}
