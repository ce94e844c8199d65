/* Names of error numbers. */
#include <gk/err.h>

static const struct {
    int number;
    const char *name;
} names[] = {
#define XEN_ERRNO(name, value) {XEN_##name, #name},
#include <xen/errno.h>
};

const char *gk_err_name(int error)
{
    if (error < 0)
        error = -error;
    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].number == error)
            return names[i].name;
    return error ? "E?" : "0";
}
