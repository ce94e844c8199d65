/* gk_printf(): formatted text to the console. */
#include <gk/console.h>
#include <gk/kit.h>
#include <gk/mem.h>

int gk_vprintf(const char *format, va_list args)
{
    char line[256];
    int n = gk_vsnprintf(line, sizeof(line), format, args);

    if ((size_t)n < sizeof(line)) {
        gk_console_put(line, (size_t)n);
        return n;
    }
    char *text = gk_alloc((size_t)n + 1);
    if (!text) {
        gk_console_put(line, sizeof(line) - 1);
        return n;
    }
    gk_vsnprintf(text, (size_t)n + 1, format, args);
    gk_console_put(text, (size_t)n);
    gk_free(text);
    return n;
}

int gk_printf(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int n = gk_vprintf(format, args);
    va_end(args);
    return n;
}
