/* Words of the command line, by name. */
#include <gk/err.h>
#include "libc/string.h"
#include "start/kit.h"

int gk_option(const char *name, char *value, size_t size)
{
    size_t n = strlen(name);

    for (const char *p = gk_cmdline(); *p;) {
        while (*p == ' ' || *p == '\t')
            p++;
        const char *word = p;
        while (*p && *p != ' ' && *p != '\t')
            p++;
        size_t length = (size_t)(p - word);
        if (length < n || memcmp(word, name, n) || (length > n && word[n] != '='))
            continue;
        size_t have = length > n ? length - n - 1 : 0;
        size_t copied = have < size ? have : size - 1;
        memcpy(value, word + n + 1, copied);
        value[copied] = '\0';
        return (int)have;
    }
    return -XEN_ENOENT;
}

static unsigned int digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned int)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 99;
}

uint64_t gk_option_u64(const char *name, uint64_t otherwise)
{
    char text[32];
    const char *p = text;
    unsigned int base = 10;
    uint64_t value = 0;

    if (gk_option(name, text, sizeof(text)) <= 0)
        return otherwise;
    if (p[0] == '0' && (p[1] | 0x20) == 'x') {
        base = 16;
        p += 2;
    }
    if (digit(*p) >= base)
        return otherwise;
    for (; digit(*p) < base; p++)
        value = value * base + digit(*p);
    switch (*p | 0x20) {
    case 'k':
        return value << 10;
    case 'm':
        return value << 20;
    case 'g':
        return value << 30;
    }
    return *p ? otherwise : value;
}
