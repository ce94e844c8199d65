/* Formatted text: gk_vsnprintf() and its family. Pure. */
#include <gk/kit.h>

struct out {
    char *at;
    size_t room, length; /* length counts also what found no room */
};

struct spec {
    bool left, zero, plus, space, alternate;
    int width, precision; /* precision -1: none */
    unsigned int size;    /* bytes of the argument */
};

static void emit(struct out *o, char c)
{
    if (o->length < o->room)
        o->at[o->length] = c;
    o->length++;
}

static void fill(struct out *o, char c, int count)
{
    while (count-- > 0)
        emit(o, c);
}

static void emit_text(struct out *o, const struct spec *s, const char *text)
{
    int n = 0;

    if (!text)
        text = "(null)";
    while ((s->precision < 0 || n < s->precision) && text[n])
        n++;
    if (!s->left)
        fill(o, ' ', s->width - n);
    for (int i = 0; i < n; i++)
        emit(o, text[i]);
    if (s->left)
        fill(o, ' ', s->width - n);
}

static void emit_number(struct out *o, const struct spec *s, uint64_t value, unsigned int base,
                        bool upper, const char *prefix)
{
    char digits[24];
    int n = 0, lead = 0, zeros;
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

    for (; value; value /= base)
        digits[n++] = set[value % base];
    while (prefix[lead])
        lead++;
    zeros = (s->precision < 0 ? 1 : s->precision) - n;
    if (zeros < 0)
        zeros = 0;
    if (s->zero && !s->left && s->precision < 0 && s->width > lead + n + zeros)
        zeros = s->width - lead - n;
    if (!s->left)
        fill(o, ' ', s->width - lead - zeros - n);
    for (int i = 0; i < lead; i++)
        emit(o, prefix[i]);
    fill(o, '0', zeros);
    for (int i = n; i-- > 0;)
        emit(o, digits[i]);
    if (s->left)
        fill(o, ' ', s->width - lead - zeros - n);
}

static const char *parse_number(const char *f, int *value, va_list *args)
{
    *value = 0;
    if (*f == '*') {
        *value = va_arg(*args, int);
        return f + 1;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        if (*value < 100000)
            *value = *value * 10 + (*f - '0');
    return f;
}

static const char *parse_flags(const char *f, struct spec *s)
{
    for (;; f++)
        switch (*f) {
        case '-':
            s->left = true;
            break;
        case '0':
            s->zero = true;
            break;
        case '+':
            s->plus = true;
            break;
        case ' ':
            s->space = true;
            break;
        case '#':
            s->alternate = true;
            break;
        default:
            return f;
        }
}

static const char *parse(const char *f, struct spec *s, va_list *args)
{
    *s = (struct spec){.precision = -1, .size = sizeof(int)};
    f = parse_number(parse_flags(f, s), &s->width, args);
    if (s->width < 0) {
        s->left = true;
        s->width = -s->width;
    }
    if (*f == '.')
        f = parse_number(f + 1, &s->precision, args);
    for (;; f++)
        switch (*f) {
        case 'h':
            s->size = s->size == 2 ? 1 : 2;
            break;
        case 'l':
        case 'z':
        case 't':
        case 'j':
            s->size = 8;
            break;
        default:
            return f;
        }
}

static int64_t signed_argument(const struct spec *s, va_list *args)
{
    if (s->size == 8)
        return va_arg(*args, int64_t);
    int value = va_arg(*args, int);
    return s->size == 1 ? (signed char)value : s->size == 2 ? (short)value : value;
}

static uint64_t unsigned_argument(const struct spec *s, va_list *args)
{
    if (s->size == 8)
        return va_arg(*args, uint64_t);
    unsigned int value = va_arg(*args, unsigned int);
    return s->size == 1 ? (uint8_t)value : s->size == 2 ? (uint16_t)value : value;
}

static void conversion(struct out *o, char kind, struct spec *s, va_list *args)
{
    int64_t value;
    char c[2] = {0};

    switch (kind) {
    case 'd':
    case 'i':
        value = signed_argument(s, args);
        emit_number(o, s, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, false,
                    value < 0  ? "-"
                    : s->plus  ? "+"
                    : s->space ? " "
                               : "");
        break;
    case 'u':
        emit_number(o, s, unsigned_argument(s, args), 10, false, "");
        break;
    case 'o':
        emit_number(o, s, unsigned_argument(s, args), 8, false, s->alternate ? "0" : "");
        break;
    case 'x':
    case 'X':
        emit_number(o, s, unsigned_argument(s, args), 16, kind == 'X', s->alternate ? "0x" : "");
        break;
    case 'p':
        emit_number(o, s, (uintptr_t)va_arg(*args, void *), 16, false, "0x");
        break;
    case 's':
        emit_text(o, s, va_arg(*args, const char *));
        break;
    case 'c':
        c[0] = (char)va_arg(*args, int);
        s->precision = -1;
        emit_text(o, s, c);
        break;
    default:
        emit(o, '%');
        emit(o, kind);
    }
}

int gk_vsnprintf(char *out, size_t size, const char *format, va_list list)
{
    struct out o = {.at = out, .room = size ? size - 1 : 0};
    struct spec s;
    va_list args;

    va_copy(args, list);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            emit(&o, *f);
            continue;
        }
        f = parse(f + 1, &s, &args);
        if (!*f)
            break;
        if (*f == '%')
            emit(&o, '%');
        else
            conversion(&o, *f, &s, &args);
    }
    va_end(args);
    if (size)
        out[o.length < o.room ? o.length : o.room] = '\0';
    return (int)o.length;
}

int gk_snprintf(char *out, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = gk_vsnprintf(out, size, format, args);
    va_end(args);
    return n;
}
