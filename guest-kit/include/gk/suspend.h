/*
 * Save, restore and migration: what a driver does before the guest is stopped and after it goes on,
 * possibly elsewhere.
 *
 * The kit itself takes care of memory, shared pages, time, console, xenstore (watches included) and
 * its own drivers. Event channels and grants are gone in the new place: whoever made them makes
 * them anew in `resume`.
 */
#ifndef GK_SUSPEND_H
#define GK_SUSPEND_H

#include <stdbool.h>

struct gk_suspend_hook {
    /* Before: no threads but this one run until resume; must not block. May be NULL. */
    void (*suspend)(void *argument);
    /* After, in the xenstore thread, may block. cancelled: nothing has changed, the guest is where
     * it was. */
    void (*resume)(void *argument, bool cancelled);
    void *argument;
    struct gk_suspend_hook *next; /* the kit's own */
};
/* The hook's memory is the caller's; it stays registered until taken out. Hooks are called in the
 * order of registration. */
void gk_suspend_register(struct gk_suspend_hook *hook);
/* Takes it out again; not from within a hook. */
void gk_suspend_unregister(struct gk_suspend_hook *hook);

/*
 * What happens on `xl shutdown` and `xl reboot`. Without one the guest ends with gk_exit(0) or
 * reboots. `call` runs in the xenstore thread and may block; NULL restores the default.
 */
void gk_shutdown_handler(void (*call)(bool reboot));

#endif
