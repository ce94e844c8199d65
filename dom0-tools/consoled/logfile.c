/* A guest's log (see logfile.h). All file names are relative to the one folder. */
#include "consoled/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "consoled/ring.h"
#include "dkit/log.h"

static int dir = -1;
static uint32_t limit;
static unsigned keep;
static struct log_limit complaints;

int logfile_dir(const char *path, uint32_t bytes, unsigned files)
{
    limit = bytes;
    keep = files;
    if (mkdir(path, 0750) && errno != EEXIST)
        return -errno;
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -errno : 0;
}

int logfile_dir_fd(void)
{
    return dir;
}

static int open_it(const char *name, int more)
{
    return openat(dir, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | more, 0640);
}

static bool ends_line(int fd, uint32_t size)
{
    char last;
    return !size || (pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

int logfile_open(struct logfile *l, const char *name, uint32_t size)
{
    struct stat st;
    char old[LOG_NAME + 4];
    *l = (struct logfile){.fd = -1, .old_fd = -1, .gen = keep + 1};
    snprintf(l->name, sizeof l->name, "%s", name);
    l->fd = open_it(name, O_CREAT);
    if (l->fd < 0 || fstat(l->fd, &st)) {
        int rc = -errno;
        logfile_close(l);
        return rc;
    }
    uint64_t have = (uint64_t)st.st_size > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint64_t)st.st_size;
    if (have > size && ftruncate(l->fd, size) == 0)
        have = size;
    l->size = (uint32_t)have;
    l->line_start = ends_line(l->fd, l->size);
    snprintf(old, sizeof old, "%s.1", name);
    l->old_fd = open_it(old, 0); /* there need not be one */
    return 0;
}

void logfile_close(struct logfile *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (l->old_fd >= 0)
        close(l->old_fd);
    l->fd = l->old_fd = -1;
}

static const char *stamp(void)
{
    static char text[TEXT_STAMP + 1];
    static time_t when;
    time_t now = time(NULL);
    struct tm tm;
    if (now != when && localtime_r(&now, &tm)) {
        when = now;
        strftime(text, sizeof text, "[%Y-%m-%d %H:%M:%S] ", &tm);
    }
    return text;
}

static void append(struct logfile *l, const char *bytes, size_t n, bool line_start)
{
    size_t done = 0;
    while (done < n) {
        ssize_t k = write(l->fd, bytes + done, n - done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        done += (size_t)k;
    }
    if (done == n) {
        l->size += (uint32_t)n;
        l->line_start = line_start;
        return;
    }
    l->lost += n;
    log_guest(&complaints, "%s: %s: output of the guest is lost", l->name, strerror(errno));
    if (ftruncate(l->fd, l->size)) /* then a part of a line stays: still only the guest's bytes */
        l->size += (uint32_t)done;
}

void logfile_add(struct logfile *l, const char *bytes, size_t n)
{
    static char text[TEXT_ROOM(CONS_OUT)];
    bool line_start = l->line_start;
    size_t len = text_stamp(text, bytes, n, stamp(), &line_start);
    append(l, text, len, line_start);
}

void logfile_remark(struct logfile *l, const char *what)
{
    char text[LOG_NAME + 64];
    int n = snprintf(text, sizeof text, "%s- %.19s %.200s\n", l->line_start ? "" : "\n",
                     stamp() + 1, what);
    append(l, text, (size_t)n, true);
}

static void move(const char *name, unsigned from, unsigned to)
{
    char a[LOG_NAME + 12], b[LOG_NAME + 12];
    snprintf(a, sizeof a, from ? "%s.%u" : "%s", name, from);
    snprintf(b, sizeof b, "%s.%u", name, to);
    if (renameat(dir, a, dir, b) && errno != ENOENT)
        log_guest(&complaints, "%s cannot be renamed to %s: %s", a, b, strerror(errno));
}

bool logfile_turn(struct logfile *l)
{
    if (l->size < limit)
        return false;
    for (unsigned k = keep; k-- > 0;)
        move(l->name, k, k + 1);
    if (!keep)
        (void)unlinkat(dir, l->name, 0); /* still there: then we go on with it */
    int fd = open_it(l->name, O_CREAT);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) || st.st_size) {
        log_guest(&complaints, "%s cannot be begun anew", l->name);
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (l->old_fd >= 0)
        close(l->old_fd);
    l->old_fd = l->fd;
    l->fd = fd;
    l->size = 0;
    l->gen++;
    /* A line that is cut by the turn goes on with a stamp of its own: the reader drops it. */
    l->line_start = true;
    return true;
}

/* --- reading it again ------------------------------------------------------------------------ */

struct scan {
    uint32_t bytes; /* guest's, behind the last remark */
    uint32_t start; /* offset behind it */
    bool remark;
};

static struct scan scan(int fd)
{
    struct scan s = {0};
    struct text_reader r = {0};
    char buf[16384];
    uint32_t at = 0;
    ssize_t n;
    while ((n = pread(fd, buf, sizeof buf, at)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            enum text_found f = text_step(&r, buf[i]);
            s.bytes += f == TEXT_BYTE;
            if (f == TEXT_REMARK_END)
                s = (struct scan){.start = at + (uint32_t)i + 1, .remark = true};
        }
        at += (uint32_t)n;
    }
    return s;
}

/* The file that was begun `back` turns ago; -1: there is none (any more). */
static int file_of(const struct logfile *l, unsigned back)
{
    char name[LOG_NAME + 12];
    if (back < 2)
        return back ? l->old_fd : l->fd;
    snprintf(name, sizeof name, "%s.%u", l->name, back);
    return open_it(name, 0);
}

static void file_done(unsigned back, int fd)
{
    if (back >= 2)
        close(fd);
}

uint32_t logfile_back(const struct logfile *l, uint32_t want, struct log_place *p)
{
    uint32_t have = 0;
    bool remark = false;
    for (unsigned back = 0; (!back || have < want) && !remark; back++) {
        int fd = file_of(l, back);
        if (fd < 0)
            break;
        struct scan s = scan(fd);
        file_done(back, fd);
        *p = (struct log_place){.gen = l->gen - back, .offset = s.start};
        have += s.bytes;
        remark = s.remark;
    }
    p->skip = have > want ? have - want : 0;
    return have - p->skip;
}

size_t logfile_read(const struct logfile *l, struct log_place *p, char *to, size_t room,
                    bool *left_out)
{
    size_t got = 0;
    *left_out = false;
    while (!got) {
        unsigned back = l->gen - p->gen, oldest = keep > 1 ? keep : 1;
        int fd = back > oldest ? -1 : file_of(l, back);
        if (fd < 0 && !back)
            return 0;
        if (fd < 0) {
            *left_out = true;
            *p = (struct log_place){.gen = back > oldest ? l->gen - oldest : p->gen + 1};
            continue;
        }
        char buf[4096];
        ssize_t n = pread(fd, buf, room < sizeof buf ? room : sizeof buf, p->offset);
        file_done(back, fd);
        if (n <= 0) {
            if (!back)
                return 0;
            *p = (struct log_place){.gen = p->gen + 1, .skip = p->skip};
            continue;
        }
        p->offset += (uint32_t)n;
        for (ssize_t i = 0; i < n; i++) {
            if (text_step(&p->text, buf[i]) != TEXT_BYTE)
                continue;
            if (p->skip)
                p->skip--;
            else
                to[got++] = buf[i];
        }
    }
    return got;
}
