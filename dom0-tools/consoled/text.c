/* Lines of a log (see text.h). */
#include "consoled/text.h"

#include <stdio.h>
#include <string.h>

size_t text_stamp(char *out, const char *in, size_t n, const char stamp[TEXT_STAMP],
                  bool *line_start)
{
    char *to = out;
    const char *end = in + n;
    while (in < end) {
        if (*line_start) {
            memcpy(to, stamp, TEXT_STAMP);
            to += TEXT_STAMP;
        }
        const char *nl = memchr(in, '\n', (size_t)(end - in));
        size_t k = (size_t)((nl ? nl + 1 : end) - in);
        memcpy(to, in, k);
        to += k;
        in += k;
        *line_start = nl != NULL;
    }
    return (size_t)(to - out);
}

enum text_found text_step(struct text_reader *r, char c)
{
    switch (r->at) {
    case TEXT_AT_START:
        if (c == '[') {
            r->at = TEXT_IN_STAMP;
            r->left = TEXT_STAMP - 1;
            return TEXT_NOTHING;
        }
        r->at = c == '-' ? TEXT_IN_REMARK : TEXT_IN_LINE;
        break;
    case TEXT_IN_STAMP:
        if (--r->left == 0)
            r->at = TEXT_IN_LINE;
        return TEXT_NOTHING;
    default:
        break;
    }
    const bool remark = r->at == TEXT_IN_REMARK;
    if (c == '\n')
        r->at = TEXT_AT_START;
    if (!remark)
        return TEXT_BYTE;
    return c == '\n' ? TEXT_REMARK_END : TEXT_NOTHING;
}

void text_file_name(char *out, size_t room, const char *guest)
{
    size_t n = (size_t)snprintf(out, room, "guest-%.200s", guest);
    if (n > room - 5)
        n = room - 5;
    for (size_t i = 0; i < n; i++)
        if (out[i] == '/' || (unsigned char)out[i] < 32)
            out[i] = '_';
    memcpy(out + n, ".log", 5);
}
