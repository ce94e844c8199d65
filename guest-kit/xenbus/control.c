/*
 * The xenstore thread: it calls the watches, and obeys `control/shutdown`, through which the
 * toolstack asks for power-off, reboot, or suspension.
 */
#include <gk/err.h>
#include <gk/suspend.h>
#include <gk/time.h>
#include "libc/string.h"
#include "start/suspend.h"
#include "xenbus/xb.h"

static struct gk_thread *thread;
static void (*handler)(bool reboot);

bool kit_in_xenstore_thread(void)
{
    return gk_thread_self() == thread;
}

void gk_shutdown_handler(void (*call)(bool reboot))
{
    handler = call;
}

void kit_exit_code_publish(int code)
{
    xs_patience(gk_time_mono() + 5 * GK_S);
    gk_xs_printf(GK_XS_NONE, "data/exit-code", "%d", code);
}

static void end(bool reboot)
{
    if (handler)
        handler(reboot);
    else if (reboot)
        kit_shutdown(SHUTDOWN_reboot);
    else
        gk_exit(0);
}

static void obey(const char *path, void *argument)
{
    char what[16];

    (void)argument;
    if (gk_xs_read_into(GK_XS_NONE, path, what, sizeof(what)) <= 0)
        return;
    /* The empty value says that it was heard. */
    gk_xs_write(GK_XS_NONE, path, "");
    if (!strcmp(what, "suspend"))
        kit_suspend();
    else if (!strcmp(what, "poweroff") || !strcmp(what, "halt") || !strcmp(what, "reboot"))
        end(!strcmp(what, "reboot"));
    else
        gk_printf("control/shutdown: '%s' is not known\n", what);
}

static void run(void *unused)
{
    struct gk_xs_watch *watch;

    (void)unused;
    int rc = gk_xs_watch("control/shutdown", obey, NULL, &watch);
    if (rc)
        gk_printf("control/shutdown cannot be watched: %s\n", gk_err_name(rc));
    xs_watch_loop();
}

void kit_control_start(void)
{
    if (!xs_present())
        return;
    thread = gk_thread_create("xenstore", run, NULL, GK_STACK_DEFAULT);
    if (!thread)
        gk_panic("no memory for the xenstore thread");
}
