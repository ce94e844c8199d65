/* Debug keys: one letter, one report. From the serial console, or `xl debug-keys`. */
#ifndef DBG_KEYS_H
#define DBG_KEYS_H

#include "base/num.h"

/*
 * Runs the report of a key (unknown ones are named in the log). No lock held; interrupts off; on
 * the way out of the hypervisor or in idle.
 */
void key_pressed(char key);

/* Adds a key of another part; fn runs as above. At most 16 in all. False: table full or taken. */
bool key_add(char key, const char *help, void (*fn)(void));

#endif
