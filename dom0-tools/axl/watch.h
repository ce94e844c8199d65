/*
 * The watcher: a small process per guest that acts on its end as the configuration says
 * (on_poweroff, on_reboot, on_crash ...), as xl's background process does.
 */
#ifndef AXL_WATCH_H
#define AXL_WATCH_H

#include <stdint.h>

/* Starts one in the background; it has its own handles and log (/var/log/xen/axl-NAME.log). */
int watch_start(uint32_t domid, const char *name);
/* Watches in this process until there is nothing left to watch. Returns an exit status. */
int watch_run(uint32_t domid);

#endif
