/* Inside the grant room. */
#ifndef GNT_GNT_H
#define GNT_GNT_H

#include <gk/gnt.h>
#include "start/xen.h"

/*
 * --- entry.c: pure. One entry of the table, <xen/grant_table.h>. ---
 * The hypervisor sets the flags READING and WRITING in the same word while the other side uses the
 * page, so the end of a grant is one compare-and-exchange: no use can begin between the look and
 * the change.
 */
void gnt_entry_set(struct grant_entry_v1 *e, uint16_t domid, uint64_t mfn, bool readonly);
bool gnt_entry_clear(struct grant_entry_v1 *e); /* false: in use */
bool gnt_entry_in_use(const struct grant_entry_v1 *e);

#endif
