/* The files packed into the image, read only, through open(), read(), stat() and readdir(). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gk/files.h>
#include <gk/mem.h>

#include "libc/fd.h"

/* newlib's PATH_MAX is in a limits.h that clang, told to be freestanding, does not reach. */
enum { PATH_BYTES = 1024 };

struct packed {
    struct fd_file file; /* first */
    const struct gk_file *packed;
    off_t at;
};

/* "a/./b//c/../d" as seen from "/": "/a/b/d". False: longer than a path may be. */
static bool plain_path(const char *path, char *plain)
{
    size_t length = 0;
    while (*path) {
        while (*path == '/')
            path++;
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (length && plain[--length] != '/')
                ;
        } else if (n && !(n == 1 && path[0] == '.')) {
            if (length + n + 2 > PATH_BYTES)
                return false;
            plain[length++] = '/';
            memcpy(plain + length, path, n);
            length += n;
        }
        path += n;
    }
    plain[length] = '\0';
    return true;
}

/* The first packed file whose path is not below "<folder>/" in the order of bytes. */
static size_t first_below(const char *folder)
{
    size_t count, low = 0, length = strlen(folder);
    const struct gk_file *all = gk_file_all(&count);
    while (low < count) {
        size_t middle = (low + count) / 2;
        int order = strncmp(all[middle].path, folder, length);
        if (order == 0)
            order = (unsigned char)all[middle].path[length] - '/';
        if (order < 0)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

static bool is_below(const struct gk_file *file, const char *folder, size_t length)
{
    return strncmp(file->path, folder, length) == 0 && file->path[length] == '/';
}

static bool is_folder(const char *plain)
{
    size_t count, first = first_below(plain);
    const struct gk_file *all = gk_file_all(&count);
    return !*plain || (first < count && is_below(&all[first], plain, strlen(plain)));
}

static void stat_file(const struct gk_file *file, struct stat *stat)
{
    memset(stat, 0, sizeof *stat);
    stat->st_mode = file ? S_IFREG | 0444 : S_IFDIR | 0555;
    stat->st_size = file ? (off_t)file->size : 0;
    stat->st_nlink = 1;
    stat->st_blksize = 4096;
    stat->st_blocks = (stat->st_size + 511) / 512;
}

static ssize_t packed_read(struct fd_file *file, void *to, size_t size)
{
    struct packed *p = (struct packed *)file;
    size_t left = p->at < (off_t)p->packed->size ? p->packed->size - (size_t)p->at : 0;
    size_t n = size < left ? size : left;
    memcpy(to, (const char *)p->packed->bytes + p->at, n);
    p->at += (off_t)n;
    return (ssize_t)n;
}

static off_t packed_seek(struct fd_file *file, off_t offset, int whence)
{
    struct packed *p = (struct packed *)file;
    off_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? p->at : (off_t)p->packed->size;
    if (__builtin_add_overflow(from, offset, &from) || from < 0)
        return -EINVAL;
    return p->at = from;
}

static int packed_stat(struct fd_file *file, struct stat *stat)
{
    stat_file(((struct packed *)file)->packed, stat);
    return 0;
}

static void packed_close(struct fd_file *file)
{
    gk_free(file);
}

static const struct fd_ops packed_ops = {
    .read = packed_read, .seek = packed_seek, .stat = packed_stat, .close = packed_close};

int open(const char *path, int flags, ...)
{
    char plain[PATH_BYTES];
    if (!plain_path(path, plain))
        return (int)fd_result(-ENAMETOOLONG);
    const struct gk_file *found = gk_file_find(plain);
    if (!found)
        return (int)fd_result(is_folder(plain) ? -EISDIR : flags & O_CREAT ? -EROFS : -ENOENT);
    if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
        return (int)fd_result(-EROFS);
    struct packed *p = gk_zalloc(sizeof *p);
    if (!p)
        return (int)fd_result(-ENOMEM);
    p->file = (struct fd_file){.ops = &packed_ops, .flags = flags};
    p->packed = found;
    int fd = fd_install(&p->file);
    if (fd < 0)
        gk_free(p);
    return (int)fd_result(fd);
}

int stat(const char *path, struct stat *stat)
{
    char plain[PATH_BYTES];
    if (!plain_path(path, plain))
        return (int)fd_result(-ENAMETOOLONG);
    const struct gk_file *found = gk_file_find(plain);
    if (!found && !is_folder(plain))
        return (int)fd_result(-ENOENT);
    stat_file(found, stat);
    return 0;
}

int lstat(const char *path, struct stat *to);
int lstat(const char *path, struct stat *to)
{
    return stat(path, to);
}

int access(const char *path, int mode)
{
    struct stat s;
    if (stat(path, &s))
        return -1;
    return mode & W_OK ? (int)fd_result(-EROFS) : 0;
}

ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
    struct fd_file *file = fd_get(fd);
    if (!file)
        return fd_result(-EBADF);
    if (file->ops != &packed_ops)
        return fd_result(-ESPIPE);
    if (offset < 0)
        return fd_result(-EINVAL);
    struct packed at = *(struct packed *)file;
    at.at = offset;
    return packed_read(&at.file, to, size);
}

/* ---- folders: what the sorted list has between "<folder>/" and the next '/' ---- */

struct DIR {
    size_t next, length; /* index in the list; of the folder's path */
    struct dirent entry;
    char folder[];
};

DIR *opendir(const char *path)
{
    char plain[PATH_BYTES];
    if (!plain_path(path, plain) || !is_folder(plain)) {
        errno = gk_file_find(plain) ? ENOTDIR : ENOENT;
        return NULL;
    }
    DIR *dir = gk_zalloc(sizeof *dir + strlen(plain) + 1);
    if (!dir) {
        errno = ENOMEM;
        return NULL;
    }
    strcpy(dir->folder, plain);
    dir->length = strlen(plain);
    dir->next = first_below(plain);
    return dir;
}

struct dirent *readdir(DIR *dir)
{
    size_t count;
    const struct gk_file *all = gk_file_all(&count);
    while (dir->next < count && is_below(&all[dir->next], dir->folder, dir->length)) {
        const char *name = all[dir->next++].path + dir->length + 1;
        size_t n = strcspn(name, "/");
        if (n > NAME_MAX ||
            (strlen(dir->entry.d_name) == n && !strncmp(dir->entry.d_name, name, n)))
            continue; /* a folder that was named already */
        memcpy(dir->entry.d_name, name, n);
        dir->entry.d_name[n] = '\0';
        dir->entry.d_type = name[n] ? DT_DIR : DT_REG;
        dir->entry.d_ino = dir->next;
        return &dir->entry;
    }
    return NULL;
}

int closedir(DIR *dir)
{
    gk_free(dir);
    return 0;
}
