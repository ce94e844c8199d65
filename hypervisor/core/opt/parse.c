/* Splits a command line into words and gives each to its option in the table. */
#include "base/bits.h"
#include "base/checked.h"
#include "base/string.h"
#include "core/opt/opt_private.h"

enum { WORD_MAX = 256 };

bool opt_same_text(const char *a, const char *b)
{
    return text_is(a, strlen(a), b);
}

bool opt_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"yes", "on", "true", "enable", "1"};
    static const char *const no[] = {"no", "off", "false", "disable", "0"};

    for (unsigned i = 0; i < ARRAY_SIZE(yes); i++) {
        if (opt_same_text(text, yes[i]) || opt_same_text(text, no[i])) {
            *value = opt_same_text(text, yes[i]);
            return true;
        }
    }
    return false;
}

bool opt_take_number(const char **text, uint64_t *value)
{
    const char *p = *text;
    unsigned base = 10;

    if (p[0] == '0' && (p[1] | 0x20) == 'x') {
        base = 16;
        p += 2;
    }
    *value = 0;
    const char *first = p;
    for (;; p++) {
        unsigned c = (unsigned char)*p, digit = 16;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        if (digit >= base)
            break;
        if (!checked_mul(*value, base, value) || !checked_add(*value, digit, value))
            return false;
    }
    *text = p;
    return p != first;
}

bool opt_number(const char *text, uint64_t *value)
{
    return opt_take_number(&text, value) && *text == '\0';
}

bool opt_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "bkmgt";
    unsigned unit = 1;

    if (!opt_take_number(&text, bytes))
        return false;
    for (unsigned i = 0; *text && i < 5; i++)
        if ((*text | 0x20) == units[i]) {
            unit = i;
            text++;
            break;
        }
    return *text == '\0' && checked_mul(*bytes, bit64(10 * unit), bytes);
}

static bool same_name(const char *word, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        char a = word[i] == '_' ? '-' : word[i], b = name[i] == '_' ? '-' : name[i];
        if (a != b || b == '\0')
            return false;
    }
    return name[len] == '\0';
}

/* Keeps a copy; NULL when there is no more room. */
static const char *keep_text(struct options *o, const char *text)
{
    size_t len = __builtin_strlen(text) + 1;

    if (len > sizeof(o->text) - o->text_used)
        return NULL;
    char *to = o->text + o->text_used;
    __builtin_memcpy(to, text, len);
    o->text_used += (uint32_t)len;
    return to;
}

static bool set_option(struct options *o, const struct option *d, const char *value, bool on)
{
    void *at = (char *)o + d->at;
    uint64_t n;
    bool flag = true;

    switch (d->type) {
    case OPT_FLAG:
    case OPT_NOT_FLAG:
        if (*value && !opt_bool(value, &flag))
            return false;
        *(bool *)at = (flag == on) == (d->type == OPT_FLAG);
        return true;
    case OPT_INT:
        if (!on || !opt_number(value, &n) || n < d->low || n > d->high)
            return false;
        *(uint32_t *)at = (uint32_t)n;
        return true;
    case OPT_STRING: {
        const char *copy = keep_text(o, on ? value : "no");
        if (copy)
            *(const char **)at = copy;
        return copy != NULL;
    }
    case OPT_CUSTOM:
        return d->parse(o, value, on);
    case OPT_IGNORED:
        break;
    }
    return true;
}

/* The option that a word names; *on is false if it does so as `no-name`. */
static const struct option *find_option(const char *word, size_t len, bool *on)
{
    for (unsigned negated = 0; negated < 2; negated++) {
        *on = !negated;
        if (negated) {
            if (len < 4 || !same_name(word, 3, "no-"))
                break;
            word += 3;
            len -= 3;
        }
        for (unsigned i = 0; i < opt_table_size; i++) {
            if (same_name(word, len, opt_table[i].name))
                return &opt_table[i];
        }
    }
    return NULL;
}

void opt_parse_into(struct options *o, const char *line,
                    void (*report)(void *arg, enum opt_report what, const char *word,
                                   const char *text),
                    void *arg)
{
    *o = (struct options){0};
    for (;;) {
        char word[WORD_MAX];
        size_t len = 0, name_len = 0;
        bool on;

        while (*line == ' ' || *line == '\t' || *line == '\n')
            line++;
        if (*line == '\0')
            return;
        const char *start = line;
        while (*line && *line != ' ' && *line != '\t' && *line != '\n')
            line++;
        len = (size_t)(line - start);
        bool fits = len < sizeof(word);
        if (!fits)
            len = sizeof(word) - 1;
        __builtin_memcpy(word, start, len);
        word[len] = '\0';
        if (opt_same_text(word, "--")) {
            while (*line == ' ')
                line++;
            o->dom0_extra = keep_text(o, line);
            return;
        }
        while (name_len < len && word[name_len] != '=')
            name_len++;
        const struct option *d = find_option(word, name_len, &on);
        const char *value = word + name_len + (word[name_len] == '=');
        if (!d)
            report(arg, OPT_UNKNOWN, word, NULL);
        else if (d->type == OPT_IGNORED)
            report(arg, OPT_UNUSED, word, d->expected);
        else if (!fits || !set_option(o, d, value, on))
            report(arg, OPT_BAD_VALUE, word, d->expected);
    }
}
