/*
 * Checks for native unit tests: a failed one prints where and what, and the test goes on so that
 * one run shows all. main() ends with `return check_result();`.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned check_done, check_failed;

static inline bool check_that(bool ok, const char *file, int line, const char *text)
{
    check_done++;
    if (!ok && ++check_failed <= 20)
        printf("%s:%d: failed: %s\n", file, line, text);
    return ok;
}

static inline bool check_equal(uint64_t got, uint64_t want, const char *file, int line,
                               const char *text)
{
    check_done++;
    if (got != want && ++check_failed <= 20)
        printf("%s:%d: %s is %#llx, not %#llx\n", file, line, text, (unsigned long long)got,
               (unsigned long long)want);
    return got == want;
}

#define CHECK(cond)         check_that((cond), __FILE__, __LINE__, #cond)
#define CHECK_EQ(got, want) check_equal((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, #got)
#define CHECK_STR(got, want)                                                                       \
    check_that(strcmp(got, want) == 0, __FILE__, __LINE__, #got " == " #want)

static inline int check_result(void)
{
    printf("%u checks, %u failed\n", check_done, check_failed);
    return check_failed != 0;
}

#endif
