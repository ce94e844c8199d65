/* How the files of core/load refuse. */
#ifndef CORE_LOAD_WHY_H
#define CORE_LOAD_WHY_H

/* *why says what is wrong, in a few words. Returns the error. */
static inline int bad(int error, const char *text, const char **why)
{
    *why = text;
    return error;
}

#endif
