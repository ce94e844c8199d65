/* JSON in and out, over libyajl (see json.h). */
#include "lib/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

struct json {
    yajl_gen gen;
};

struct json *json_new(void)
{
    struct json *j = calloc(1, sizeof *j);
    if (!j)
        return NULL;
    j->gen = yajl_gen_alloc(NULL);
    if (!j->gen) {
        free(j);
        return NULL;
    }
    yajl_gen_config(j->gen, yajl_gen_beautify, 1);
    return j;
}

void json_free(struct json *j)
{
    if (j) {
        yajl_gen_free(j->gen);
        free(j);
    }
}

/* --- bytes that are no text ----------------------------------------------------------------- */

/* U+10FF00 + byte: in the last plane of characters for private use, so nobody writes it. */
static const unsigned char stray[2] = {0xf4, 0x8f};

static void put_stray(unsigned char *to, unsigned char byte)
{
    const unsigned char code[4] = {stray[0], stray[1], (unsigned char)(0xbc | byte >> 6),
                                   (unsigned char)(0x80 | (byte & 0x3f))};
    memcpy(to, code, 4);
}

static bool is_stray(const unsigned char *s)
{
    return s[0] == stray[0] && s[1] == stray[1] && (s[2] & 0xfe) == 0xbe && (s[3] & 0xc0) == 0x80;
}

/* How many bytes the character at s takes (a NUL ends the text); 0: it is none of UTF-8, or one of
 * those that stand for stray bytes. */
static unsigned character(const unsigned char *s)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n < 2)
        return n;
    uint32_t c = s[0] & (0x7fu >> n);
    if (s[0] >= 0xf8)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    return c < least[n] || (c >> 11) == 0x1b || c > 0x10ffff || is_stray(s) ? 0 : n;
}

static void put_text(struct json *j, const char *s)
{
    const unsigned char *in = (const unsigned char *)s;
    const size_t len = strlen(s);
    size_t good = 0, at = 0;
    for (unsigned n; good < len && (n = character(in + good)); good += n)
        ;
    unsigned char *out = good < len ? malloc(4 * len) : NULL;
    if (!out) { /* as it is (also when memory ran out: then nothing more is written) */
        yajl_gen_string(j->gen, in, good);
        return;
    }
    while (*in) {
        const unsigned n = character(in);
        if (n)
            memcpy(out + at, in, n);
        else
            put_stray(out + at, *in);
        at += n ? n : 4;
        in += n ? n : 1;
    }
    yajl_gen_string(j->gen, out, at);
    free(out);
}

char *json_strdup(yajl_val v)
{
    char *s = strdup(json_str(v));
    unsigned char *to = (unsigned char *)s;
    for (const unsigned char *in = to; in && *in; to++)
        if (is_stray(in)) {
            *to = (unsigned char)(in[2] << 6 | (in[3] & 0x3f));
            in += 4;
        } else {
            *to = *in++;
        }
    if (to)
        *to = 0;
    return s;
}

/* --- writing -------------------------------------------------------------------------------- */

static void put_key(struct json *j, const char *key)
{
    if (key)
        put_text(j, key);
}

void json_map(struct json *j, const char *key)
{
    put_key(j, key);
    yajl_gen_map_open(j->gen);
}

void json_map_end(struct json *j)
{
    yajl_gen_map_close(j->gen);
}

void json_array(struct json *j, const char *key)
{
    put_key(j, key);
    yajl_gen_array_open(j->gen);
}

void json_array_end(struct json *j)
{
    yajl_gen_array_close(j->gen);
}

void json_string(struct json *j, const char *key, const char *value)
{
    put_key(j, key);
    if (value)
        put_text(j, value);
    else
        yajl_gen_null(j->gen);
}

void json_number(struct json *j, const char *key, int64_t value)
{
    put_key(j, key);
    yajl_gen_integer(j->gen, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    put_key(j, key);
    yajl_gen_bool(j->gen, value);
}

const char *json_text(struct json *j, size_t *len)
{
    const unsigned char *text = NULL;
    size_t n = 0;
    if (yajl_gen_get_buf(j->gen, &text, &n) != yajl_gen_status_ok)
        return NULL;
    if (len)
        *len = n;
    return (const char *)text;
}

yajl_val json_parse(const char *text, struct why *w)
{
    char err[256] = "";
    yajl_val v = yajl_tree_parse(text, err, sizeof err);
    if (!v) {
        for (char *p = err; *p; p++)
            if (*p == '\n')
                *p = ' ';
        why(w, -EINVAL, "not JSON: %s", err[0] ? err : "empty");
    }
    return v;
}

yajl_val json_get(yajl_val map, const char *key)
{
    if (!map || !YAJL_IS_OBJECT(map))
        return NULL;
    for (size_t i = 0; i < map->u.object.len; i++)
        if (strcmp(map->u.object.keys[i], key) == 0)
            return map->u.object.values[i];
    return NULL;
}
