/* Files packed into the image by gk-cc --files. */
#include <stdint.h>

#include <gk/files.h>

extern const struct gk_file gk_packed_files[] __attribute__((weak));
extern const size_t gk_packed_files_count __attribute__((weak));

const struct gk_file *gk_file_all(size_t *count)
{
    *count = &gk_packed_files_count ? gk_packed_files_count : 0;
    return gk_packed_files;
}

/* How far both are the same from byte `from` on, which both have. */
static size_t same(const char *a, const char *b, size_t from)
{
    while (a[from] && a[from] == b[from])
        from++;
    return from;
}

/* The table is sorted. What lies between two paths begins with what the two share, so as much of
 * `path` as is the same in both ends of the range is compared no more. */
const struct gk_file *gk_file_find(const char *path)
{
    size_t low = 0, high, like_low = 0, like_high = 0;
    const struct gk_file *all = gk_file_all(&high);

    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *there = all[middle].path;
        size_t like = same(there, path, like_low < like_high ? like_low : like_high);
        if (there[like] == path[like])
            return &all[middle];
        if ((uint8_t)there[like] < (uint8_t)path[like]) {
            low = middle + 1;
            like_low = like;
        } else {
            high = middle;
            like_high = like;
        }
    }
    return NULL;
}
