/* Folders of the packed file tree. */
#ifndef GK_LIBC_SYS_DIRENT_H
#define GK_LIBC_SYS_DIRENT_H

#include <sys/types.h>

#ifndef NAME_MAX
#define NAME_MAX 255
#endif

struct dirent {
    ino_t d_ino;
    unsigned char d_type;
    char d_name[NAME_MAX + 1];
};
#define DT_UNKNOWN 0
#define DT_DIR     4
#define DT_REG     8

typedef struct DIR DIR;
DIR *opendir(const char *path);
struct dirent *readdir(DIR *dir);
int closedir(DIR *dir);

#endif
