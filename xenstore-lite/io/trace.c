/*
 * The trace of messages, to a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/daemon.h"
#include "wire/host.h"

static int trace_fd = -1;

static void trace_line(const char *text)
{
    char line[512];
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(line, sizeof(line), "%Y%m%d %H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ld %.*s\n", t.tv_nsec / 1000000, 440,
                          text);
    if (write(trace_fd, line, n) < 0) { /* a full disk must not stop the store */
    }
}

int host_log_file(const char *path)
{
    /* Once confined this fails: a client of the socket must not make us write anywhere. */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (trace_fd >= 0)
        close(trace_fd);
    trace_fd = fd;
    return 0;
}

static const char *const type_name[XS_TYPE_COUNT] = {
    [XS_CONTROL] = "CONTROL",
    [XS_DIRECTORY] = "DIRECTORY",
    [XS_READ] = "READ",
    [XS_GET_PERMS] = "GET_PERMS",
    [XS_WATCH] = "WATCH",
    [XS_UNWATCH] = "UNWATCH",
    [XS_TRANSACTION_START] = "TRANSACTION_START",
    [XS_TRANSACTION_END] = "TRANSACTION_END",
    [XS_INTRODUCE] = "INTRODUCE",
    [XS_RELEASE] = "RELEASE",
    [XS_GET_DOMAIN_PATH] = "GET_DOMAIN_PATH",
    [XS_WRITE] = "WRITE",
    [XS_MKDIR] = "MKDIR",
    [XS_RM] = "RM",
    [XS_SET_PERMS] = "SET_PERMS",
    [XS_WATCH_EVENT] = "WATCH_EVENT",
    [XS_ERROR] = "ERROR",
    [XS_IS_DOMAIN_INTRODUCED] = "IS_DOMAIN_INTRODUCED",
    [XS_RESUME] = "RESUME",
    [XS_SET_TARGET] = "SET_TARGET",
    [XS_RESET_WATCHES] = "RESET_WATCHES",
    [XS_DIRECTORY_PART] = "DIRECTORY_PART",
};

void host_trace(const struct conn *c, bool in, const struct xsd_sockmsg *hdr, const char *payload)
{
    char text[440];
    const char *name = hdr->type < XS_TYPE_COUNT ? type_name[hdr->type] : NULL;
    if (trace_fd < 0)
        return;
    int n = snprintf(text, sizeof(text), "%s %u%s %s tx %u (", in ? "IN" : "OUT", c->dom->id,
                     c->ring ? "" : " socket", name ? name : "?", hdr->tx_id);
    size_t at = (size_t)n;
    for (size_t i = 0; i < hdr->len && at < sizeof(text) - 2; i++)
        text[at++] = payload[i] == 0 ? ' ' : payload[i] < 32 || payload[i] > 126 ? '.' : payload[i];
    text[at++] = ')';
    text[at] = 0;
    trace_line(text);
}
