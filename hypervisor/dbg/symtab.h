/* The symbol table that dbg/symtab.awk generates: sorted by offset from symtab_base. */
#ifndef DBG_SYMTAB_H
#define DBG_SYMTAB_H

#include "base/num.h"

struct symtab_entry {
    uint32_t offset;
    uint32_t name; /* index into symtab_names */
};

extern const uint64_t symtab_base;
extern const uint32_t symtab_count;
extern const struct symtab_entry symtab[];
extern const char symtab_names[];

#endif
