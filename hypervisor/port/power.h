/* The machine's off switch and reset button. */
#ifndef PORT_POWER_H
#define PORT_POWER_H

#include "base/num.h"

_Noreturn void machine_reboot(void);
/* ACPI state S5; a, b: what to put into the sleep type fields of PM1a and PM1b control. */
_Noreturn void machine_power_off(uint16_t a, uint16_t b);

#endif
