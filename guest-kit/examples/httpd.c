/*
 * httpd: a small web server for static files, HTTP/1.1 with keep-alive and pipelining. It is a
 * program for any Unix: one poll() loop, no threads, nothing of the kit. On the kit it serves the
 * files packed into the image; on Linux the folder that it is started in.
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
#include <sys/stat.h>
#include <unistd.h>

#define CLIENTS 64
#define REQUEST 2048  /* longest request's header */
#define REPLY   16384 /* header and as much of a file as is sent at a time */

struct client {
    int fd, file;      /* file: being sent, or -1 */
    off_t left;        /* of it */
    size_t have;       /* bytes of requests that were read */
    size_t begin, end; /* what of `reply` is still to be sent */
    bool close_after;  /* when all is sent */
    char request[REQUEST];
    char reply[REPLY];
};

static struct client *clients[CLIENTS];
static struct pollfd fds[CLIENTS + 1];
static unsigned int count;

static char *put(char *to, const char *text)
{
    size_t n = strlen(text);
    memcpy(to, text, n);
    return to + n;
}

static char *put_number(char *to, unsigned long value)
{
    char digits[24];
    unsigned int n = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    while (n)
        *to++ = digits[--n];
    return to;
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html"},     {".css", "text/css"},
                                           {".js", "text/javascript"}, {".png", "image/png"},
                                           {".svg", "image/svg+xml"},  {".txt", "text/plain"}};
    const char *dot = strrchr(path, '.');
    for (unsigned int i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (!strcmp(dot, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}

static void reply_head(struct client *c, const char *status, const char *type, off_t length)
{
    char *at = c->reply;
    at = put(at, "HTTP/1.1 ");
    at = put(at, status);
    at = put(at, "\r\nContent-Type: ");
    at = put(at, type);
    at = put(at, "\r\nContent-Length: ");
    at = put_number(at, (unsigned long)length);
    at = put(at, c->close_after ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    c->begin = 0;
    c->end = (size_t)(at - c->reply);
}

static void reply_error(struct client *c, const char *status)
{
    reply_head(c, status, "text/plain", (off_t)strlen(status) + 1);
    c->end = (size_t)(put(put(c->reply + c->end, status), "\n") - c->reply);
}

/* The next piece of the file behind what is in `reply`. */
static void fill(struct client *c)
{
    ssize_t n = read(c->file, c->reply + c->end, sizeof c->reply - c->end);
    if (n <= 0) { /* shorter than it said: all that is left to do is to hang up */
        c->left = 0;
        c->close_after = true;
    } else {
        c->end += (size_t)n;
        c->left -= n;
    }
    if (c->left <= 0) {
        close(c->file);
        c->file = -1;
    }
}

static void reply_file(struct client *c, const char *path, bool head_only)
{
    char with_index[REQUEST + 16];
    struct stat st;
    size_t length = strlen(path);
    if (length && path[length - 1] == '/') {
        put(put(with_index, path), "index.html")[0] = '\0';
        path = with_index;
    }
    c->file = strstr(path, "..") ? -1 : open(*path == '/' && path[1] ? path + 1 : path, O_RDONLY);
    if (c->file < 0 || fstat(c->file, &st) || !S_ISREG(st.st_mode)) {
        if (c->file >= 0)
            close(c->file);
        c->file = -1;
        reply_error(c, "404 Not Found");
        return;
    }
    reply_head(c, "200 OK", type_of(path), st.st_size);
    c->left = head_only ? 0 : st.st_size;
    if (c->left) {
        fill(c);
    } else {
        close(c->file);
        c->file = -1;
    }
}

/* "GET /path HTTP/1.1", in place. */
static void answer(struct client *c, char *request)
{
    char *line_end = strstr(request, "\r\n"), *path = strchr(request, ' '), *version;
    *line_end = '\0';
    version = path ? strchr(path + 1, ' ') : NULL;
    if (!version || strncmp(version + 1, "HTTP/1.", 7)) {
        c->close_after = true;
        reply_error(c, "400 Bad Request");
        return;
    }
    *version++ = '\0';
    *path++ = '\0';
    c->close_after = strcmp(version, "HTTP/1.1") ||
                     strcasestr(line_end + 2, "\r\nconnection: close") ||
                     !strncasecmp(line_end + 2, "connection: close", 17);
    path[strcspn(path, "?#")] = '\0';
    bool head = !strcmp(request, "HEAD");
    if (!head && strcmp(request, "GET"))
        reply_error(c, "501 Not Implemented");
    else
        reply_file(c, path, head);
}

/* Sends what is ready. False: the connection is over. */
static bool push(struct client *c)
{
    while (c->begin < c->end || c->file >= 0) {
        if (c->begin == c->end) {
            c->begin = c->end = 0;
            fill(c);
        }
        ssize_t n =
            send(c->fd, c->reply + c->begin, c->end - c->begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        c->begin += (size_t)n;
    }
    return !c->close_after;
}

/* Answers every whole request that is there, as long as answers can be sent at once. */
static bool serve(struct client *c)
{
    while (c->begin == c->end && c->file < 0) {
        c->request[c->have] = '\0';
        char *end = strstr(c->request, "\r\n\r\n");
        if (!end)
            return c->have < REQUEST - 1;
        size_t used = (size_t)(end + 4 - c->request);
        end[2] = '\0';
        answer(c, c->request);
        memmove(c->request, c->request + used, c->have - used);
        c->have -= used;
        if (!push(c))
            return false;
    }
    return true;
}

static bool ready(struct client *c, short events)
{
    if (events & POLLOUT && !push(c))
        return false;
    if (events & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t n = recv(c->fd, c->request + c->have, REQUEST - 1 - c->have, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        c->have += (size_t)n;
    }
    return serve(c);
}

static void add(int listener)
{
    int fd = accept(listener, NULL, NULL), on = 1;
    struct client *c = fd < 0 ? NULL : malloc(sizeof *c);
    if (!c) {
        if (fd >= 0)
            close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->fd = fd;
    c->file = -1;
    c->have = c->begin = c->end = 0;
    c->left = 0;
    c->close_after = false;
    clients[count] = c;
    fds[++count] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop(unsigned int i)
{
    struct client *c = clients[i];
    if (c->file >= 0)
        close(c->file);
    close(c->fd);
    free(c);
    count--;
    clients[i] = clients[count];
    fds[i + 1] = fds[count + 1];
}

int main(int argc, char **argv)
{
    int port = argc > 1 && atoi(argv[1]) ? atoi(argv[1]) : 80, on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, CLIENTS)) {
        perror("httpd");
        return 1;
    }
    printf("httpd: listening on port %d\n", port);
    fflush(stdout);
    fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        fds[0].events = count < CLIENTS ? POLLIN : 0; /* others wait in the backlog */
        if (poll(fds, count + 1, -1) < 0)
            continue;
        for (unsigned int i = count; i-- > 0;) {
            if (!fds[i + 1].revents)
                continue;
            if (!ready(clients[i], fds[i + 1].revents))
                drop(i);
            else
                fds[i + 1].events = clients[i]->begin < clients[i]->end ? POLLOUT : POLLIN;
        }
        if (fds[0].revents & POLLIN && count < CLIENTS)
            add(listener);
    }
}
