/*
 * The record of a running guest's configuration, where libxl keeps and looks for it: a JSON file
 * /var/lib/xen/userdata-d.DOMID.UUID.libxl-json. Stock xl and axl read each other's.
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include "lib/gconf.h"
#include "lib/hyp.h"
#include "lib/json.h"
#include "lib/store.h"

int record_write(uint32_t domid, const struct gconf *g, struct why *w);
/* Fills *g (after gconf_init) with the record and what is true now (name, memory, weight). */
int record_read(struct hyp *h, struct store *s, const hyp_dominfo *d, struct gconf *g,
                struct why *w);
/* Removes every file kept for the domain. */
void record_remove(uint32_t domid, const char *uuid);
/* Writes {"domid": N, "config": {...}}; nothing when it fails. */
int record_emit(struct hyp *h, struct store *s, const hyp_dominfo *d, struct json *j,
                struct why *w);

#endif
