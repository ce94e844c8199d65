/* Save and restore, inside the kit. */
#ifndef START_SUSPEND_H
#define START_SUSPEND_H

#include <gk/suspend.h>

/* Tells tools where the p2m lies, so that they can save and dump this guest. */
void kit_p2m_publish(void);
/* The whole of it; called by the xenstore thread. */
void kit_suspend(void);

/* Present only in programs that link grants. */
void kit_gnt_suspend(void) __attribute__((weak));
void kit_gnt_resume(bool cancelled) __attribute__((weak));

#endif
