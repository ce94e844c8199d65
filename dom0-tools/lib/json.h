/*
 * JSON out (laid out as xl does it: indented by four, "{\n\n}" for an empty map) and in.
 *
 * Writing: a key of NULL stands for an element of an array. Reading gives libyajl's tree.
 *
 * JSON is UTF-8, names and paths are bytes. A byte that is no part of a UTF-8 character is written
 * as the character U+10FF00 + byte, and json_strdup() makes it that byte again. (A text that has
 * such characters of its own, U+10FF80 to U+10FFFF, has them written byte by byte.)
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_tree.h>

#include "lib/why.h"

struct json;

struct json *json_new(void);
void json_free(struct json *j);
void json_map(struct json *j, const char *key);
void json_map_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value); /* NULL: writes null */
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
/* What was written so far, NUL-terminated; belongs to j. NULL when memory ran out. */
const char *json_text(struct json *j, size_t *len);

/* Parses text; NULL with a sentence. Free with yajl_tree_free. */
yajl_val json_parse(const char *text, struct why *w);
/* A member of a map, or NULL. */
yajl_val json_get(yajl_val map, const char *key);
/* A string's text; "" for anything else. */
static inline const char *json_str(yajl_val v)
{
    return v && YAJL_IS_STRING(v) ? v->u.string : "";
}
/* Its bytes as they were before json_string(), malloced; NULL: no memory. */
char *json_strdup(yajl_val v);

#endif
