/*
 * Property: console_io. Writing returns 0 and prints; reading returns the number of bytes waiting;
 * wrong commands, lengths and pointers are refused.
 *
 * Property typed: of a line that is typed (TYPED characters, by the test) while nobody reads,
 * nothing is lost.
 */
#include "pvk.h"

static long console(int cmd, long count, const void *buffer)
{
    return HC(__HYPERVISOR_console_io, cmd, count, buffer);
}

static void run(void)
{
    static char text[] = "console-io ~ written directly\n";
    char buffer[16];

    say("write: %s", rc_name(console(CONSOLEIO_write, (long)sizeof(text) - 1, text)));
    say("write of nothing: %s", rc_name(console(CONSOLEIO_write, 0, text)));
    say("write of nothing from a bad pointer: %s",
        rc_name(console(CONSOLEIO_write, 0, (void *)BAD_POINTER)));
    say("write from a bad pointer: %s", rc_name(console(CONSOLEIO_write, 4, (void *)BAD_POINTER)));
    say("write from the hypervisor: %s", rc_name(console(CONSOLEIO_write, 4, (void *)HV_POINTER)));
    say("write from a non-canonical pointer: %s",
        rc_name(console(CONSOLEIO_write, 4, (void *)NONCANONICAL_POINTER)));
    say("read with nothing typed: %s", rc_name(console(CONSOLEIO_read, sizeof(buffer), buffer)));
    say("read into no room: %s", rc_name(console(CONSOLEIO_read, 0, buffer)));
    say("unknown command: %s", rc_name(console(2, 4, text)));
    say("negative command: %s", rc_name(console(-1, 4, text)));
    say("count past INT_MAX: %s", rc_name(console(CONSOLEIO_read, 0x80000000L, buffer)));
}
PROPERTY(console_io, "console-io", run);

#define TYPED    2000u
#define NOT_READ 500000000ULL   /* ns; long enough for QEMU to hand over all that was typed */
#define PATIENCE 60000000000ULL /* ns */

static void typed(void)
{
    static char text[TYPED + 1];
    uint32_t n = 0;

    note("type now");
    for (uint64_t start = time_now(); time_now() - start < NOT_READ;)
        ;
    for (uint64_t start = time_now(); n < TYPED + 1 && time_now() - start < PATIENCE;) {
        long got = console(CONSOLEIO_read, (long)(sizeof(text) - n), text + n);

        if (got < 0 || (got && text[n + got - 1] == '\r')) {
            n += got > 0 ? (uint32_t)got : 0;
            break;
        }
        n += (uint32_t)got;
    }
    note("%u characters were read", n);
    check(n == TYPED + 1);
}
PROPERTY_FLAGS(typed, "typed", typed, PROPERTY_ALONE);
