/* The text form of a configuration: a recursive-descent parser of cfg.h's grammar. */
#include "lib/cfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *p, *end, *file;
    int line;
    unsigned items; /* of all lists, against CFG_ITEMS */
    struct why *w;
};

static int fail(struct parser *s, const char *what)
{
    return why(s->w, -EINVAL, "%s:%d: %s", s->file, s->line, what);
}

static int fail_char(struct parser *s, const char *wanted)
{
    if (s->p >= s->end)
        return why(s->w, -EINVAL, "%s:%d: the file ends where %s should be", s->file, s->line,
                   wanted);
    if (*s->p == '\n')
        return why(s->w, -EINVAL, "%s:%d: the line ends where %s should be", s->file, s->line,
                   wanted);
    unsigned char c = (unsigned char)*s->p;
    if (c < 0x20 || c >= 0x7f)
        return why(s->w, -EINVAL, "%s:%d: byte 0x%02x where %s should be", s->file, s->line, c,
                   wanted);
    return why(s->w, -EINVAL, "%s:%d: '%c' where %s should be", s->file, s->line, c, wanted);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Blanks and comments; newlines too if they mean nothing here. */
static void skip(struct parser *s, bool newlines)
{
    while (s->p < s->end) {
        char c = *s->p;
        if (c == '#') {
            while (s->p < s->end && *s->p != '\n')
                s->p++;
        } else if (c == ' ' || c == '\t' || c == '\r' || (c == '\n' && newlines)) {
            s->line += c == '\n';
            s->p++;
        } else
            return;
    }
}

static char *copy(struct parser *s, const char *from, size_t n)
{
    char *t = malloc(n + 1);
    if (!t) {
        why(s->w, -ENOMEM, "out of memory");
        return NULL;
    }
    memcpy(t, from, n);
    t[n] = 0;
    return t;
}

static int hex(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character that an escape stands for; s->p is behind the backslash and moves on. -1: none. */
static int escape(struct parser *s)
{
    static const char from[] = "abfnrtv\\'\"?", to[] = "\a\b\f\n\r\t\v\\'\"?";
    if (s->p >= s->end)
        return -1;
    char c = *s->p++;
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        return (unsigned char)to[at - from];
    int v = 0, n = 0;
    if (c == 'x')
        for (; n < 2 && s->p < s->end && hex(*s->p) >= 0; n++)
            v = v * 16 + hex(*s->p++);
    else if (c >= '0' && c <= '7')
        for (s->p--; n < 3 && s->p < s->end && *s->p >= '0' && *s->p <= '7'; n++)
            v = v * 8 + (*s->p++ - '0');
    return n && v > 0 && v < 256 ? v : -1;
}

static int quoted(struct parser *s, struct cfg_value *v)
{
    char quote = *s->p++;
    const char *start = s->p;
    while (s->p < s->end && *s->p != quote && *s->p != '\n')
        s->p += *s->p == '\\' && s->p + 1 < s->end && s->p[1] != '\n' ? 2 : 1;
    if (s->p >= s->end || *s->p != quote)
        return fail(s, "a text is not closed on its line");
    v->text = copy(s, start, (size_t)(s->p - start));
    if (!v->text)
        return -ENOMEM;
    const char *end = s->p;
    size_t n = 0;
    for (s->p = start; s->p < end;) {
        int c = (unsigned char)*s->p++;
        if (c == '\\')
            c = escape(s);
        if (c <= 0 || s->p > end)
            return fail(s, c == 0 ? "a text holds a NUL byte" : "unknown escape after '\\'");
        v->text[n++] = (char)c;
    }
    v->text[n] = 0;
    s->p = end + 1;
    return 0;
}

static int number(struct parser *s, struct cfg_value *v)
{
    const char *start = s->p;
    if (s->end - s->p > 2 && s->p[0] == '0' && (s->p[1] | 32) == 'x' && hex(s->p[2]) >= 0)
        for (s->p += 2; s->p < s->end && hex(*s->p) >= 0;)
            s->p++;
    else
        while (s->p < s->end && is_digit(*s->p))
            s->p++;
    if (s->p < s->end && is_letter(*s->p))
        return fail_char(s, "the end of a number");
    v->text = copy(s, start, (size_t)(s->p - start));
    return v->text ? 0 : -ENOMEM;
}

static int value(struct parser *s, struct cfg_value *v, unsigned depth);

static struct cfg_value *add_item(struct parser *s, struct cfg_value *list)
{
    if (!(list->nr & (list->nr - 1))) {
        size_t room = list->nr ? 2ul * list->nr : 1;
        struct cfg_value *more = realloc(list->items, room * sizeof *more);
        if (!more) {
            why(s->w, -ENOMEM, "out of memory");
            return NULL;
        }
        list->items = more;
    }
    struct cfg_value *v = &list->items[list->nr++];
    memset(v, 0, sizeof *v);
    return v;
}

static int list(struct parser *s, struct cfg_value *v, unsigned depth)
{
    s->p++;
    for (;;) {
        skip(s, true);
        if (s->p < s->end && *s->p == ']')
            break;
        if (++s->items > CFG_ITEMS)
            return why(s->w, -E2BIG, "%s:%d: more than %d list items", s->file, s->line, CFG_ITEMS);
        struct cfg_value *item = add_item(s, v);
        int rc = item ? value(s, item, depth + 1) : -ENOMEM;
        if (rc)
            return rc;
        skip(s, true);
        if (s->p < s->end && *s->p == ',')
            s->p++;
        else if (s->p >= s->end || *s->p != ']')
            return fail_char(s, "',' or ']'");
    }
    s->p++;
    return 0;
}

static int value(struct parser *s, struct cfg_value *v, unsigned depth)
{
    v->line = s->line;
    if (depth > CFG_DEPTH)
        return why(s->w, -E2BIG, "%s:%d: lists nested more than %d deep", s->file, s->line,
                   CFG_DEPTH);
    if (s->p < s->end && (*s->p == '"' || *s->p == '\''))
        return quoted(s, v);
    if (s->p < s->end && *s->p == '[')
        return list(s, v, depth);
    if (s->p < s->end && is_digit(*s->p))
        return number(s, v);
    return fail_char(s, "a value (text in quotes, a number, or a list in [ ])");
}

static void value_free(struct cfg_value *v)
{
    for (unsigned i = 0; i < v->nr; i++)
        value_free(&v->items[i]);
    free(v->items);
    free(v->text);
}

/* `a += b`: texts are joined, lists too. */
static int append(struct parser *s, struct cfg_value *to, struct cfg_value *from)
{
    if (!to->text != !from->text)
        return fail(s, "+= joins two texts or two lists, not one with the other");
    if (to->text) {
        size_t a = strlen(to->text), b = strlen(from->text);
        char *both = realloc(to->text, a + b + 1);
        if (!both)
            return why(s->w, -ENOMEM, "out of memory");
        memcpy(both + a, from->text, b + 1);
        to->text = both;
        return 0;
    }
    for (unsigned i = 0; i < from->nr; i++) {
        struct cfg_value *item = add_item(s, to);
        if (!item)
            return -ENOMEM;
        *item = from->items[i];
        memset(&from->items[i], 0, sizeof from->items[i]);
    }
    return 0;
}

static int store_setting(struct parser *s, struct cfg *c, char *key, int line, bool add,
                         struct cfg_value *v)
{
    unsigned i = 0;
    while (i < c->nr && strcmp(c->settings[i].key, key) != 0)
        i++;
    if (i < c->nr) {
        struct cfg_setting *old = &c->settings[i];
        int rc = 0;
        if (add)
            rc = append(s, &old->value, v);
        else {
            struct cfg_value swap = old->value;
            old->value = *v;
            *v = swap;
            old->line = line;
        }
        free(key);
        value_free(v);
        return rc;
    }
    if (c->nr >= CFG_SETTINGS) {
        free(key);
        value_free(v);
        return why(s->w, -E2BIG, "%s:%d: more than %d settings", s->file, s->line, CFG_SETTINGS);
    }
    struct cfg_setting *more = realloc(c->settings, (c->nr + 1ul) * sizeof *more);
    if (!more) {
        free(key);
        value_free(v);
        return why(s->w, -ENOMEM, "out of memory");
    }
    c->settings = more;
    c->settings[c->nr++] = (struct cfg_setting){.key = key, .line = line, .value = *v};
    return 0;
}

static int setting(struct parser *s, struct cfg *c)
{
    const char *start = s->p;
    int line = s->line;
    if (!is_letter(*s->p))
        return fail_char(s, "a key");
    while (s->p < s->end && (is_letter(*s->p) || is_digit(*s->p)))
        s->p++;
    char *key = copy(s, start, (size_t)(s->p - start));
    if (!key)
        return -ENOMEM;
    skip(s, false);
    bool add = s->end - s->p > 1 && s->p[0] == '+' && s->p[1] == '=';
    int rc = 0;
    if (add)
        s->p += 2;
    else if (s->p < s->end && *s->p == '=')
        s->p++;
    else
        rc = fail_char(s, "'='");
    skip(s, false);
    struct cfg_value v = {0};
    if (!rc)
        rc = value(s, &v, 0);
    if (rc) {
        free(key);
        value_free(&v);
        return rc;
    }
    rc = store_setting(s, c, key, line, add, &v);
    if (rc)
        return rc;
    skip(s, false);
    if (s->p < s->end && *s->p != '\n' && *s->p != ';')
        return fail_char(s, "the end of the line");
    return 0;
}

int cfg_parse(struct cfg *out, const char *file, const char *text, size_t len, struct why *w)
{
    struct parser s = {.p = text, .end = text + len, .file = file, .line = 1, .w = w};
    memset(out, 0, sizeof *out);
    if (len > CFG_BYTES)
        return why(w, -E2BIG, "%s: larger than %d bytes: is it a configuration?", file, CFG_BYTES);
    for (;;) {
        skip(&s, true);
        if (s.p >= s.end)
            return 0;
        if (*s.p == ';') {
            s.p++;
            continue;
        }
        int rc = setting(&s, out);
        if (rc) {
            cfg_free(out);
            return rc;
        }
    }
}

void cfg_free(struct cfg *c)
{
    for (unsigned i = 0; i < c->nr; i++) {
        free(c->settings[i].key);
        value_free(&c->settings[i].value);
    }
    free(c->settings);
    memset(c, 0, sizeof *c);
}
