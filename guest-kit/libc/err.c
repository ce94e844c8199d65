/* Names of error numbers. */
#include <gk/err.h>
#include "libc/string.h"
#include "start/kit.h"

static const struct {
    int number;
    const char *name;
} names[] = {
#define XEN_ERRNO(name, value) {XEN_##name, #name},
#include <xen/errno.h>
};

int kit_err_number(const char *name)
{
    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i].name, name))
            return names[i].number;
    return XEN_EIO;
}

const char *gk_err_name(int error)
{
    if (error < 0)
        error = -error;
    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].number == error)
            return names[i].name;
    return error ? "E?" : "0";
}
