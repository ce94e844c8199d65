/* The few library functions a freestanding kernel needs, and its command-line options. */
#include "pvk.h"

void *memset(void *to, int byte, size_t size)
{
    void *out = to;
    __asm__ volatile("rep stosb" : "+D"(out), "+c"(size) : "a"(byte) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
    void *out = to;
    __asm__ volatile("rep movsb" : "+D"(out), "+S"(from), "+c"(size)::"memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < size; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

static uint64_t parse_number(const char *s)
{
    uint64_t value = 0;
    unsigned int base = 10;

    if (s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    for (;; s++) {
        unsigned int digit = *s >= '0' && *s <= '9'   ? (unsigned int)(*s - '0')
                             : *s >= 'a' && *s <= 'f' ? (unsigned int)(*s - 'a' + 10)
                                                      : 99;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

uint64_t option_number(const char *name, uint64_t otherwise)
{
    const char *line = (const char *)start_info->cmd_line;
    size_t length = strlen(name);

    for (const char *s = line; *s; s++)
        if ((s == line || s[-1] == ' ') && !memcmp(s, name, length) && s[length] == '=')
            return parse_number(s + length + 1);
    return otherwise;
}
