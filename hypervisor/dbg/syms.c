/* Names of the hypervisor's functions, for backtraces and debuggers.
 *
 * dbg/symtab.awk makes the table from the first link's `nm -n`; it lies behind all code, so that
 * adding it moves no function. */
#include "dbg/dbg.h"

struct symtab_entry {
    uint32_t offset;
    uint32_t name; /* index into symtab_names */
};

extern const uint64_t symtab_base;
extern const uint32_t symtab_count;
extern const struct symtab_entry symtab[];
extern const char symtab_names[];

/* Index of the last symbol at or below the offset; count if there is none. */
static uint32_t find(uint32_t offset)
{
    uint32_t low = 0, high = symtab_count;

    while (low < high) {
        uint32_t mid = (low + high) / 2;

        if (symtab[mid].offset <= offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? low - 1 : symtab_count;
}

const char *sym_name(uint64_t address, uint64_t *offset)
{
    uint64_t at = address - symtab_base;

    *offset = address;
    if (address < symtab_base || at > UINT32_MAX)
        return "?";
    uint32_t i = find((uint32_t)at);
    /* The last entry marks the end of the code. */
    if (i >= symtab_count || i + 1 == symtab_count)
        return "?";
    *offset = at - symtab[i].offset;
    return symtab_names + symtab[i].name;
}

bool sym_next(uint32_t *index, uint64_t *address, const char **name)
{
    /* The index may be a guest's (platform_op's get_symbol): no sum that could wrap. */
    if (symtab_count < 2 || *index >= symtab_count - 1)
        return false;
    *address = symtab_base + symtab[*index].offset;
    *name = symtab_names + symtab[*index].name;
    (*index)++;
    return true;
}
