/*
 * kv: a key-value store that speaks the Redis protocol (RESP2) on TCP port 6379 and keeps its data
 * on the first disk. One poll() loop; changes of all requests that came together are written to the
 * log at once, and only then answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/kv/command.h"
#include "examples/kv/log.h"
#include "examples/kv/table.h"

#define CLIENTS 128
#define INPUT   (KV_BATCH + 4096) /* a request must fit */

struct client {
    int fd;
    size_t have, sent;
    bool bad; /* spoke no sense: hang up when all is sent */
    struct kv_reply reply;
    char *input; /* made when something comes */
};

static struct client *clients[CLIENTS];
static struct pollfd fds[CLIENTS + 1];
static unsigned int count;

static bool push(struct client *c)
{
    while (c->sent < c->reply.length) {
        ssize_t n = send(c->fd, c->reply.bytes + c->sent, c->reply.length - c->sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->sent += (size_t)n;
    }
    c->reply.length = c->sent = 0;
    return !c->bad;
}

/* Takes what came and makes the replies; they are sent after the commit. */
static bool take(struct client *c)
{
    if (!c->input && !(c->input = malloc(INPUT)))
        return false;
    ssize_t n = recv(c->fd, c->input + c->have, INPUT - c->have, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    c->have += (size_t)n;
    size_t used = 0;
    while (used < c->have && !c->bad) {
        int took = kv_command(c->input + used, c->have - used, &c->reply);
        if (took == 0)
            break;
        c->bad = took < 0;
        used += took > 0 ? (size_t)took : 0;
    }
    memmove(c->input, c->input + used, c->have - used);
    c->have -= used;
    return c->have < INPUT;
}

static void add(int listener)
{
    int fd = accept(listener, NULL, NULL), on = 1;
    struct client *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) {
        if (fd >= 0)
            close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    clients[count] = c;
    fds[++count] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(unsigned int i)
{
    struct client *c = clients[i];
    close(c->fd);
    free(c->input);
    free(c->reply.bytes);
    free(c);
    count--;
    clients[i] = clients[count];
    fds[i + 1] = fds[count + 1];
}

/* One round: take from all, write the log once, answer all. */
static void round_of(int listener)
{
    fds[0].events = count < CLIENTS ? POLLIN : 0;
    if (poll(fds, count + 1, -1) < 0)
        return;
    for (unsigned int i = count; i-- > 0;)
        if (fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR) && !take(clients[i]))
            drop(i);
    if (kv_log_commit()) {
        printf("kv: the disk fails; not answering what it does not keep\n");
        exit(1);
    }
    for (unsigned int i = count; i-- > 0;) {
        if (clients[i]->reply.length && !push(clients[i]))
            drop(i);
        else
            fds[i + 1].events = clients[i]->reply.length ? POLLOUT : POLLIN;
    }
    if (fds[0].revents & POLLIN && count < CLIENTS)
        add(listener);
}

int main(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(6379)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (kv_disk_open() || kv_log_open()) {
        printf("kv: no disk, or it cannot be read\n");
        return 1;
    }
    printf("kv: %zu keys\n", kv_count());
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, CLIENTS)) {
        perror("kv");
        return 1;
    }
    printf("kv: listening on port 6379\n");
    fflush(stdout);
    fds[0].fd = listener;
    for (;;)
        round_of(listener);
}
