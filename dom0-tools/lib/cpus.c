/* Sets of cpus and the text that names them (see cpus.h). */
#include "lib/cpus.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void cpus_all(struct cpus *c)
{
    memset(c->bits, 0xff, sizeof c->bits);
}

bool cpus_none(const struct cpus *c)
{
    for (size_t i = 0; i < sizeof c->bits; i++)
        if (c->bits[i])
            return false;
    return true;
}

bool cpus_full(const struct cpus *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!cpus_has(c, i))
            return false;
    return true;
}

/* A number below CPUS_MAX at *p, which moves on. */
static bool number(const char **p, unsigned *out)
{
    unsigned n = 0;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++) {
        n = n * 10 + (unsigned)(**p - '0');
        if (n >= CPUS_MAX)
            return false;
    }
    *out = n;
    return true;
}

static void skip_blanks(const char **p)
{
    while (**p == ' ' || **p == '\t')
        (*p)++;
}

static bool item(struct cpus *c, const char **p)
{
    bool away = **p == '^';
    unsigned first = 0, last = CPUS_MAX - 1;
    if (away)
        (*p)++;
    if (strncmp(*p, "all", 3) == 0)
        *p += 3;
    else {
        if (strncmp(*p, "cpu:", 4) == 0)
            *p += 4;
        if (!number(p, &first))
            return false;
        last = first;
        if (**p == '-') {
            (*p)++;
            if (!number(p, &last) || last < first)
                return false;
        }
    }
    for (unsigned i = first; i <= last; i++) {
        if (away)
            cpus_drop(c, i);
        else
            cpus_add(c, i);
    }
    return true;
}

bool cpus_parse(struct cpus *c, const char *text)
{
    memset(c, 0, sizeof *c);
    const char *p = text;
    for (;;) {
        skip_blanks(&p);
        if (!item(c, &p))
            return false;
        skip_blanks(&p);
        if (!*p)
            return !cpus_none(c);
        if (*p++ != ',')
            return false;
    }
}

void cpus_format(const struct cpus *c, unsigned n, char *out, size_t room)
{
    size_t used = 0;
    if (!room)
        return;
    out[0] = 0;
    if (cpus_full(c, n)) {
        snprintf(out, room, "all");
        return;
    }
    for (unsigned i = 0; i < n && used < room - 1; i++) {
        if (!cpus_has(c, i))
            continue;
        unsigned last = i;
        while (last + 1 < n && cpus_has(c, last + 1))
            last++;
        int k = last > i ? snprintf(out + used, room - used, "%s%u-%u", used ? "," : "", i, last)
                         : snprintf(out + used, room - used, "%s%u", used ? "," : "", i);
        if (k < 0)
            return;
        used += (size_t)k;
        i = last;
    }
    if (!used)
        snprintf(out, room, "none");
}
