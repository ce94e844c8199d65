/* Text from a format string: the part of printf that the log uses (port/log.h names it). */
#include "x86/console.h"
#include "port/log.h"

#include <stdbool.h>
#include <stddef.h>

struct sink {
    char *buf;
    unsigned int size, length;
};

struct spec {
    bool left, zero, wide; /* wide: an integer argument has 8 bytes, not 4 */
    int width, precision;  /* precision -1: none given */
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->buf[s->length++] = c;
}

static void put_padded(struct sink *s, const struct spec *f, const char *text, int n, char sign)
{
    int pad = f->width - n - (sign != 0);

    for (; !f->left && !f->zero && pad > 0; pad--)
        put(s, ' ');
    if (sign)
        put(s, sign);
    for (; !f->left && f->zero && pad > 0; pad--)
        put(s, '0');
    for (int i = 0; i < n; i++)
        put(s, text[i]);
    for (; f->left && pad > 0; pad--)
        put(s, ' ');
}

static void put_number(struct sink *s, const struct spec *f, uint64_t v, unsigned int base,
                       char sign)
{
    char text[24];
    unsigned int at = sizeof(text);

    do {
        text[--at] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    put_padded(s, f, text + at, (int)(sizeof(text) - at), sign);
}

static void put_string(struct sink *s, struct spec *f, const char *text)
{
    int n = 0;

    while ((f->precision < 0 || n < f->precision) && text[n])
        n++;
    f->zero = false;
    put_padded(s, f, text, n, 0);
}

static const char *read_number(const char *p, int *value)
{
    *value = 0;
    while (*p >= '0' && *p <= '9' && *value < 1000)
        *value = *value * 10 + (*p++ - '0');
    return p;
}

int log_vformat(char *buf, unsigned int size, const char *fmt, va_list args)
{
    struct sink s = {buf, size, 0};

    for (const char *p = fmt; *p; p++) {
        struct spec f = {.precision = -1};

        if (*p != '%') {
            put(&s, *p);
            continue;
        }
        for (p++; *p == '-' || *p == '0'; p++) {
            f.left |= *p == '-';
            f.zero |= *p == '0';
        }
        p = read_number(p, &f.width);
        if (p[0] == '.' && p[1] == '*') {
            p += 2;
            f.precision = va_arg(args, int);
        } else if (*p == '.') {
            p = read_number(p + 1, &f.precision);
        }
        for (; *p == 'l' || *p == 'z'; p++)
            f.wide = true;
        switch (*p) {
        case 'd': {
            int64_t v = f.wide ? va_arg(args, int64_t) : va_arg(args, int);

            put_number(&s, &f, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0 ? '-' : 0);
            break;
        }
        case 'x':
        case 'u': {
            uint64_t v = f.wide ? va_arg(args, uint64_t) : va_arg(args, unsigned int);

            put_number(&s, &f, v, *p == 'u' ? 10 : 16, 0);
            break;
        }
        case 's':
            put_string(&s, &f, va_arg(args, const char *));
            break;
        case 'c':
            put(&s, (char)va_arg(args, int));
            break;
        case '\0':
            p--;
            break;
        default:
            put(&s, *p);
            break;
        }
    }
    if (size)
        buf[s.length] = '\0';
    return (int)s.length;
}

int log_format(char *buf, unsigned int size, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = log_vformat(buf, size, fmt, args);
    va_end(args);
    return n;
}
