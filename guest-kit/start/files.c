/* Files packed into the image by gk-cc --files. */
#include <gk/files.h>
#include "libc/string.h"

extern const struct gk_file gk_packed_files[] __attribute__((weak));
extern const size_t gk_packed_files_count __attribute__((weak));

const struct gk_file *gk_file_all(size_t *count)
{
    *count = &gk_packed_files_count ? gk_packed_files_count : 0;
    return gk_packed_files;
}

const struct gk_file *gk_file_find(const char *path)
{
    size_t low = 0, high;
    const struct gk_file *all = gk_file_all(&high);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(all[middle].path, path);
        if (!order)
            return &all[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
