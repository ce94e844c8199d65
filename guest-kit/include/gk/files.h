/*
 * Files packed into the image by `gk-cc --files FOLDER`: read only, in memory, sorted by path.
 */
#ifndef GK_FILES_H
#define GK_FILES_H

#include <stddef.h>
#include <stdint.h>

struct gk_file {
    const char *path;  /* "/index.html": relative to FOLDER, begins with '/' */
    const void *bytes; /* aligned to 16 bytes */
    size_t size;
};

/* The file of that path, or NULL. Compares bytes: no "..", no "//". */
const struct gk_file *gk_file_find(const char *path);
/* All of them: *count files, in order. An image without --files has none. */
const struct gk_file *gk_file_all(size_t *count);

#endif
