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

static void put_text(struct json *j, const char *s)
{
    yajl_gen_string(j->gen, (const unsigned char *)s, strlen(s));
}

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
