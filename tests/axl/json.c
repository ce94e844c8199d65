/*
 * Is standard input one JSON value (of the kind named, map or array) and nothing else?
 * usage: json map|array
 */
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

static int depth, tops;
static const char *kind = "";

static int open_map(void *x)
{
    (void)x;
    kind = depth++ == 0 ? "map" : kind;
    return 1;
}

static int open_array(void *x)
{
    (void)x;
    kind = depth++ == 0 ? "array" : kind;
    return 1;
}

static int shut(void *x)
{
    (void)x;
    tops += --depth == 0;
    return 1;
}

int main(int argc, char **argv)
{
    static const yajl_callbacks seen = {.yajl_start_map = open_map,
                                        .yajl_start_array = open_array,
                                        .yajl_end_map = shut,
                                        .yajl_end_array = shut};
    yajl_handle h = yajl_alloc(&seen, NULL, NULL);
    unsigned char buf[4096];
    size_t n;
    while ((n = fread(buf, 1, sizeof buf, stdin)) > 0)
        if (yajl_parse(h, buf, n) != yajl_status_ok) {
            fputs((char *)yajl_get_error(h, 1, buf, n), stdout);
            return 1;
        }
    if (yajl_complete_parse(h) != yajl_status_ok || tops != 1 || argc != 2) {
        puts("not one whole value");
        return 1;
    }
    if (strcmp(kind, argv[1]) != 0) {
        printf("%s, not %s\n", kind, argv[1]);
        return 1;
    }
    return 0;
}
