/* Start-up: from the hypervisor's start_info to main(). */
#include "start/kit.h"

#include <gk/kit.h>
#include <gk/thread.h>
#include "console/con.h"
#include "evt/evt.h"
#include "libc/string.h"
#include "mem/mem.h"
#include "start/suspend.h"
#include "thread/sched.h"
#include "time/clock.h"
#include "xenbus/xb.h"

struct start_info *kit_start_info;

#define ARGUMENTS_MAX 32
static char words[MAX_GUEST_CMDLINE];
static char *arguments[ARGUMENTS_MAX + 2];
__attribute__((weak)) uint64_t gk_main_stack = 64 << 10; /* see kit.h */

int main(int argc, char **argv);
extern void (*const __init_array_start[])(int, char **, char **);
extern void (*const __init_array_end[])(int, char **, char **);
extern const kit_driver_init kit_drivers_start[], kit_drivers_end[];

const char *gk_cmdline(void)
{
    return (const char *)kit_start_info->cmd_line;
}

bool gk_is_dom0(void)
{
    return kit_start_info->flags & SIF_INITDOMAIN;
}

/* Words are parted by blanks; there is no quoting. Those for the kit (gk.stack=...) are none of the
 * program's: one written for another system refuses what it does not know. */
static int arguments_split(void)
{
    int count = 1;
    const char *from = gk_cmdline();
    char *to = words;

    arguments[0] = (char *)"image";
    for (size_t i = 0; i < sizeof(words) - 1 && from[i]; i++)
        *to++ = from[i] == ' ' || from[i] == '\t' ? '\0' : from[i];
    for (char *p = words; p < to && count <= ARGUMENTS_MAX; p++)
        if (*p && (p == words || !p[-1]) && strncmp(p, "gk.", 3) != 0)
            arguments[count++] = p;
    return count;
}

static void main_thread(void *unused)
{
    (void)unused;
    kit_p2m_publish();
    kit_control_start();
    for (const kit_driver_init *d = kit_drivers_start; d < kit_drivers_end; d++)
        (*d)();
    int count = arguments_split();
    size_t constructors = (size_t)(__init_array_end - __init_array_start);
    for (size_t i = 0; i < constructors; i++)
        __init_array_start[i](count, arguments, arguments + count);
    gk_exit(main(count, arguments));
}

void kit_start(struct start_info *info)
{
    kit_start_info = info;
    kit_tables_init();
    kit_traps_init();
    kit_evt_init();
    kit_pages_init();
    kit_console_init();
    kit_clock_init();
    kit_tables_protect();
    kit_threads_start(main_thread, gk_option_u64("gk.stack", gk_main_stack));
}
