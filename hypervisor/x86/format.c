/* Text from a format string: the part of printf that the log uses, without floating point. */
#include "x86/console.h"
#include "port/log.h"

#include <stdbool.h>
#include <stddef.h>

struct sink {
    char *buf;
    unsigned int size, length;
};

struct spec {
    bool left, zero, plus, upper;
    int width, precision; /* precision -1: none given */
    int size;             /* of an integer argument: 4 or 8 bytes */
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->buf[s->length++] = c;
}

static void put_padded(struct sink *s, const struct spec *f, const char *text, int n, char sign)
{
    int pad = f->width - n - (sign != 0);

    if (!f->left && !f->zero)
        for (; pad > 0; pad--)
            put(s, ' ');
    if (sign)
        put(s, sign);
    if (!f->left && f->zero)
        for (; pad > 0; pad--)
            put(s, '0');
    for (int i = 0; i < n; i++)
        put(s, text[i]);
    for (; f->left && pad > 0; pad--)
        put(s, ' ');
}

static void put_number(struct sink *s, const struct spec *f, uint64_t v, unsigned int base,
                       char sign)
{
    const char *digits = f->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[24];
    unsigned int at = sizeof(text);

    do {
        text[--at] = digits[v % base];
        v /= base;
    } while (v);
    put_padded(s, f, text + at, (int)(sizeof(text) - at), sign);
}

static void put_string(struct sink *s, struct spec *f, const char *text)
{
    int n = 0;

    if (!text)
        text = "(null)";
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

/* A width or precision: digits, or '*' for an argument. */
#define READ_COUNT(p, value, args)                                                                 \
    (*(p) == '*' ? ((value) = va_arg(args, int), (p) + 1) : read_number((p), &(value)))

static const char *read_size(const char *p, struct spec *f)
{
    f->size = 4;
    for (; *p == 'l' || *p == 'z' || *p == 'h' || *p == 't' || *p == 'j'; p++)
        if (*p != 'h')
            f->size = 8;
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
        for (p++; *p == '-' || *p == '0' || *p == '+' || *p == '#' || *p == ' '; p++) {
            f.left |= *p == '-';
            f.zero |= *p == '0';
            f.plus |= *p == '+';
        }
        p = READ_COUNT(p, f.width, args);
        if (*p == '.') {
            p++;
            p = READ_COUNT(p, f.precision, args);
        }
        p = read_size(p, &f);
        switch (*p) {
        case 'd':
        case 'i': {
            int64_t v = f.size == 8 ? va_arg(args, int64_t) : va_arg(args, int);

            put_number(&s, &f, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
                       v < 0    ? '-'
                       : f.plus ? '+'
                                : 0);
            break;
        }
        case 'X':
            f.upper = true;
            __attribute__((fallthrough));
        case 'x':
        case 'u':
        case 'o': {
            uint64_t v = f.size == 8 ? va_arg(args, uint64_t) : va_arg(args, unsigned int);

            put_number(&s, &f, v, *p == 'u' ? 10 : *p == 'o' ? 8 : 16, 0);
            break;
        }
        case 'p':
            f.zero = true;
            f.width = 16;
            put_number(&s, &f, (uint64_t)(uintptr_t)va_arg(args, void *), 16, 0);
            break;
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
