/*
 * hello: the smallest program. Command line: exit=N is the exit code; end=panic, fault, write-code,
 * run-data or overflow ends it the hard way; stay=1 keeps it there, asleep, until it is told to go.
 */
#include <gk/kit.h>
#include <gk/thread.h>
#include <gk/time.h>

static int overflow(int depth)
{
    volatile char space[256];

    space[0] = (char)depth;
    return depth == -1 ? 0 : overflow(depth + 1) + space[0];
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int main(int argc, char **argv);

static void end_by(const char *how)
{
    static unsigned char code[] = {0xc3};

    if (same(how, "panic"))
        gk_panic("as told");
    if (same(how, "fault"))
        *(volatile int *)gk_option_u64("at", 0x10) = 1;
    if (same(how, "write-code"))
        *(volatile unsigned char *)(uintptr_t)main = 0xc3;
    if (same(how, "run-data"))
        ((void (*)(void))(uintptr_t)code)();
    if (same(how, "overflow"))
        overflow(0);
}

int main(int argc, char **argv)
{
    char how[16];

    gk_printf("Hello, world!\n");
    for (int i = 1; i < argc; i++)
        gk_printf("argument %d: %s\n", i, argv[i]);
    if (gk_option("end", how, sizeof(how)) > 0)
        end_by(how);
    while (gk_option_u64("stay", 0))
        gk_sleep(3600 * GK_S);
    return (int)gk_option_u64("exit", 0);
}
