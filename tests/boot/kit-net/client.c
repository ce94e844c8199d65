/*
 * The other end of the kit's network examples, in dom0, and the maker of the web server's files.
 *
 *   client make DIR COUNT          COUNT files below DIR, of which each one's bytes follow from its
 *                                  number
 *   client http ADDRESS COUNT [N]  fetches all of them over N (4) kept connections, and compares
 *   client echo ADDRESS BYTES      sends that many and gets them back, with several clients at once
 *   client serve NAME ADDRESS      forever: DNS, which knows this one name (port 53), and for
 * netbench echo (7), discard (9: a byte back for each MiB), source (19: a MiB for each byte)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define CONNECTIONS 64 /* at most */
#define ECHOES      4

static void die(const char *what)
{
    printf("client: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the files ---- */

static void path_of(unsigned int n, char *path, size_t size)
{
    snprintf(path, size, "/d%02u/f%05u.txt", n % 100, n);
}

/* Most are small, some empty, one in a thousand has 40 kB. */
static size_t size_of(unsigned int n)
{
    return n % 1000 == 7 ? 40000 + n : n * 37U % 300;
}

static void content_of(unsigned int n, char *to)
{
    uint32_t x = n * 2654435761U + 1;
    for (size_t i = 0; i < size_of(n); i++) {
        x = x * 1664525U + 1013904223U;
        to[i] = (char)(x >> 24);
    }
}

static char content[65536], got[65536 + 4096];

static int make(const char *dir, unsigned int count)
{
    for (unsigned int n = 0; n < count; n++) {
        char path[32], full[512];
        path_of(n, path, sizeof path);
        snprintf(full, sizeof full, "%s/d%02u", dir, n % 100);
        mkdir(full, 0755);
        snprintf(full, sizeof full, "%s%s", dir, path);
        FILE *file = fopen(full, "w");
        content_of(n, content);
        if (!file || fwrite(content, 1, size_of(n), file) != size_of(n) || fclose(file))
            die(full);
    }
    return 0;
}

/* ---- connections ---- */

static int dial(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    inet_pton(AF_INET, address, &to.sin_addr);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        die("connect");
    return fd;
}

static void send_all(int fd, const char *from, size_t size)
{
    while (size) {
        ssize_t n = send(fd, from, size, MSG_NOSIGNAL);
        if (n <= 0)
            die("send");
        from += n;
        size -= (size_t)n;
    }
}

/* Reads one reply and compares it with what file `n` must be. */
static void expect(int fd, unsigned int n)
{
    size_t have = 0, header, length, want = size_of(n);
    char *end = NULL;
    do {
        ssize_t more = recv(fd, got + have, sizeof got - 1 - have, 0);
        if (more <= 0)
            die("reply");
        have += (size_t)more;
        got[have] = '\0';
        end = end ? end : strstr(got, "\r\n\r\n");
    } while (!end);
    header = (size_t)(end + 4 - got);
    char *field = strstr(got, "Content-Length: ");
    length = field ? strtoul(field + 16, NULL, 10) : SIZE_MAX;
    if (strncmp(got, "HTTP/1.1 200 OK\r\n", 17) || length != want)
        die("not what was asked for");
    while (have < header + length) {
        ssize_t more = recv(fd, got + have, header + length - have, 0);
        if (more <= 0)
            die("reply's body");
        have += (size_t)more;
    }
    content_of(n, content);
    if (have != header + length || memcmp(got + header, content, want)) {
        printf("client: file %u: wrong bytes\n", n);
        exit(1);
    }
}

static int http(const char *address, unsigned int count, unsigned int connections)
{
    int fd[CONNECTIONS];
    for (unsigned int i = 0; i < connections; i++)
        fd[i] = dial(address, 80);
    for (unsigned int n = 0; n < count; n += connections) {
        for (unsigned int i = 0; i < connections && n + i < count; i++) {
            char path[32], request[96];
            path_of(n + i, path, sizeof path);
            int length =
                snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
            send_all(fd[i], request, (size_t)length);
        }
        for (unsigned int i = 0; i < connections && n + i < count; i++)
            expect(fd[i], n + i);
    }
    printf("client: %u files, all right\n", count);
    return 0;
}

static int echo(const char *address, size_t bytes)
{
    int fd[ECHOES];
    for (unsigned int i = 0; i < ECHOES; i++)
        fd[i] = dial(address, 7);
    for (size_t done = 0; done < bytes; done += 32768) {
        size_t n = bytes - done < 32768 ? bytes - done : 32768;
        for (unsigned int i = 0; i < ECHOES; i++) {
            for (size_t b = 0; b < n; b++)
                content[b] = (char)((done + b) * 31 + i + (done >> 12));
            send_all(fd[i], content, n);
            for (size_t have = 0; have < n;) {
                ssize_t more = recv(fd[i], got + have, n - have, 0);
                if (more <= 0)
                    die("echo");
                have += (size_t)more;
            }
            if (memcmp(got, content, n)) {
                printf("client: echo is another\n");
                return 1;
            }
        }
    }
    printf("client: %zu bytes echoed\n", bytes);
    return 0;
}

/* ---- what a guest asks for ---- */

#define MIB (1UL << 20)

static int bound(int type, uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, type, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&any, sizeof any))
        die("bind");
    return fd;
}

