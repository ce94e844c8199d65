/* Why something failed: one sentence, built from the inside out. */
#include "lib/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int why(struct why *w, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof w->text, fmt, ap);
    va_end(ap);
    return err;
}

int why_in(struct why *w, int err, const char *fmt, ...)
{
    struct why inner = *w;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(w->text, sizeof w->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof w->text - 3)
        snprintf(w->text + n, sizeof w->text - (size_t)n, ": %.*s",
                 (int)(sizeof w->text - (size_t)n - 3), inner.text);
    return err;
}
