/* The log's formatting against the C library's, and the ends of small buffers. */
#include "check.h"
#include "port/log.h"

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[128], theirs[128];                                                               \
        int n = log_format(ours, sizeof(ours), __VA_ARGS__);                                       \
        snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                             \
        CHECK_STR(ours, theirs);                                                                   \
        CHECK_EQ(n, strlen(theirs));                                                               \
    } while (0)

int main(void)
{
    char small[4];

    SAME("%d %d %u", -5, 0, 4000000000u);
    SAME("%x %lx %llx", 0xabcu, 0xfedcba9876543210ul, 1ull);
    SAME("%8d|%-8d|%08d", 42, 42, -42);
    SAME("%016lx %4x", 0x1234ul, 0xfu);
    SAME("%s|%8s|%-8s|%.3s|%.*s", "abc", "abc", "abc", "abcdef", 2, "xyz");
    SAME("%c%%%c", 'a', 'b');
    SAME("%ld %zu", -9223372036854775807l - 1, (size_t)77);
    CHECK_EQ(log_format(small, sizeof(small), "%s", "abcdef"), 3);
    CHECK_STR(small, "abc");
    CHECK_EQ(log_format(small, 1, "x"), 0);
    CHECK_STR(small, "");
    return check_result();
}
