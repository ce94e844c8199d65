/* How the table of options (table.c) and the parser (parse.c) meet. */
#ifndef CORE_OPT_PRIVATE_H
#define CORE_OPT_PRIVATE_H

#include "core/opt/opt.h"

enum opt_type {
    OPT_FLAG,     /* bool: name, no-name, name=yes or no */
    OPT_NOT_FLAG, /* bool that says the opposite of the option */
    OPT_INT,      /* uint32_t, low..high */
    OPT_STRING,   /* const char * */
    OPT_CUSTOM,   /* parse() */
    OPT_IGNORED,  /* known to Xen, of no use here: `expected` says why */
};

struct option {
    const char *name;
    enum opt_type type;
    uint16_t at; /* offset in struct options */
    uint32_t low, high;
    /* value: text behind '=', or "" ; on: false for `no-name`. False: a bad value. */
    bool (*parse)(struct options *o, const char *value, bool on);
    const char *expected; /* what a right value looks like */
};

extern const struct option opt_table[];
extern const unsigned opt_table_size;

/* yes on true enable 1, no off false disable 0; false: neither. */
bool opt_bool(const char *text, bool *value);

bool opt_same_text(const char *a, const char *b);

#endif
