/* A guest's configuration from its file. */
#ifndef AXL_CONFIG_H
#define AXL_CONFIG_H

#include "lib/gconf.h"

/* Fills *g (after gconf_init), complete and checked. 0 or -errno. */
int config_load(const char *path, struct gconf *g, struct why *w);

#endif
