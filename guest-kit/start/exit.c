/* The ends of a guest: by its own will, or because something is wrong. */
#include <gk/console.h>
#include <gk/err.h>
#include <gk/time.h>
#include "console/con.h"
#include "start/kit.h"
#include "thread/turn.h"
#include "thread/vcpu.h"

#define EXITS_MAX 16
static void (*exits[EXITS_MAX])(void);
static unsigned int exits_count;

int gk_at_exit(void (*call)(void))
{
    if (exits_count == EXITS_MAX)
        return -XEN_ENOSPC;
    exits[exits_count++] = call;
    return 0;
}

void kit_shutdown(unsigned int reason)
{
    struct sched_shutdown op = {.reason = reason};

    for (;;)
        hc_sched(SCHEDOP_shutdown, &op);
}

void gk_exit(int code)
{
    kit_turn_begin(); /* and never ends */
    while (exits_count)
        exits[--exits_count]();
    if (code)
        gk_printf("exit code %d\n", code);
    kit_exit_code_publish(code);
    gk_console_flush(gk_time_mono() + 5 * GK_S);
    kit_shutdown(SHUTDOWN_poweroff);
}

void gk_panic(const char *format, ...)
{
    va_list args;
    static bool again;

    if (kit_smp)
        kit_turn_force();
    kit_console_emergency();
    if (!again) {
        again = true;
        va_start(args, format);
        gk_printf("panic: ");
        gk_vprintf(format, args);
        gk_printf("\n");
        va_end(args);
        gk_backtrace();
    }
    kit_shutdown(SHUTDOWN_crash);
}
