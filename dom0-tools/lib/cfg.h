/*
 * The text form of a configuration, xl.cfg(5)'s grammar: settings of a key to a text, a number or
 * a list. Pure: bytes in, a tree or a sentence with file and line out.
 *
 *   file    = { [ setting ] ( newline | ';' ) }          '#' starts a comment, up to the line's end
 *   setting = key ( '=' | '+=' ) value                   key: letter { letter | digit | '_' }
 *   value   = text | number | '[' [ value { ',' value } [ ',' ] ] ']'
 *   text    = '...' or "..." with C's escapes             newlines may stand anywhere inside [ ]
 */
#ifndef LIB_CFG_H
#define LIB_CFG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/why.h"

enum { CFG_BYTES = 1 << 20, CFG_SETTINGS = 1024, CFG_DEPTH = 4, CFG_ITEMS = 4096 };

struct cfg_value {
    char *text; /* NULL: a list */
    struct cfg_value *items;
    unsigned nr;
    int line;
};

struct cfg_setting {
    char *key;
    int line;
    struct cfg_value value;
};

struct cfg {
    struct cfg_setting *settings; /* each key once: a later setting has replaced the earlier */
    unsigned nr;
};

/* Returns 0, -EINVAL (not of this grammar), -E2BIG (beyond the limits above), -ENOMEM. */
int cfg_parse(struct cfg *out, const char *file, const char *text, size_t len, struct why *w);
void cfg_free(struct cfg *c);

#endif