/* Answers questions for one name's address; of any other it says that there is no such name. */
static void dns(const char *name, const char *address)
{
    uint8_t q[512 + 16], wire[64];
    size_t n = 0;
    int fd = bound(SOCK_DGRAM, 53);
    for (const char *label = name; *label;) {
        size_t length = strcspn(label, ".");
        wire[n++] = (uint8_t)length;
        memcpy(wire + n, label, length);
        n += length;
        label += length + (label[length] == '.');
    }
    wire[n++] = 0;
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t length = recvfrom(fd, q, 512, 0, (struct sockaddr *)&from, &size);
        if (length < 17)
            continue;
        size_t end = 12 + strnlen((char *)q + 12, (size_t)length - 12) + 5;
        bool known = end <= (size_t)length && end == 12 + n + 4 && !memcmp(q + 12, wire, n);
        q[2] = 0x85;
        q[3] = known ? 0x80 : 0x83;
        q[7] = known;
        q[9] = q[11] = 0;
        if (known) {
            static const uint8_t head[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
            memcpy(q + end, head, sizeof head);
            inet_pton(AF_INET, address, q + end + sizeof head);
            end += sizeof head + 4;
        }
        sendto(fd, q, end, 0, (struct sockaddr *)&from, size);
    }
}

/* One connection of `port`, to its end. */
static void talk(int fd, uint16_t port)
{
    size_t sum = 0;
    ssize_t n;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while ((n = recv(fd, got, sizeof got, 0)) > 0) {
        if (port == 7)
            send_all(fd, got, (size_t)n);
        for (; port == 19 && n; n--)
            for (size_t done = 0; done < MIB; done += sizeof content)
                send_all(fd, content, sizeof content);
        sum += (size_t)n;
        for (; port == 9 && sum >= MIB; sum -= MIB)
            send_all(fd, "", 1);
    }
    close(fd);
}

static int serve(const char *name, const char *address)
{
    static const uint16_t ports[] = {7, 9, 19};
    for (unsigned int i = 0; i < sizeof ports / sizeof *ports; i++) {
        int fd = bound(SOCK_STREAM, ports[i]);
        if (listen(fd, 5))
            die("listen");
        if (fork() == 0)
            for (;;)
                talk(accept(fd, NULL, NULL), ports[i]);
        close(fd);
    }
    dns(name, address);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "serve"))
        return serve(argv[2], argv[3]);
    if (argc == 4 && !strcmp(argv[1], "make"))
        return make(argv[2], (unsigned int)atoi(argv[3]));
    if ((argc == 4 || argc == 5) && !strcmp(argv[1], "http")) {
        unsigned int connections = argc == 5 ? (unsigned int)atoi(argv[4]) : 4;
        if (connections > 0 && connections <= CONNECTIONS)
            return http(argv[2], (unsigned int)atoi(argv[3]), connections);
    }
    if (argc == 4 && !strcmp(argv[1], "echo"))
        return echo(argv[2], strtoul(argv[3], NULL, 10));
    printf(
        "usage: client make DIR COUNT | http ADDRESS COUNT [N] | echo ADDRESS BYTES | serve NAME "
        "ADDRESS\n");
    return 2;
}
